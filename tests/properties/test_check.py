"""The check: whatever a model says, what passes adds nothing to the vetted sentence that it rests on."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import assume, given
from hypothesis import strategies as st

from bot.answer.check import Passed, SentenceCheck
from bot.coach import Coach
from bot.prompt import Advice
from bot.text import words
from tests.properties.texts import ANY_TEXT, ODD, examples

LANGUAGES = ("nb", "sv", "de", "ru", "en")
ALL = (*LANGUAGES, "da", "es", "fi", "fr", "nl", "pl")
FIGURE = re.compile(r"\d+(?:[.,:/]\d+)*")
PLAIN = set(" .,;:!?¿¡…()'’‘\"«»„“”–—‑-")


@st.composite
def sayings(draw: st.DrawFn, advice: list[Advice]) -> str:
    """What a model might make of a vetted sentence: the words mostly kept, some left out, doubled, moved, glued or decorated."""
    said = re.split(r"(\s+)", draw(st.sampled_from(advice)).text)
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(said) - 1))
        change = draw(st.sampled_from(["insert", "append", "glue", "drop", "double"]))
        extra = draw(st.one_of(st.sampled_from([*ODD, "not", "7", "-", "/", "**", "`", "og", "und"]), st.text(max_size=4)))
        if change == "insert":
            said.insert(place, f" {extra} ")
        elif change == "append":
            said[place] += extra
        elif change == "glue":
            said[place] = said[place].strip() or draw(st.sampled_from([".", "-", ":", "/"]))
        elif change == "drop" and len(said) > 1:
            said.pop(place)
        else:
            said.insert(place, said[place])
    return "".join(said)


def advice_of(coach: Coach, code: str, start: int = 0) -> list[Advice]:
    """Every vetted step of three tips."""
    cards = [card for card in coach.knowledge.cards.values() if code in card.texts][start : start + 3]
    return [Advice(n, step) for n, card in enumerate(cards, start=1) for step in card.texts[code].steps]


def check_of(coach: Coach, code: str, advice: list[Advice]) -> SentenceCheck:
    return SentenceCheck(coach.languages, code, coach.support(code), advice, [])


def assert_adds_nothing(verdict: Passed, advice: list[Advice], joining: frozenset[str]) -> None:
    source = advice[verdict.source]
    marker = f" [{source.n}]"
    assert verdict.n == source.n
    assert verdict.text.count(marker) == 1
    bare = verdict.text.replace(marker, "")
    assert "[" not in bare
    assert "]" not in bare
    assert set(words(bare)) - set(words(source.text)) <= joining
    assert set(FIGURE.findall(bare)) <= set(FIGURE.findall(source.text))
    odd = {sign for sign in bare if not sign.isalnum() and sign not in PLAIN}
    assert odd <= set(source.text), sorted(map(unicodedata.name, odd))


@examples(150)
@given(draw=st.data(), code=st.sampled_from(LANGUAGES))
def test_what_passes_adds_no_word_number_sign_or_marker(coach: Coach, draw: st.DataObject, code: str) -> None:
    advice = advice_of(coach, code)
    verdict = check_of(coach, code, advice).check(draw.draw(sayings(advice)))
    if isinstance(verdict, Passed):
        assert_adds_nothing(verdict, advice, coach.languages.table[code].joining)


@examples(150)
@given(text=ANY_TEXT, code=st.sampled_from(LANGUAGES))
def test_text_that_has_nothing_of_the_advice_never_passes(coach: Coach, text: str, code: str) -> None:
    advice = advice_of(coach, code)
    assume(not set(words(text)) & {word for piece in advice for word in words(piece.text)})
    assert not isinstance(check_of(coach, code, advice).check(text), Passed)


@examples(60)
@given(draw=st.data(), code=st.sampled_from(ALL), start=st.integers(0, 20))
def test_vetted_sentences_pass_as_they_stand(coach: Coach, draw: st.DataObject, code: str, start: int) -> None:
    piece = draw.draw(st.sampled_from(advice_of(coach, code, start)))
    verdict = check_of(coach, code, [piece]).check(piece.text)
    assert isinstance(verdict, Passed), (piece.text, verdict)
    assert verdict.text.replace(f" [{piece.n}]", "") == piece.text
