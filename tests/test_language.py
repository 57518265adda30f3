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
        ("Min kunde vil ikke svare på mail, hvad gør jeg?", "da"),
        ("Asiakas ei enää luota meihin, mitä teen?", "fi"),
        ("Mijn klant belt nooit terug, wat moet ik doen?", "nl"),
        ("Mon client ne me fait plus confiance, que faire ?", "fr"),
        ("Mi cliente ya no confía en nosotros, ¿qué hago?", "es"),
        ("Klient już nam nie ufa, co robić?", "pl"),
        ("kunden är sur", "sv"),
        ("Moin!", "de"),
        ("опечатки в КП. критично?", "ru"),
    ],
)
def test_the_languages_are_told_apart(languages: Languages, text: str, code: str) -> None:
    found = languages.detect(text)
    assert (found.code, found.foreign) == (code, None)


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("Il mio cliente non si fida più di noi, che cosa faccio?", "it"),
        ("Zákazník nám už nevěří, co mám dělat?", "cs"),
        ("Клієнт більше не довіряє нам, що робити?", "uk"),
    ],
)
def test_a_language_without_cards_is_answered_in_english_and_named(languages: Languages, text: str, foreign: str) -> None:
    found = languages.detect(text)
    assert (found.code, found.foreign) == ("en", foreign)


@pytest.mark.parametrize("code", ["da", "de", "en", "es", "fi", "fr", "nb", "nl", "pl", "ru", "sv"])
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
        ("vastaa espanjaksi", "es"),
        ("svar på polsk, tak", "pl"),
        ("in Germany we say Sie", None),
    ],
)
def test_an_explicit_wish_is_found(languages: Languages, text: str, code: str | None) -> None:
    assert languages.wish(text) == code


def test_the_browser_language_is_matched_by_its_first_known_tag(languages: Languages) -> None:
    assert languages.from_browser("it-IT,it;q=0.9,nn-NO;q=0.8") == "nb"
    assert languages.from_browser("fr-CA,fr;q=0.9,en;q=0.8") == "fr"
    assert languages.from_browser("") == "en"


def test_a_sentence_in_another_language_is_not_in(languages: Languages) -> None:
    assert not languages.is_in("Behalten Sie Ihre Kunden, denn neue kosten viel mehr.", "sv")
    assert languages.is_in("Behåll kunderna, för nya kostar mycket mer.", "sv")


@pytest.mark.parametrize("text", ["kunden er sur", "Kan det vente til i morgen?"])
@pytest.mark.parametrize("code", ["nb", "da"])
def test_what_norwegian_and_danish_write_alike_follows_the_conversation(languages: Languages, text: str, code: str) -> None:
    assert languages.detect(text, [code]).code == code


def test_proof_of_danish_or_norwegian_outweighs_the_conversation(languages: Languages) -> None:
    assert languages.detect("Hvad gør jeg, når medarbejderen ikke siger noget?", ["nb"]).code == "da"
    assert languages.detect("Hva gjør jeg når medarbeideren ikke sier noe?", ["da"]).code == "nb"
