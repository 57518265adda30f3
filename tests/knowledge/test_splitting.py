"""Passages: cut at headings and numbered points, short enough to embed, and nothing of the text lost."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.knowledge.splitting import MAX_WORDS, MIN_WORDS, split
from tests.knowledge.files import SENTENCES

PARAGRAPH = " ".join([SENTENCES["en"]] * 3)


def texts(text: str) -> list[str]:
    return [text[start:end] for start, end, _ in split(text)]


def headings(text: str) -> list[str]:
    return [heading for _, _, heading in split(text)]


@pytest.mark.parametrize("mark", ["## ", "# ", "{n}. ", "{n}) ", "{n}/25. ", "{n}/25 "])
def test_each_point_is_a_passage_under_its_heading(mark: str) -> None:
    text = "\n\n".join(f"{mark.format(n=n)}Point {n} of many\n{PARAGRAPH}" for n in range(1, 5))
    assert headings(text) == [f"Point {n} of many" for n in range(1, 5)]
    assert "\n\n".join(texts(text)) == text


def test_text_before_the_first_heading_is_a_passage_without_one() -> None:
    assert headings(f"{PARAGRAPH}\n\n## Later\n{PARAGRAPH}") == ["", "Later"]


def test_title_goes_with_what_it_stands_above() -> None:
    text = f"# House rules\n\n## Promises\n{PARAGRAPH}"
    assert split(text) == [(0, len(text), "Promises")]


def test_short_points_are_put_together_and_none_is_lost() -> None:
    points = [f"{n}. Call back on day {n}." for n in range(1, 8)]
    found = texts("\n".join(points))
    assert [point for point in points if not any(point in passage for passage in found)] == []
    assert all(len(passage.split()) >= MIN_WORDS for passage in found)


def test_short_last_piece_goes_with_the_one_before() -> None:
    text = f"## One\n{PARAGRAPH}\n\n## Two\nThe end."
    assert texts(text) == [text]


def test_long_section_is_cut_at_sentences() -> None:
    text = " ".join(SENTENCES.values()) + "\n\n" + " ".join([SENTENCES["de"]] * 60)
    found = texts(text)
    assert len(found) > 3
    assert all(len(passage.split()) <= MAX_WORDS for passage in found)
    assert all(passage.endswith(".") for passage in found)


def test_text_without_sentences_is_cut_at_words() -> None:
    found = texts("word " * 2000)
    assert all(len(passage.split()) <= MAX_WORDS + MIN_WORDS for passage in found)
    assert sum(len(passage.split()) for passage in found) == 2000


def test_whole_text_may_be_shorter_than_a_passage() -> None:
    assert split("Keep promises.") == [(0, 14, "")]


@pytest.mark.parametrize("text", ["", "   \n \n"])
def test_nothing_gives_no_passages(text: str) -> None:
    assert split(text) == []


def test_year_at_the_start_of_a_line_is_no_heading() -> None:
    assert headings(f"{PARAGRAPH}\n2017 was a good year for all of us.\n{PARAGRAPH}") == [""]


def test_long_numbered_sentence_is_no_heading() -> None:
    assert headings(f"1. {PARAGRAPH}\n2. {PARAGRAPH}") == [""]


def test_five_million_characters_are_split_in_seconds() -> None:
    text = "\n\n".join(f"{n % 90}. Point\n{PARAGRAPH}" for n in range(16_000))
    began = time.process_time()
    assert len(split(text)) == 16_000
    assert time.process_time() - began < 5


LINES = st.lists(
    st.one_of(st.sampled_from(["", "## Head", "3. Point", "15/25. Punkt", PARAGRAPH, SENTENCES["ru"], "short"]), st.text(max_size=40)),
    max_size=30,
)


@settings(max_examples=80, deadline=None)
@given(LINES)
def test_passages_are_slices_in_order_that_cover_every_word(lines: list[str]) -> None:
    text = "\n".join(lines)
    passages = split(text)
    covered = [text[start:end] for start, end, _ in passages]
    assert all(passage == passage.strip() and passage for passage in covered)
    assert all(before[1] <= after[0] for before, after in pairwise(passages))
    assert " ".join(covered).split() == text.split()
    assert len(covered) < 2 or all(len(passage.split()) >= MIN_WORDS for passage in covered)
