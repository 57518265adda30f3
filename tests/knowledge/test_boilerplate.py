"""What a page wraps around a text is left out, and nothing of the text is. The pages are our own, in four languages."""

from __future__ import annotations

import pytest

from bot.knowledge.boilerplate import without_boilerplate
from tests.knowledge.files import SENTENCES

MENUS = {
    "nb": "Hjem\nOm oss\nTjenester\nPriser\nKontakt\nLogg inn",
    "sv": "Hem | Om oss | Tjänster | Kontakt",
    "de": "Startseite\n\nLeistungen\n\nÜber uns\n\nKarriere\n\nKontakt",
    "ru": "• главная | карта сайта | контакты",
}
REFERENCES = {
    "nb": "LES OGSÅ: Slik holder du møter kortere",
    "sv": "Läs även: Tio sätt att tacka en kund",
    "de": "SIEHE: Fünf Fehler im Erstgespräch",
    "ru": "Читайте также: Как провести первую встречу",
}
LINKS = {
    "nb": "  1. Syv råd for søvn\n  2. Ledere slutter\n  3. Er du klar for endring?\n  4. Ta steget.\n  5. Kunsten å si nei\n  6. Jobb",
    "sv": "- Så bygger du ett team\n- Chefens svåra samtal\n- Vad kostar en konflikt?\n- Ledarskap i kris\n- Våra kurser\n- Boka",
    "de": "1) Zehn Tipps für Chefs\n2) Besser schlafen\n3) Die Kunst der Pause\n4) Was nun?\n5) Neue Wege gehen\n6) Mut zur Lücke",
    "ru": "* Десять советов руководителю\n* Как спать лучше\n* Искусство паузы\n* Что дальше?\n* Новые пути\n* Смелость",
}
LANGUAGES = sorted(MENUS)


def page(language: str, dirt: str) -> str:
    return f"{SENTENCES[language]}\n\n{dirt}\n\n{SENTENCES[language]}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [MENUS, REFERENCES, LINKS], ids=["menu", "reference", "links"])
def test_dirt_goes_and_the_sentences_stay(language: str, kind: dict[str, str]) -> None:
    assert without_boilerplate(page(language, kind[language])) == f"{SENTENCES[language]}\n\n{SENTENCES[language]}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_dirt_at_both_ends_goes(language: str) -> None:
    dirty = f"trackpx\n\n{MENUS[language]}\n\n{SENTENCES[language]}\n\n{LINKS[language]}\n\n© 2019 Firma\nmvh/x"
    assert without_boilerplate(dirty) == SENTENCES[language]


def test_reference_cut_off_at_the_end_of_a_paragraph_goes_with_its_title() -> None:
    dirty = f"{SENTENCES['de']} SIEHE:\n\nFünf Fehler im Erstgespräch\n\n{SENTENCES['de']}"
    assert without_boilerplate(dirty) == f"{SENTENCES['de']}\n\n{SENTENCES['de']}"


def test_paragraph_after_a_cut_reference_stays() -> None:
    dirty = f"{SENTENCES['de']} SIEHE:\n\n{SENTENCES['en']}"
    assert without_boilerplate(dirty) == f"{SENTENCES['de']}\n\n{SENTENCES['en']}"


@pytest.mark.parametrize("line", ["www.example.org", "Skriv til post@example.org", "Mehr: https://example.org/a?b=c", "Vi bruker cookies"])
def test_link_and_cookie_lines_go(line: str) -> None:
    assert without_boilerplate(page("nb", line)) == f"{SENTENCES['nb']}\n\n{SENTENCES['nb']}"


def test_address_inside_a_sentence_stays() -> None:
    sentence = "If a customer writes to you at post@example.org you should always answer on the same day, even briefly."
    assert without_boilerplate(sentence) == sentence


def test_heading_above_a_paragraph_stays() -> None:
    text = f"Keep promises\n\n{SENTENCES['en']}\n\nTell the truth\n{SENTENCES['en']}"
    assert without_boilerplate(text) == text


def test_list_that_a_sentence_leads_into_stays() -> None:
    text = "When you take over a team, keep to these points:\n- honest\n- on time\n- polite\n- prepared\n- brief\n- friendly"
    assert without_boilerplate(text) == text


def test_numbered_instructions_that_are_sentences_stay() -> None:
    text = "\n".join(f"{n}. Call the customer back on the same day and say when you will know more." for n in range(1, 9))
    assert without_boilerplate(text) == text


def test_numbered_points_with_paragraphs_stay() -> None:
    text = "\n\n".join(f"{n}/25. Point number {n}\n{SENTENCES['sv']}" for n in range(15, 22))
    assert without_boilerplate(text) == text


def test_table_rows_are_no_menu() -> None:
    rows = "\n".join(f"| Anna | day {n} |" for n in range(7))
    text = f"{SENTENCES['en']}\n\n{rows}"
    assert without_boilerplate(text) == text


@pytest.mark.parametrize("text", ["", "one", "one\ntwo"])
def test_short_texts_are_left_alone(text: str) -> None:
    assert without_boilerplate(text) in {text, ""}
