"""`run.py eval`: asks a set's questions, measures, writes the report. Knows the sets and figures, not how answers are made."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tqdm import tqdm

from bot.assemble import Parts
from bot.coach import Coach
from bot.evaluate import metrics, support
from bot.evaluate.ablation import ablation_table
from bot.evaluate.metrics import Figures, Judged, judge
from bot.evaluate.report import beside, markdown, plot, read_report, write_report
from bot.evaluate.sets import load_items
from bot.types import Answer

PLOTTED = ("hit@1", "hit@3", "fair@3", "generated", "citation precision", "citation recall", "line pass rate")


def evaluate_set(options: argparse.Namespace, parts: Parts, coach: Coach) -> int:
    """Runs what the options name; returns the exit code."""
    folder = parts.settings.data / "eval"
    if options.set == "support":
        sections = support_sections(parts, coach)
    elif options.set == "ablation":
        sections = {"Ablation": ablation_table(parts, load_items("test", folder))}
    else:
        items = load_items(options.set, folder, options.limit)
        ask = coach.retrieve_only if options.retrieve_only else coach.answer
        judged = []
        for item in tqdm(items, desc=f"Asking {options.set}", unit="question", file=sys.stderr):
            judged.append(judge(item, ask(item.question), parts.knowledge.articles, parts.languages.line_language))
        sections = answer_sections(judged, retrieve_only=options.retrieve_only)
        title = f"Set {options.set}: {len(items)} questions, {_described(coach)}"
        if options.against is not None:
            sections = beside(read_report(options.against), sections)
        write_report(options.out, title, sections, [_row(one) for one in judged])
        columns = {
            code: {name: value for section in sections.values() for name, value in section.get(code, {}).items()} for code in _codes(judged)
        }
        plot(options.out / "report.png", title, columns, PLOTTED)
        print(f"The report is in {options.out}.", file=sys.stderr)
    print(json.dumps(sections, ensure_ascii=False) if options.json else markdown(f"Evaluation: {options.set}", sections))
    return 0


def answer_sections(judged: Sequence[Judged], *, retrieve_only: bool) -> dict[str, dict[str, dict[str, Any]]]:
    """All figures, for everything and a column a language."""
    plain = [one for one in judged if one.item.kind == "coaching"]
    sections: dict[str, dict[str, dict[str, Any]]] = {
        "Right tip (coaching questions)": _by_language(plain, metrics.retrieval),
        "Route": _by_language(judged, metrics.routing),
        "Conversation": _by_language(judged, metrics.conversation),
    }
    if not retrieve_only:
        sections["Answers"] = _by_language(judged, metrics.wording)
        sections["Sentences of the model that were dropped"] = {"all": metrics.dropped(judged)}
    sections["Expected route (rows) and route taken (columns)"] = _transposed(metrics.confusion(judged))
    return sections


def support_sections(parts: Parts, coach: Coach) -> dict[str, dict[str, dict[str, Any]]]:
    """The check's curve over its limit, and what passes by kind of pair."""
    pairs = support.load_pairs(parts.settings.data / "eval" / "support.jsonl")
    features = support.measure_pairs(pairs, coach.support)
    curve = {
        f"{half}, order ≥ {limit}": {
            k: v for k, v in asdict(support.passed(pairs, features, half, order=limit)).items() if k not in {"order", "cosine"}
        }
        for half in ("dev", "test")
        for limit in support.LIMITS
    }
    kinds = {half: {kind: f"{n}/{of}" for kind, (n, of) in support.by_kind(pairs, features, half).items()} for half in ("dev", "test")}
    return {"Share of pairs that pass, by label": _transposed(curve), "Passed by kind of pair": kinds}


def _by_language(judged: Sequence[Judged], figures: Callable[[Sequence[Judged]], Figures]) -> dict[str, dict[str, Any]]:
    columns: dict[str, dict[str, Any]] = {"all": dict(figures(judged))}
    for code in _codes(judged):
        columns[code] = dict(figures([one for one in judged if one.item.lang == code]))
    return columns


def _codes(judged: Sequence[Judged]) -> list[str]:
    return sorted({one.item.lang for one in judged})


def _transposed(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    names = list(dict.fromkeys(name for row in table.values() for name in row))
    return {name: {key: row.get(name) for key, row in table.items()} for name in names}


def _row(one: Judged) -> dict[str, Any]:
    answer: Answer = one.answer
    return {
        "kind": one.item.kind,
        "expected": {
            "lang": one.item.lang,
            "route": one.item.route.value,
            "tips": sorted(one.item.tips),
            "acceptable": sorted(one.item.acceptable),
        },
        "rank": one.rank,
        **answer.to_json(),
        "dropped": [asdict(drop) for drop in answer.dropped],
    }


def _described(coach: Coach) -> str:
    model = coach.generator.name if coach.generator is not None else "no model"
    return f"{model}, {platform.machine()}, Python {platform.python_version()}"
