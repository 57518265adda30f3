"""What is measured, figure by figure. Ours and the bare library take turns on the same prompts, so that a load hits both."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean
from string import Template
from typing import Any

import httpx

from bot.bench.asked import Noted, NotingModel, Questions
from bot.bench.figures import Figure, first_come, median, ratio, single
from bot.bench.processes import Child, Memory, Served, stream_chat
from bot.coach import Coach
from bot.llm.protocol import Prompt
from bot.types import Question

PLAIN_TOKENS = 40
"""Tokens decoded one by one, ours and bare."""
ANSWER_TOKENS = 260
USERS = (1, 2, 4, 8)
TURNS = 200

Tick = Callable[[str], None]
"""Told before each measurement what it is."""


def engine(coach: Coach, model: NotingModel, bare: Child, questions: Sequence[Question], limit: float, tick: Tick) -> list[Figure]:
    """Our engine against the bare library.

    Args:
        coach: asks `model`.
        limit: tokens a second that memory could feed.
    """
    own, waits, ideals, plain, drafted, loops, cold = [], [], [], [], [], [], []
    for question in questions:
        tick("engine against the bare library")
        since = time.monotonic()
        coach.answer(question)
        said = model.noted[-1]
        own.append((said.began - since) * 1000)
        loop = bare.call("decode", depth=said.prompt_tokens, tokens=PLAIN_TOKENS)["ms"] / PLAIN_TOKENS
        ideal = bare.call("prefill", depth=said.reused_tokens, tokens=said.new_tokens)["ms"] + loop
        ideals.append(ideal)
        waits.append(_first_ms(model.say(said.prompt, 1)))
        loops.append(loop)
        plain.append(model.say(replace(said.prompt, expected=()), PLAIN_TOKENS).decode_ms)
        loops.append(bare.call("decode", depth=said.prompt_tokens, tokens=PLAIN_TOKENS)["ms"] / PLAIN_TOKENS)
        drafted.append(model.say(said.prompt, ANSWER_TOKENS).decode_ms)
        cold.append((_first_ms(model.say(replace(said.prompt, static=0, messages=_unkept(said.prompt)), 1)), waits[-1]))
    pairs = [mean(loops[n : n + 2]) for n in range(0, len(loops), 2)]
    return [
        ratio("decode rate ÷ bare llama_decode loop, one token after the other", pairs, plain, "≥ 0.97"),
        ratio("decode rate ÷ bare loop, vetted sentences as drafts", pairs, drafted),
        median("bare loop", [1000 / value for value in pairs], "tokens/s"),
        median("vetted sentences as drafts", [1000 / value for value in drafted], "tokens/s"),
        median("decode rate ÷ what memory could feed", [1000 / value / limit for value in plain]),
        ratio("time to first token ÷ (new prompt tokens at the bare rate + one token)", waits, ideals, "≤ 1.1"),
        ratio("first token with the kept beginning ÷ nothing kept", [warm for _, warm in cold], [bare_ for bare_, _ in cold]),
        median("own time, question to first prompt token", own, "ms", "≤ 80"),
    ]


def follow_ups(coach: Coach, model: NotingModel, questions: Sequence[Question], tick: Tick) -> list[Figure]:
    """A follow-up's first token against the same prompt with nothing kept."""
    warm, cold = [], []
    for question in questions:
        tick("follow-ups")
        coach.answer(question)
        prompt = model.noted[-1].prompt
        warm.append(_first_ms(model.say(prompt, 1)))
        cold.append(_first_ms(model.say(replace(prompt, static=0, messages=_unkept(prompt)), 1)))
    return [ratio("first token of a follow-up ÷ the same with nothing kept", warm, cold, "≤ 0.35")]


def languages(served: Served, questions: Questions, each: int, tick: Tick) -> list[Figure]:
    """What a reader waits for, over HTTP, in each language."""
    figures: list[Figure] = []
    for code, own in questions.first.items():
        told = []
        for question in own[:each]:
            tick(f"answers in {code}")
            told.append(served.ask(question.text))
        worded = [one.worded for one in told if one.worded is not None]
        figures += [
            median(f"{code}: first card", [one.cards * 1000 for one in told], "ms", "≤ 300"),
            median(f"{code}: first checked sentence", [one.sentence for one in told], "s", "≤ 2"),
            *([median(f"{code}: first sentence of the model", worded, "s", "≤ 2")] if worded else []),
            median(f"{code}: whole answer", [one.end for one in told], "s", "≤ 4.5"),
        ]
    return figures


def page_rate(served: Served, bare: Child, questions: Sequence[Question], tick: Tick) -> Figure:
    """Decode rate of whole answers through the HTTP interface."""
    rates = []
    for question in questions:
        tick("decode rate over HTTP")
        times = served.ask(question.text).answer["timings"]
        if times["first_token_ms"] is not None and times["completion_tokens"] > 1:
            loop = bare.call("decode", depth=times["prompt_tokens"], tokens=PLAIN_TOKENS)["ms"] / PLAIN_TOKENS
            took = (times["total_ms"] - times["first_token_ms"]) / (times["completion_tokens"] - 1)
            rates.append(loop / took)
    return median("decode rate ÷ bare loop, whole answers over HTTP, drafts and check included", rates, "", "≥ 0.93")


