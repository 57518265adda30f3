"""Figures over answers and what was expected of them. Pure functions: no model, no files.

hit@k: a right tip is among the first k; fair@k: a right or acceptable one is; MRR: mean reciprocal rank of the first right tip
(Voorhees 1999). Line pass rate: share of answers all of whose lines are in the expected language (Marchisio et al. 2024, the Language
Confusion Benchmark). Citation precision: share of cited tips that are right or acceptable; recall: share of answers that cite a right or
acceptable tip, of the questions that have one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from bot.evaluate.sets import Item
from bot.text import MARKER
from bot.types import Answer, Article, Mode, Route

Figures = dict[str, float | int | None]


@dataclass(frozen=True)
class Judged:
    """An item, its answer, and what can be said of it without the others."""

    item: Item
    answer: Answer
    lines_right: int
    lines: int
    quotes_right: int
    danish_lines: int
    """Lines of a Norwegian answer that the detector takes for Danish: counted apart, it mistakes the two on short texts."""

    @property
    def rank(self) -> int | None:
        """Rank of the first right tip, from 1; None when it is not among those returned."""
        return next((n for n, hit in enumerate(self.answer.tips, start=1) if hit.id in self.item.tips), None)

    @property
    def fair_rank(self) -> int | None:
        """Rank of the first right or acceptable tip."""
        fair = self.item.tips | self.item.acceptable
        return next((n for n, hit in enumerate(self.answer.tips, start=1) if hit.id in fair), None)

    @property
    def coached(self) -> bool:
        """True when a coaching question was answered as one."""
        return self.item.route is Route.COACH and self.answer.route is Route.COACH


def judge(item: Item, answer: Answer, articles: Mapping[str, Article], line_language: Callable[[str], str]) -> Judged:
    """Measures one answer."""
    lines = [MARKER.sub("", line) for line in answer.answer.splitlines() if line.strip()]
    found = [line_language(line) for line in lines]
    right = sum(code in {item.lang, "und"} for code in found)
    danish = found.count("da") if item.lang == "nb" else 0
    exact = sum(c.article in articles and articles[c.article].text[c.start : c.end] == c.quote for c in answer.citations)
    return Judged(item, answer, right, len(lines), exact, danish)


def retrieval(judged: Sequence[Judged]) -> Figures:
    """Ranking figures over questions that have a right tip."""
    asked = [one for one in judged if one.item.tips]
    return {
        "questions": len(asked),
        "hit@1": _share(one.rank == 1 for one in asked),
        "hit@3": _share((one.rank or 99) <= 3 for one in asked),
        "fair@1": _share(one.fair_rank == 1 for one in asked),
        "fair@3": _share((one.fair_rank or 99) <= 3 for one in asked),
        "mrr": _mean(1 / one.rank if one.rank else 0.0 for one in asked),
        "retrieve_ms_p50": _quantile([one.answer.timings.retrieve_ms for one in asked], 0.5),
        "retrieve_ms_p95": _quantile([one.answer.timings.retrieve_ms for one in asked], 0.95),
    }


def routing(judged: Sequence[Judged]) -> Figures:
    """How often questions take the right way."""
    coaching = [one for one in judged if one.item.route is Route.COACH]
    others = [one for one in judged if one.item.route is not Route.COACH]
    figures: Figures = {
        "coaching turned away": _share(one.answer.route is not Route.COACH for one in coaching),
        "others answered as coaching": _share(one.answer.route is Route.COACH for one in others),
    }
    for route in Route:
        of_route = [one for one in others if one.item.route is route]
        if of_route:
            figures[f"{route} right"] = _share(one.answer.route is route for one in of_route)
    return figures


def confusion(judged: Sequence[Judged]) -> dict[str, dict[str, int]]:
    """Expected route → route taken → questions."""
    table: dict[str, Counter[str]] = {}
    for one in judged:
        table.setdefault(one.item.route.value, Counter())[one.answer.route.value] += 1
    return {expected: dict(taken) for expected, taken in table.items()}


def wording(judged: Sequence[Judged]) -> Figures:
    """Language, citations, who worded, how long and how fast."""
    coached = [one for one in judged if one.coached]
    worded = [one.answer for one in coached]
    cited = [(citation, one) for one in coached for citation in one.answer.citations if citation.tip]
    quotes = sum(len(one.answer.citations) for one in judged)
    named = [one for one in coached if one.item.tips]
    return {
        "answers": len(judged),
        "Norwegian lines read as Danish": sum(one.danish_lines for one in judged),
        "line pass rate": _share(one.lines_right == one.lines for one in judged),
        "quotes exact": sum(one.quotes_right for one in judged) / quotes if quotes else None,
        "citation precision": _share(citation.tip in one.item.tips | one.item.acceptable for citation, one in cited if one.item.tips),
        "citation recall": _share(bool({c.tip for c in one.answer.citations} & (one.item.tips | one.item.acceptable)) for one in named),
        "generated": _share(answer.mode is Mode.GENERATED for answer in worded),
        "composed": _share(answer.mode is Mode.COMPOSED for answer in worded),
        "words median": _quantile([float(len(MARKER.sub("", answer.answer).split())) for answer in worded], 0.5),
        "first card ms": _median(answer.timings.first_card_ms for answer in worded),
        "first sentence ms": _median(answer.timings.first_sentence_ms for answer in worded),
        "first token ms": _median(answer.timings.first_token_ms for answer in worded),
        "total ms": _median(answer.timings.total_ms for answer in worded),
        "completion tokens": _median(float(answer.timings.completion_tokens) for answer in worded if answer.timings.completion_tokens),
    }


def conversation(judged: Sequence[Judged]) -> Figures:
    """False premises, follow-ups and questions of two parts."""
    premises = [one for one in judged if one.item.kind == "premise"]
    plain = [one for one in judged if one.item.kind == "coaching"]
    followups = [one for one in judged if one.item.kind == "followup"]
    mixed = [one for one in judged if one.item.kind == "mixed"]
    return {
        "false premise corrected": _share("premise" in one.answer.notes for one in premises),
        "corrected without need": _share("premise" in one.answer.notes for one in plain),
        "follow-up understood": _share(one.coached and (one.fair_rank or 99) <= 3 for one in followups),
        "two parts: the covered one answered": _share(one.coached and (one.fair_rank or 99) <= 3 for one in mixed),
        "two parts: the other one named": _share("partly" in one.answer.notes for one in mixed),
    }


def dropped(judged: Sequence[Judged]) -> dict[str, int]:
    """Reasons for which sentences of the model were not shown."""
    return dict(Counter(drop.reason for one in judged for drop in one.answer.dropped))


def _share(values: Iterable[bool]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return mean(found) if found else None


def _median(values: Iterable[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return median(found) if found else None


def _quantile(values: Sequence[float], share: float) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
