"""The shipped knowledge: complete, in the right languages, in own words, and found by the retriever."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.assemble import Parts
from bot.golden import golden, misplaced
from bot.knowledge.base import Kind
from bot.knowledge.cards import load_card_text
from bot.knowledge.validate import ROUTE_EXAMPLES, ROUTE_MINIMUM, faults
from bot.types import Route

TIPS = [
    "tell-the-truth",
    "assume-the-best",
    "stand-up-for-people",
    "refuse-gossip",
    "keep-promises",
    "trust-takes-time",
    "trust-pays-off",
    "trust-is-earned",
    "deliver-every-time",
    "keep-private-life-out",
    "do-not-pry",
    "business-or-friendship",
    "stay-formal-first",
    "sell-the-outcome",
    "professional-distance",
    "earn-loyalty",
    "what-drives-customers-away",
    "keeping-is-cheaper",
    "loyal-customers-refer",
    "plan-retention",
    "show-you-care",
    "loyalty-is-emotional",
    "emotions-at-work",
    "two-sets-of-needs",
    "help-the-other-grow",
    "listen-for-real",
    "meet-many-colleagues",
    "reply-at-once",
    "care-for-distant-customers",
    "help-careers",
    "proofread",
    "be-loyal",
    "no-badmouthing",
    "yearly-evaluation",
    "yearly-update",
    "you-are-in-service",
]


def test_every_tip_has_a_card_in_every_language(parts: Parts) -> None:
    assert sorted(parts.knowledge.cards) == sorted(TIPS)
    for card in parts.knowledge.cards.values():
        assert set(card.texts) == set(parts.languages.codes)


def test_the_validator_finds_no_fault(parts: Parts) -> None:
    assert faults(parts.knowledge, parts.languages) == []


def test_every_phrasing_finds_its_own_card_first_or_says_why_not(parts: Parts, data: Path) -> None:
    files = {(path.stem, path.parent.parent.name): load_card_text(path) for path in (data / "languages").glob("*/tips/*.yaml")}
    assert len(files) == len(TIPS) * len(parts.languages.codes)
    assert misplaced(parts.index.retriever(), files) == []


def test_the_shipped_index_passes_its_golden_questions(parts: Parts) -> None:
    assert golden(parts.index.retriever().index) is None


def test_every_shipped_text_has_its_vector(parts: Parts) -> None:
    assert len(parts.index.retriever().index.entries) == len(list(parts.knowledge.entries()))


def test_every_quote_stands_in_its_section_of_the_article(parts: Parts) -> None:
    for card in parts.knowledge.cards.values():
        start, end = parts.knowledge.quotes[card.id]
        article = parts.knowledge.articles[card.article]
        section = next(section for section in article.sections if section.heading == card.passage)
        assert article.text[start:end] == card.quote
        assert section.start <= start < end <= section.end


@pytest.mark.parametrize("name", [*(route.value for route in Route if route is not Route.COACH), "near_miss"])
def test_each_route_has_enough_examples_and_a_reply(parts: Parts, name: str) -> None:
    for code in parts.languages.codes:
        assert len(parts.knowledge.routes.examples[name, code]) >= ROUTE_EXAMPLES.get(name, ROUTE_MINIMUM)
        reply = parts.knowledge.routes.reply(name, code)
        assert reply
        assert "$" not in reply
        assert "{" not in reply


def test_crisis_and_sensitive_replies_name_help(parts: Parts) -> None:
    for code in parts.languages.codes:
        assert any(character.isdigit() for character in parts.knowledge.routes.reply("crisis", code))


def test_no_vetted_sentence_is_a_sentence_of_another_card(parts: Parts) -> None:
    for code in parts.languages.codes:
        steps = [step for card in parts.knowledge.cards.values() for step in card.texts[code].steps]
        assert len(steps) == len(set(steps))


def test_entries_have_unique_ids(parts: Parts) -> None:
    entries = list(parts.knowledge.entries())
    assert len({entry.id for entry in entries}) == len(entries)
    assert {entry.kind for entry in entries} == set(Kind)
