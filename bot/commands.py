"""The commands behind run.py: each takes the parsed options and the settings, prints, and returns an exit code.

Results go to standard output, progress and errors to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

from tqdm import tqdm

from bot import upkeep
from bot.assemble import RANKINGS, Parts, wait_until_ready
from bot.coach import Coach
from bot.config import Settings
from bot.current import step_aside
from bot.errors import BotError, QuestionError, UsageError
from bot.events import Done, Sentence
from bot.knowledge.build import Progress, embed
from bot.knowledge.documents import files_of
from bot.knowledge.embedding import Vectors
from bot.knowledge.index import Index
from bot.knowledge.vectors import load_vectors, save_vectors
from bot.llm.fetch import verify
from bot.ranking import save_weights
from bot.retrieve import Retriever
from bot.types import Answer, Question, Turn

LOAD_SECONDS = 180.0
"""Longest wait for a model to load before a command gives up."""


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Runs the command that the options name; without one, serves the chat."""
    commands: Mapping[str | None, Callable[[argparse.Namespace, Parts], int]] = {
        None: serve,
        "ask": ask,
        "ingest": ingest,
        "models": models,
        "eval": evaluate,
        "bench": bench,
        "doctor": doctor,
        "vectors": vectors,
        "backup": upkeep.run_backup,
        "restore": upkeep.run_restore,
        "forget": upkeep.run_forget,
        "privacy": upkeep.run_privacy,
    }
    return commands[options.command](options, Parts(settings))


def serve(_: argparse.Namespace, parts: Parts) -> int:
    """Serves the chat until it is stopped."""
    from bot.web.app import serve_forever  # noqa: PLC0415 - gradio takes two seconds

    return serve_forever(parts)


def ask(options: argparse.Namespace, parts: Parts) -> int:
    """One question from the command line, or many from standard input."""
    if options.jsonl == (options.question is not None):
        raise UsageError('Give one question (run.py ask "…") or --jsonl with questions on standard input.')
    if options.lang is not None and options.lang not in parts.languages.codes:
        raise UsageError(f"--lang {options.lang} is not a language of the coach. It knows {', '.join(parts.languages.codes)}.")
    with _coach(parts, retrieve_only=options.retrieve_only) as coach:
        if options.jsonl:
            return _ask_lines(coach, sys.stdin, options)
        question = Question(options.question, language=options.lang)
        if options.json or options.retrieve_only:
            print(json.dumps(_answer(coach, question, options).to_json(), ensure_ascii=False))
        else:
            _print_stream(coach, question)
    return 0


def _ask_lines(coach: Coach, source: TextIO, options: argparse.Namespace) -> int:
    """One JSON line in, one out; a line that cannot be answered gives an object with `error` and the rest goes on."""
    failed = False
    for number, line in enumerate(source, start=1):
        if not line.strip():
            continue
        identifier: Any = str(number)
        try:
            raw = _parsed(line, number)
            identifier = raw.get("id", identifier) if isinstance(raw, dict) else identifier
            result = _answer(coach, question_from(raw, coach, options.lang), options).to_json() | {"id": identifier}
        except BotError as error:
            failed = True
            result = {"id": identifier, "error": str(error)}
        print(json.dumps(result, ensure_ascii=False), flush=True)
    return 1 if failed else 0


