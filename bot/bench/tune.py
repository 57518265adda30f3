"""Which settings of llama.cpp are fastest on this machine: an answer's work done with each of them, in turns.

A child process of `run.py bench`: `python -m bot.bench.tune MODEL PROCESSORS ROUNDS` writes one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

from bot.llm.llama import MOST_ANSWERS, Llama
from bot.llm.tuning import SLICES, Tuning

BEGINNING, PROMPT, DRAFTED, SINGLE = 300, 170, 100, 8
"""Tokens of a usual answer: kept beginning, rest of the prompt, completion guessed right, completion one by one."""
CONTEXT = 1024
TOKEN = 1000
"""Any token will do, and those behind it."""


def best(start: Tuning, processors: int, measure: Callable[[Sequence[Tuning]], Sequence[float]]) -> Iterator[dict[str, object]]:
    """Chooses one kind of setting after the other, those before it kept.

    Args:
        measure: seconds for each of several tunings, measured in turns.

    Yields:
        What was tried: the tuning and its seconds.
    """
    current = start
    kinds: list[Callable[[Tuning], list[Tuning]]] = [
        lambda base: [replace(base, repack=repack, flash=flash) for repack in (False, True) for flash in (False, True)],
        lambda base: [replace(base, threads=threads) for threads in sorted({processors, max(1, processors - 1), max(1, processors // 2)})],
        lambda base: [replace(base, slice=length) for length in SLICES],
    ]
    for kind in kinds:
        candidates = kind(current)
        seconds = measure(candidates)
        for candidate, took in zip(candidates, seconds, strict=True):
            yield {"tuning": asdict(candidate), "seconds": round(took, 3)}
        current = candidates[seconds.index(min(seconds))]
    yield {"best": asdict(current)}


def answer_seconds(llama: Llama, tuning: Tuning) -> float:
    """Seconds for an answer's work."""
    llama.forget(0)
    for part in _parts(BEGINNING, tuning.slice):
        llama.decode(part, answers=1)
    prompt = [_seconds(llama, part, 1) for part in _parts(PROMPT, tuning.slice)]
    drafted = [_seconds(llama, part, len(part)) for part in _parts(DRAFTED, min(tuning.slice, MOST_ANSWERS))]
    single = [_seconds(llama, [TOKEN], 1) for _ in range(SINGLE)]
    return sum(prompt) + sum(drafted) + sum(single)


def _seconds(llama: Llama, tokens: Sequence[int], answers: int) -> float:
    began = time.perf_counter()
    llama.decode(tokens, answers)
    return time.perf_counter() - began


def _parts(tokens: int, longest: int) -> list[range]:
    """Some tokens in equal parts that are no longer than a slice."""
    slices = -(-tokens // longest)
    bounds = [TOKEN + tokens * n // slices for n in range(slices + 1)]
    return [range(start, end) for start, end in pairwise(bounds)]


def main() -> int:
    """Entry of `python -m bot.bench.tune`."""
    model, processors, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def measure(candidates: Sequence[Tuning]) -> Sequence[float]:
        loaded = [(Llama(model, context=CONTEXT, tuning=tuning), tuning) for tuning in candidates]
        seconds: list[list[float]] = [[] for _ in candidates]
        for _ in range(rounds):
            for (llama, tuning), found in zip(loaded, seconds, strict=True):
                found.append(answer_seconds(llama, tuning))
        for llama, _ in loaded:
            llama.close()
        return [median(found) for found in seconds]

    for line in best(Tuning(processors), processors, measure):
        output.write(json.dumps(line) + "\n")
        output.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
