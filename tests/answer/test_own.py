"""Own documents in an answer: quoted as they are, and nothing in them counts as one of the answer's markers."""

from __future__ import annotations

from bot.answer.own import own_words
from bot.assemble import Parts
from bot.text import MARKER
from bot.types import Passage, PassageHit
from tests.fakes import HashEmbedder

TEXT = "Whoever promises something writes it down [1].\nSays so by Friday [7]: see <b>rule</b> [12]."


def test_numbers_in_a_quoted_document_are_no_markers_and_the_citation_is_exact(parts: Parts) -> None:
    hit = PassageHit(Passage("d#5", "d", "Rules", "en", TEXT, 5, 5 + len(TEXT), own=True), 0.9)
    sentence, cited = own_words([hit, hit], "What do we write down?", parts.interfaces["en"], HashEmbedder(), first=4)
    assert [int(found[1]) for found in MARKER.finditer(sentence)] == [4, 5]
    assert [citation.n for citation in cited] == [4, 5]
    for citation in cited:
        assert citation.quote == TEXT[citation.start - 5 : citation.end - 5]
        assert "[1]" in citation.quote
