"""Choosing the vetted sentences of an answer, and putting the answer together from them when the model's words do not do.

It knows cards and interface texts, not models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from bot.interface import Interface
from bot.knowledge.base import Knowledge
from bot.prompt import Advice, marked
from bot.types import Card, CardView, Citation, Hit, Retrieved

STEPS_ALONE, STEPS_FIRST, STEPS_SECOND = 5, 3, 2
"""Steps of the best tip when it answers alone, and of the two best when both do."""
SECOND_RATIO = 0.95
"""The second tip takes part when its score is at least this share of the first's: on the dev half it is then right or acceptable
as often as not, below it hardly ever (docs/LOG.md)."""
OPPOSED_RANK = 4
"""A card that pulls the other way is named when it is among the best so many."""
SHOWN_CARDS = 3
FOLLOW_UPS = 3


@dataclass(frozen=True)
class Plan:
    """What an answer will rest on. `numbers` gives each tip its [n]."""

    language: str
    opening: str
    advice: tuple[Advice, ...]
    premise: str
    disagreement: str
    numbers: Mapping[str, int]
    cards: tuple[CardView, ...]


def plan(found: Retrieved, knowledge: Knowledge, texts: Interface, question: str) -> Plan:
    """Chooses tips, opening and steps for a coaching question.

    Args:
        found: its tips are not empty.
        texts: the interface's texts in the answer's language.
        question: decides, by its hash, which of a card's openings is used: the same question gets the same one.
    """
    language = texts.language
    hits = _ordered(found)
    chosen = [hits[0]]
    if len(hits) > 1 and hits[1].score >= SECOND_RATIO * hits[0].score:
        chosen.append(hits[1])
    numbers = {hit.id: n for n, hit in enumerate(chosen, start=1)}
    first = knowledge.cards[chosen[0].id]
    opposed = _opposed(first, hits, knowledge)
    if opposed is not None:
        numbers.setdefault(opposed.id, len(numbers) + 1)
    for hit in hits:
        if len(numbers) < SHOWN_CARDS:
            numbers.setdefault(hit.id, len(numbers) + 1)
    counts = [STEPS_ALONE] if len(chosen) == 1 else [STEPS_FIRST, STEPS_SECOND]
    advice = [
        Advice(numbers[hit.id], step)
        for hit, count in zip(chosen, counts, strict=False)
        for step in knowledge.cards[hit.id].texts[language].steps[:count]
    ]
    hear = first.texts[language].hear
    opening = hear[sha256(question.encode("utf-8", "replace")).digest()[0] % len(hear)]
    return Plan(
        language,
        opening,
        tuple(advice),
        _premise(found, knowledge, texts, numbers),
        _disagreement(first, opposed, knowledge, texts, numbers),
        numbers,
        tuple(
            _view(hit, numbers, knowledge, language) for hit in sorted(hits, key=lambda hit: numbers.get(hit.id, 99)) if hit.id in numbers
        ),
    )


def citations(plan_: Plan, used: Sequence[int], knowledge: Knowledge) -> tuple[Citation, ...]:
    """The citations of the markers that an answer has, by number."""
    tips = {n: tip for tip, n in plan_.numbers.items()}
    return tuple(cite(n, knowledge.cards[tips[n]], knowledge) for n in sorted(set(used)))


def cite(n: int, card: Card, knowledge: Knowledge) -> Citation:
    """Marker `[n]` for a card: the article's own words at their offsets."""
    article = knowledge.articles[card.article]
    start, end = knowledge.quotes[card.id]
    return Citation(n, card.id, article.id, article.title, article.language, article.text[start:end], start, end)


def composed(advice: Sequence[Advice]) -> list[str]:
    """Vetted sentences as they stand, with their markers."""
    return [marked(piece.text, piece.n) for piece in advice]


def follow_ups(found: Retrieved, knowledge: Knowledge, texts: Interface) -> tuple[str, ...]:
    """Up to three questions that related cards answer; cards that pull the other way come first."""
    first = knowledge.cards[_ordered(found)[0].id]
    names = list(dict.fromkeys((*first.pulls_against[:1], *first.related)))
    return tuple(texts.format("follow_up", title=knowledge.cards[name].texts[texts.language].title) for name in names[:FOLLOW_UPS])


def _ordered(found: Retrieved) -> list[Hit]:
    """The tips, the one whose myth is taken for granted first."""
    if found.myth is None:
        return list(found.tips)
    return sorted(found.tips, key=lambda hit: hit.id != found.myth[0])  # type: ignore[index]


def _opposed(first: Card, hits: Sequence[Hit], knowledge: Knowledge) -> Card | None:
    near = [hit.id for hit in hits[:OPPOSED_RANK] if hit.id in first.pulls_against]
    return knowledge.cards[near[0]] if near else None


def _premise(found: Retrieved, knowledge: Knowledge, texts: Interface, numbers: Mapping[str, int]) -> str:
    if found.myth is None:
        return ""
    tip, number = found.myth
    myth = knowledge.cards[tip].texts[texts.language].myths[number]
    correction = marked(myth.correction, numbers[tip])
    return f"{texts['premise']} {correction}" if found.claimed else correction


def _disagreement(first: Card, opposed: Card | None, knowledge: Knowledge, texts: Interface, numbers: Mapping[str, int]) -> str:
    if opposed is None:
        return ""
    sides = {-1: texts["distance"], 1: texts["closeness"]}
    values = {}
    for key, card in (("first", first), ("second", opposed)):
        values[key] = card.texts[texts.language].title
        values[f"{key}_source"] = knowledge.articles[card.article].title
        values[f"{key}_side"] = sides.get(card.closeness, "")
    sentence = texts.format("disagree", **values)
    return f"{sentence.rstrip('.')} [{numbers[first.id]}][{numbers[opposed.id]}]."


def _view(hit: Hit, numbers: Mapping[str, int], knowledge: Knowledge, language: str) -> CardView:
    card = knowledge.cards[hit.id]
    text = card.texts[language]
    return CardView(numbers[hit.id], hit.id, text.title, text.why, knowledge.articles[card.article].title, hit.score)
