"""Words mended, paragraphs kept; lists of units split."""

from __future__ import annotations

import pytest

from include.sources.running_text import join, line_width, running_text, words_of
from include.sources.units import is_known, split_units


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("ved budgetopfølg-", "ningerne", "ved budgetopfølgningerne"),
        ("Erhvervs- og Beskæftigelses-", "udvalget", "Erhvervs- og Beskæftigelsesudvalget"),
        ("eller § 50-", "undersøgelserne", "eller § 50-undersøgelserne"),
        ("i alderen 12-", "25 år", "i alderen 12-25 år"),
        ("af UCC-", "bygningen", "af UCC-bygningen"),
        ("den gamle (UCC-", "bygning)", "den gamle (UCC-bygning)"),
        ("MED-udvalg samt Center-", "MED", "MED-udvalg samt Center-MED"),
        ("Børne-", "og Skoleudvalget", "Børne- og Skoleudvalget"),
        ("om-", "eller tilbygning", "om- eller tilbygning"),
        ("pr. e-", "mail", "pr. e-mail"),
        ("Klima 30-", "projektet", "Klima 30-projektet"),
        ("området -", "herunder", "området - herunder"),
        ("området –", "herunder", "området – herunder"),
        ("skolen/institu-", "tionen", "skolen/institutionen"),
        ("opfølg\u00ad", "ningen", "opfølgningen"),
        ("to ord", "til", "to ord til"),
        ("", "ord", "ord"),
    ],
)
def test_hyphens_go_where_layout_put_them(first: str, second: str, expected: str) -> None:
    assert join(first, second) == expected


def test_the_document_itself_tells_a_hyphenated_word() -> None:
    words = words_of(["der købes nyt it-udstyr til skolerne", "og andre ord"])
    assert join("nyt it-", "udstyr.", words) == "nyt it-udstyr."
    assert join("nyt it-", "udstyr.") == "nyt itudstyr."


WIDTH = line_width("en linje, der er så bred, som spalten kan være")


def test_a_blank_line_inside_a_sentence_ends_nothing() -> None:
    assert running_text(["vedligehold af", "", "Hytten."], WIDTH) == "vedligehold af Hytten."
    assert running_text(["aftalt med firmaet og de", "", "første er i gang."], WIDTH) == (
        "aftalt med firmaet og de første er i gang."
    )


def test_a_blank_line_between_sentences_ends_a_paragraph_if_it_is_a_true_one() -> None:
    lines = ["det første, der skal ske, er en længere sag.", "", "Dernæst det andet."]
    assert running_text(lines, WIDTH).count("\n") == 1
    assert running_text(lines, WIDTH, has_true_blanks=False).count("\n") == 0


def test_a_line_broken_with_room_to_spare_ends_a_paragraph() -> None:
    assert running_text(["Kort linje.", "Ny begyndelse."], WIDTH) == "Kort linje.\nNy begyndelse."
    assert running_text(["Kort linje", "Ny begyndelse."], WIDTH) == "Kort linje Ny begyndelse."


def test_bullets_begin_lines() -> None:
    lines = ["Der er:", "• et første punkt, som er meget", "langt", "• et andet", "I alt to."]
    assert running_text(lines, WIDTH) == "Der er:\n• et første punkt, som er meget langt\n• et andet\nI alt to."
    assert running_text(["Er omsat i", "", "a. Mål.", "", "b. Planer."], WIDTH) == "Er omsat i\na. Mål.\nb. Planer."
    assert (
        running_text(["1) Status:", "", "- et", "", "- to", "", "2) Plan"], WIDTH) == "1) Status:\n- et\n- to\n2) Plan"
    )
    assert running_text(["en plan", "- den nye - følges"], WIDTH) == "en plan - den nye - følges"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Ejendomme", ["Ejendomme"]),
        ("Skoler, Institutioner og Kultur samt Børne- og Ungerådgivning",
         ["Skoler, Institutioner og Kultur", "Børne- og Ungerådgivning"]),
        ("By, Erhverv og Miljø, Arbejdsmarkedscenter Ballerup samt Social og Sundhed",
         ["By, Erhverv og Miljø", "Arbejdsmarkedscenter Ballerup", "Social og Sundhed"]),
        ("Center for Kultur, Idræt og Fritid og Center for Økonomi",
         ["Center for Kultur, Idræt og Fritid", "Center for Økonomi"]),
        ("Borgerservice", ["Borgerservice"]),
        ("Borgerservice samt By, Erhverv og Miljø", ["Borgerservice", "By, Erhverv og Miljø"]),
        ("Ejendomme, Vej og Park", ["Ejendomme", "Vej og Park"]),
        ("Ejendommes Drift, Ejendomme.", ["Ejendommes Drift", "Ejendomme"]),
    ],
)  # fmt: skip
def test_lists_of_units_are_split_by_known_names(text: str, expected: list[str]) -> None:
    assert split_units(text) == expected


def test_known_lists() -> None:
    assert is_known("Social og Sundhed, Ejendomme")
    assert not is_known("Social og")
    assert not is_known("")
