"""Language: any text gets a language of the table, and nothing raises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.language import Languages
from tests.properties.texts import ANY_TEXT, examples

PREFERRED = st.lists(st.sampled_from(["nb", "sv", "de", "ru", "en", "fr", "xx", ""]), max_size=3)


@examples(400)
@given(text=ANY_TEXT, prefer=PREFERRED)
def test_any_text_is_detected_as_a_language_of_the_table(languages: Languages, text: str, prefer: list[str]) -> None:
    found = languages.detect(text, prefer)
    assert found.code in languages.codes
    assert found.foreign is None or (found.foreign not in languages.codes and found.code == "en")


@examples(200)
@given(text=ANY_TEXT)
def test_any_text_can_be_asked_for_its_language_in_every_other_way(languages: Languages, text: str) -> None:
    wished = languages.wish(text)
    assert wished is None or wished in languages.codes
    assert languages.from_browser(text) in languages.codes
    assert languages.line_language(text)
    assert all(languages.is_in(text, code) in {True, False} for code in languages.codes)


@examples(100)
@given(text=st.text(st.characters(exclude_categories=["Cs", "L"]), max_size=60), code=st.sampled_from(["nb", "sv", "de", "ru", "en"]))
def test_text_without_letters_follows_the_conversation(languages: Languages, text: str, code: str) -> None:
    assert languages.detect(text, [code]).code == code