def users(served: Served, questions: Sequence[Question], rounds: int, tick: Tick) -> tuple[list[Figure], dict[int, float]]:
    """Several at once, each asking the next question when the last is answered.

    Returns:
        The figures, and the mean seconds of an answer by number of users.
    """
    took: dict[int, list[float]] = {count: [] for count in USERS}
    responses: dict[int, list[float]] = {count: [] for count in USERS}
    perfect: dict[int, list[float]] = {count: [] for count in USERS}
    errors = 0
    for _ in range(rounds):
        alone: list[float] = []
        for count in USERS:
            tick(f"{count} users")
            shares = [list(range(user, len(questions), count)) for user in range(count)]
            since = time.perf_counter()
            with ThreadPoolExecutor(count) as pool:
                told = list(pool.map(lambda share: [served.ask(questions[n].text) for n in share], shares))
            took[count].append(time.perf_counter() - since)
            flat = [one for own in told for one in own]
            errors += sum(any(note.startswith("model_") for note in one.answer["notes"]) for one in flat)
            alone = alone or [one.end for one in flat]
            responses[count].append(mean(one.end for one in flat))
            perfect[count].append(mean(first_come([[alone[n] for n in share] for share in shares])))
    figures = [single("answers that did not get the model's words", errors, "", "≤ 0")]
    for count in USERS[1:]:
        figures += [
            ratio(f"{count} users: throughput ÷ one user's", took[1], took[count], "≥ 0.95"),
            ratio(f"{count} users: waiting ÷ a perfect first-come queue", responses[count], perfect[count], "≤ 1.15"),
        ]
    return figures, {count: mean(values) for count, values in responses.items()}


def growth(served: Served, questions: Questions, settled: tuple[int, Memory], turns: int, tick: Tick) -> list[Figure]:
    """Memory, and what it grows by over many turns, those to come in conversations of four.

    Args:
        settled: turns answered at an earlier time, and the memory then.
        turns: how many are answered at the end.
    """
    history: list[dict[str, str]] = []
    for question in questions.taken(turns)[: max(0, turns - served.turns)]:
        tick("memory")
        told = served.ask(question.text, history)
        history = [*history, {"question": question.text, "answer": told.answer["answer"]}] if len(history) < 3 else []
    since, before = settled
    now = served.memory()
    return [
        single("memory of all processes", now.resident, "GB", "≤ 3.5"),
        single(f"growth of their own memory, turn {since} to {served.turns}", (now.private / before.private - 1) * 100, "%", "≤ 2"),
    ]


def other_ways(
    served: Served,
    model: NotingModel,
    coach: Coach,
    bare: Child,
    server: httpx.Client | None,
    template: Path,
    questions: Sequence[Question],
    tick: Tick,
) -> tuple[list[Figure], Mapping[str, tuple[float, float]]]:
    """Ours against plain ways of asking the same model with the same retrieved text.

    Returns:
        The figures, and seconds to the first text and to the end by way.
    """
    ways: dict[str, list[tuple[float, float]]] = {"ours": [], "Llama": [], "context last": []}
    for question in questions:
        tick("other ways of asking")
        told = served.ask(question.text)
        ways["ours"].append((told.sentence, told.end))
        coach.answer(question)
        prompt = model.noted[-1].prompt
        messages = [asdict(message) for message in prompt.messages]
        bare.call("chat", messages=messages[: prompt.static], max_tokens=1)
        chat = bare.call("chat", messages=messages, max_tokens=ANSWER_TOKENS)
        ways["Llama"].append((chat["first_ms"] / 1000, chat["end_ms"] / 1000))
        if server is not None:
            ways["context last"].append(stream_chat(server, context_last(template, question.text, prompt), ANSWER_TOKENS))
    names = {
        "Llama": "Llama.create_chat_completion, our prompt, its beginning warm",
        "context last": "llama.cpp's server, context in the last message",
    }
    figures = []
    for way, name in names.items():
        if ways[way]:
            for n, what in enumerate(("first text", "end")):
                theirs, ours = [one[n] for one in ways[way]], [one[n] for one in ways["ours"]]
                figures += [median(f"{name}: {what}", theirs, "s"), ratio(f"{name}: {what} ÷ ours", theirs, ours)]
    return figures, {way: (_middle(times, 0), _middle(times, 1)) for way, times in ways.items() if times}


def context_last(template: Path, question: str, prompt: Prompt) -> str:
    """One user message with instructions, the retrieved text and the question, as chat front ends send it."""
    sources = "\n".join(f'<source id="{n}">{text}</source>' for n, text in enumerate(prompt.expected, start=1))
    return Template(template.read_text(encoding="utf-8")).substitute(context=sources, question=question)


def _unkept(prompt: Prompt) -> Any:
    """The messages with another first word, so that no kept beginning fits."""
    first, *rest = prompt.messages
    return (replace(first, content=f"{time.monotonic_ns() % 1000:03d} {first.content}"), *rest)


def _first_ms(said: Noted) -> float:
    return (said.first - said.asked) * 1000


def _middle(times: Sequence[tuple[float, float]], n: int) -> float:
    return median("", [one[n] for one in times]).value
