"""Which language a question is in, and which one to answer in."""

from __future__ import annotations

import pytest

from bot.language import Languages


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hvordan svarer jeg en kunde som er misfornøyd med oss?", "nb"),
        ("Korleis kan eg svare ein kunde som ikkje er nøgd?", "nb"),
        ("Hur svarar jag en kund som inte är nöjd med oss?", "sv"),
        ("Wie antworte ich einem Kunden, der unzufrieden ist?", "de"),
        ("Как ответить клиенту, который нами недоволен?", "ru"),
        ("How do I answer a customer who is not happy with us?", "en"),
        ("kunden er sur", "nb"),
        ("kunden är sur", "sv"),
        ("Moin!", "de"),
        ("опечатки в КП. критично?", "ru"),
    ],
)
def test_the_five_languages_are_told_apart(languages: Languages, text: str, code: str) -> None:
    found = languages.detect(text)
    assert (found.code, found.foreign) == (code, None)


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("Min kunde vil ikke svare på mail, hvad gør jeg?", "da"),
        ("Mijn klant belt nooit terug, wat moet ik doen?", "nl"),
        ("Mon client ne me fait plus confiance, que faire ?", "fr"),
        ("Клієнт більше не довіряє нам, що робити?", "uk"),
    ],
)
def test_a_language_without_cards_is_answered_in_english_and_named(languages: Languages, text: str, foreign: str) -> None:
    found = languages.detect(text)
    assert (found.code, found.foreign) == ("en", foreign)


@pytest.mark.parametrize("code", ["nb", "sv", "de", "ru", "en"])
def test_short_fragments_follow_the_conversation(languages: Languages, code: str) -> None:
    assert languages.detect("ok", [code]).code == code
    assert languages.detect("?!", [code]).code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hvordan svarer jeg? Svar på engelsk, takk", "en"),
        ("Bitte auf Schwedisch antworten", "sv"),
        ("Answer in German please", "de"),
        ("ответьте по-норвежски", "nb"),
        ("svara på ryska", "ru"),
        ("in Germany we say Sie", None),
    ],
)
def test_an_explicit_wish_is_found(languages: Languages, text: str, code: str | None) -> None:
    assert languages.wish(text) == code


def test_the_browser_language_is_matched_by_its_first_known_tag(languages: Languages) -> None:
    assert languages.from_browser("fr-FR,fr;q=0.9,nn-NO;q=0.8") == "nb"
    assert languages.from_browser("") == "en"


def test_a_sentence_in_another_language_is_not_in(languages: Languages) -> None:
    assert not languages.is_in("Behalten Sie Ihre Kunden, denn neue kosten viel mehr.", "sv")
    assert languages.is_in("Behåll kunderna, för nya kostar mycket mer.", "sv")
