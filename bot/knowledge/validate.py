"""Are the cards and routes fit to be shown? Everything that the schema cannot say: completeness, lengths, doubles, language.

Run by the tests and by `doctor`. It reports, one line a fault, and mends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.knowledge.base import Knowledge
from bot.language import Languages
from bot.text import words
from bot.types import CardText

STEP_WORDS = (4, 26)
TITLE_CHARACTERS = 70
WHY_CHARACTERS = 240
SURE_WORDS = 6
"""Shorter texts do not tell Norwegian from Danish or Swedish."""
ROUTE_EXAMPLES = {"not_covered": 40, "near_miss": 25}
ROUTE_MINIMUM = 20


def faults(knowledge: Knowledge, languages: Languages) -> list[str]:
    """Every fault that needs no embeddings."""
    return [*_complete(knowledge, languages), *_lengths(knowledge), *_doubles(knowledge), *_wrong_language(knowledge, languages)]


def _complete(knowledge: Knowledge, languages: Languages) -> Iterator[str]:
    wanted = set(languages.codes)
    for card in knowledge.cards.values():
        for code in wanted - set(card.texts):
            yield f"{card.id}: no text in {code}"
        for other in card.pulls_against:
            if card.id not in knowledge.cards[other].pulls_against:
                yield f"{card.id}: pulls against {other}, which does not know of it"
            if card.closeness * knowledge.cards[other].closeness != -1:
                yield f"{card.id}: pulls against {other}, but they do not stand on opposite sides of closeness"
    names = {name for name, _ in knowledge.routes.examples}
    for name in names:
        for code in wanted:
            found = len(knowledge.routes.examples.get((name, code), ()))
            if found < ROUTE_EXAMPLES.get(name, ROUTE_MINIMUM):
                yield f"route {name}, {code}: {found} examples, too few"


def _lengths(knowledge: Knowledge) -> Iterator[str]:
    for where, text in _texts(knowledge):
        if len(text.title) > TITLE_CHARACTERS:
            yield f"{where}: the title has {len(text.title)} characters"
        if len(text.why) > WHY_CHARACTERS:
            yield f"{where}: why has {len(text.why)} characters"
        for step in text.steps:
            if not STEP_WORDS[0] <= len(words(step)) <= STEP_WORDS[1]:
                yield f"{where}: a step has {len(words(step))} words: {step}"
            if not step.endswith((".", "!")):
                yield f"{where}: a step does not end as a sentence: {step}"


def _doubles(knowledge: Knowledge) -> Iterator[str]:
    seen: dict[tuple[str, str], str] = {}
    texts = [(card.id, code, ask) for card in knowledge.cards.values() for code, text in card.texts.items() for ask in text.asks]
    texts += [(f"route {name}", code, example) for (name, code), examples in knowledge.routes.examples.items() for example in examples]
    for owner, code, text in texts:
        key = (code, " ".join(words(text)) or text)
        if key in seen:
            yield f"{owner}, {code}: stands in {seen[key]} too: {text}"
        seen[key] = owner


def _wrong_language(knowledge: Knowledge, languages: Languages) -> Iterator[str]:
    for card in knowledge.cards.values():
        for code, text in card.texts.items():
            shown = (*text.hear, *text.steps, *text.say, *text.avoid, text.why, text.reflect, *(myth.correction for myth in text.myths))
            for sentence in shown:
                if len(words(sentence)) >= SURE_WORDS and not languages.is_in(sentence, code):
                    yield f"{card.id}, {code}: does not read as {code}: {sentence}"


def _texts(knowledge: Knowledge) -> Iterator[tuple[str, CardText]]:
    for card in knowledge.cards.values():
        for code, text in card.texts.items():
            yield f"{card.id}, {code}", text