def _parsed(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise UsageError(f'Line {number} is no JSON: {error}. Write one {{"id", "question"}} object a line.') from error


def question_from(raw: Any, coach: Coach, language: str | None = None) -> Question:
    """A question from its JSON form {"id"?, "question", "lang"?, "history"?: [{"question", "answer"?}]}.

    Raises:
        UsageError: something of it is missing or of another type.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("question"), str):
        raise UsageError('A question is a JSON object with "question" as a text.')
    wanted = raw.get("lang", language)
    if wanted is not None and wanted not in coach.languages.codes:
        raise UsageError(f'"lang" is {str(wanted)[:20]!r}; the coach knows {", ".join(coach.languages.codes)}.')
    history = raw.get("history") or []
    if not isinstance(history, list) or not all(isinstance(turn, dict) and isinstance(turn.get("question"), str) for turn in history):
        raise UsageError('"history" is a list of {"question": text, "answer": text}.')
    turns = tuple(Turn(turn["question"], str(turn.get("answer") or "")) for turn in history)
    return Question(raw["question"], str(raw.get("id", "")), wanted, turns)


def _answer(coach: Coach, question: Question, options: argparse.Namespace) -> Answer:
    return coach.retrieve_only(question) if options.retrieve_only else coach.answer(question)


def _print_stream(coach: Coach, question: Question) -> None:
    """The answer as it comes, then its sources."""
    try:
        for event in coach.ask(question):
            if isinstance(event, Sentence):
                print(("\n\n" if event.paragraph else "") + event.text, end=" ", flush=True)
            elif isinstance(event, Done):
                _print_rest(coach, event.answer)
    except QuestionError as error:
        known = question.language or "en"
        raise UsageError(coach.interfaces[known].format(error.key, **error.values)) from error


def _print_rest(coach: Coach, answer: Answer) -> None:
    texts = coach.interfaces[answer.language]
    print(f"\n\n({texts[f'mode_{answer.mode}']})")
    for citation in answer.citations:
        print(f"[{citation.n}] {citation.title}: «{' '.join(citation.quote.split())}»")
    if answer.reflect:
        print(f"\n{texts['reflect']}: {answer.reflect}")


def ingest(options: argparse.Namespace, parts: Parts) -> int:
    """Takes in own documents and makes an index with them current; a chat that is being served goes first on the processors."""
    step_aside()
    total = len(files_of(options.paths, []))
    with tqdm(total=total, desc="Reading", unit="file", file=sys.stderr) as bar:
        outcome = parts.shelf.ingest(options.paths, lambda text: parts.languages.detect(text[:3000]).code, lambda _: _advance(bar))
    for refused in outcome.refused:
        print(f"{refused.path} {refused.reason}", file=sys.stderr)
    with _embedding() as progress:
        index = parts.index
        entries = parts.entries()
        if parts.index_outdated or not index.holds(entries):
            index.build(progress, entries)
    counts = [f"{len(getattr(outcome, name))} {name}" for name in ("added", "changed", "unchanged", "doubled", "removed", "refused")]
    print(f"{', '.join(counts)}. The index {index.generation} is current.")
    return 1 if outcome.refused and not (outcome.added or outcome.changed or outcome.unchanged) else 0


def _advance(bar: tqdm[NoReturn]) -> None:
    bar.update()


@contextmanager
def _embedding() -> Iterator[Progress]:
    """A bar of the texts that are embedded."""
    with tqdm(desc="Embedding", unit="text", file=sys.stderr) as bar:

        def progress(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        yield progress


def models(options: argparse.Namespace, parts: Parts) -> int:
    """Lists, fetches or verifies models."""
    catalogue, folder = parts.catalogue, parts.settings.models_dir
    name = options.name or catalogue.default
    entry = catalogue.entry(name)
    if options.action == "pull":
        pulled = Parts(parts.settings.model_copy(update={"model": name})).model_path(name)
        print(f"{name} is in {pulled} and its sha256 is right.")
    elif options.action == "verify":
        path = folder / entry.file
        if not path.is_file():
            raise UsageError(f"{name} was not fetched yet. Fetch it: python run.py models pull {name}")
        if not verify(path, entry):
            raise BotError(
                f"{path} is damaged: its sha256 is not {entry.sha256[:16]}…. Delete it and fetch it again: python run.py models pull {name}"
            )
        print(f"{path}: sha256 is right.")
    else:
        for known, model in catalogue.models.items():
            state = "here" if (folder / model.file).is_file() else "not fetched"
            state += "" if model.measured else "; never run by us"
            mark = " (default)" if model.default else ""
            print(f"{known}{mark}: {model.title}; {model.size / 1e9:.2f} GB, {model.licence}; {state}")
    return 0


def evaluate(options: argparse.Namespace, parts: Parts) -> int:
    """Measures on a question set and writes a report."""
    from bot.evaluate.run import evaluate_set  # noqa: PLC0415

    with _coach(parts, retrieve_only=options.retrieve_only or options.set in {"support", "ablation"}) as coach:
        return evaluate_set(options, parts, coach)


def bench(options: argparse.Namespace, parts: Parts) -> int:
    """Measures speed, ours and the bare library's, and keeps the fastest settings."""
    from bot.bench.run import bench as measure  # noqa: PLC0415

    return measure(options, parts)


def doctor(options: argparse.Namespace, parts: Parts) -> int:
    """What is installed, where things lie, what is wrong; exit code 1 when something is."""
    from bot.doctor import examine  # noqa: PLC0415

    findings = examine(parts)
    if options.json:
        print(json.dumps([finding.__dict__ for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{'  ' if finding.good else '! '}{finding.name}: {finding.value}")
    return 0 if all(finding.good for finding in findings) else 1


def vectors(_: argparse.Namespace, parts: Parts) -> int:
    """Embeds the texts of data/ that have no vector yet, one file a language, and solves the rankings over them."""
    folder = parts.settings.data / "languages"
    entries = list(parts.knowledge.entries())
    with _embedding() as progress:
        matrix = embed(entries, load_vectors(folder), parts.embedder, progress)
    by_language: dict[str, dict[int, Vectors]] = {}
    for entry, vector in zip(entries, matrix, strict=True):
        by_language.setdefault(entry.language, {})[entry.vector_key] = vector
    for language, known in by_language.items():
        save_vectors(folder / language / "vectors.npz", known)
    shipped = Index("shipped", entries, embed(entries, load_vectors(folder), parts.embedder))
    save_weights(parts.settings.data / RANKINGS, Retriever.over(shipped, parts.embedder, unhurried=True).rankings)
    print(f"{len(entries)} texts have their vectors in {folder}; the rankings are solved.")
    return 0


@contextmanager
def _coach(parts: Parts, *, retrieve_only: bool) -> Iterator[Coach]:
    """The pipeline with its model loaded; the model ends with the block."""
    index = parts.index
    generator = None if retrieve_only else parts.generator()
    try:
        if parts.index_outdated:
            index.build_behind().join()
        if generator is not None:
            wait_until_ready(generator, LOAD_SECONDS)
        yield parts.coach(generator)
    finally:
        if generator is not None:
            generator.close()
