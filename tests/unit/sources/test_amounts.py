"""Amounts in running text: how much, which year, which kind, and what doesn't count."""

from __future__ import annotations

from decimal import Decimal

import pytest

from include.sources.amounts import UnreadableAmount, counted, find_amounts

EXPENDITURE, SAVING = "expenditure", "saving"


def sums(text: str, *, is_finance: bool, year: int = 2030) -> dict[tuple[int, str], Decimal]:
    found = counted(find_amounts(text, year, is_finance=is_finance), is_finance=is_finance)
    return {(budget_year, kind): value for (budget_year, kind), value in found.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Der afsættes 1,7 mio. kr. i 2030.", {(2030, EXPENDITURE): "1.7"}),
        ("Der afsættes 2 mio. kr. til nye cykelstier ved skolerne.", {(2030, EXPENDITURE): "2"}),
        ("Investering i 2030: 7,0 mio. kr.", {(2030, EXPENDITURE): "7.0"}),
        ("Investering 2031: 0,750 mio. kr.", {(2031, EXPENDITURE): "0.750"}),
        ("4 mio. kr. i 2030.", {(2030, EXPENDITURE): "4"}),
        ("Besparelse i 2030: 0,1 mio. kr.", {(2030, SAVING): "0.1"}),
        (
            "Besparelsen er 0,1 mio. kr. i 2030, og 0,3 mio. kr. i 2031 og frem.",
            {(2030, SAVING): ".1", (2031, SAVING): ".3"},
        ),
        ("-0,4 mio. kr. i 2030", {(2030, SAVING): "0.4"}),
        (
            "Investering 2030: 7,5 mio. kr.\nBesparelse 2030: 1,5 mio. kr.",
            {(2030, EXPENDITURE): "7.5", (2030, SAVING): "1.5"},
        ),
        (
            "Investeringen på 2 mio. kr. i 2030 giver en besparelse på 1 mio. kr. i 2031.",
            {(2030, EXPENDITURE): "2", (2031, SAVING): "1"},
        ),
        ("Der afsættes 500.000 kr. i 2030.", {(2030, EXPENDITURE): "0.5"}),
        ("Der afsættes 250 t.kr. i 2030.", {(2030, EXPENDITURE): "0.25"}),
        ("Der afsættes 0,5 mio. kr. årligt i 2030-2032.", {(year, EXPENDITURE): "0.5" for year in (2030, 2031, 2032)}),
        ("Der afsættes 1 mio. kr. til leje og 1 mio. kr. til drift.", {(2030, EXPENDITURE): "2"}),
        ("Der afsættes 3 mio. kr. i 2030, heraf 1 mio. kr. til drift.", {(2030, EXPENDITURE): "3"}),
        (
            "Der er afsat 8 mio. kr. i budgetaftale 2029. Der er overført 3 mio. kr. fra 2029 til 2030 ved tredje "
            "budgetopfølgning 2029. Samlet budget 2030 er på 6,5 mio. kr.",
            {(2030, EXPENDITURE): "6.5"},
        ),
        (
            "Der afsættes 2 mio. kr. i 2030 til huse. Der afsættes 1 mio. kr. i 2030. I alt 3 mio. kr. i 2030.",
            {(2030, EXPENDITURE): "3"},
        ),
        ("Der afsættes 12 mio. kr. over de næste fire år.", {}),
        ("Der afsættes 12 mio. kr. i 2030-2033.", {}),
        ("Der er ikke afsat midler.", {}),
        ("Afhænger af aftalen om 30.34 i 2030.", {}),
        ("", {}),
    ],
)
def test_a_finance_line_says_what_counts(text: str, expected: dict[tuple[int, str], str]) -> None:
    assert sums(text, is_finance=True) == {key: Decimal(value) for key, value in expected.items()}


KINDS = [
    ("1,5 mio. kr. i besparelse og 7,5 mio. kr. i investering.", "7.5", "1.5"),
    ("7,5 mio. kr. i investering og 1,5 mio. kr. i besparelse.", "7.5", "1.5"),
    (
        "Der er en besparelse på 1,5 mio. kr. i 2030, mens udgiften til modellen er 7,5 mio. kr. i 2030.",
        "7.5",
        "1.5",
    ),
    ("Besparelsen er 1,5 mio. kr. i 2030, mens udgiften til børn, unge og ældre er 7,5 mio. kr. i 2030.", "7.5", "1.5"),
    ("Der afsættes 3,0 mio. kr. i 2030 til at reducere fraværet og 1,0 mio. kr. i 2030 til evaluering.", "4.0", None),
    ("Der afsættes 3,0 mio. kr. i 2030 til at spare på varmen, og 1,0 mio. kr. i 2030 til maling.", "4.0", None),
    ("3,0 mio. kr. i 2030 til energibesparelser.", "3.0", None),
    ("Der afsættes til besparende tiltag 3,0 mio. kr. i 2030.", "3.0", None),
    ("Til at spare på varmen afsættes 3,0 mio. kr. i 2030.", "3.0", None),
    ("Der afsættes 3 mio. kr. i 2030 og 1 mio. kr. til evaluering af besparelserne.", "4", None),
    ("Centrene forpligtes til at spare 2,0 mio. kr. i 2030.", None, "2.0"),
    ("Besparelse på driftsudgifter i 2030: 2,0 mio. kr.", None, "2.0"),
    ("Driftsbesparelse 2030: 2,0 mio. kr.", None, "2.0"),
    ("Budgettet nedsættes med 2,0 mio. kr. i 2030", None, "2.0"),
    ("Rammen til vikarer reduceres i 2030 med 2,0 mio. kr.", None, "2.0"),
    ("Reduktion af rammen på 2,0 mio. kr. i 2030.", None, "2.0"),
    ("Indtægt på 2,0 mio. kr. i 2030", None, "2.0"),
    ("Merindtægten er 2,0 mio. kr. i 2030, og udgiften er 0,5 mio. kr. i 2030.", "0.5", "2.0"),
    ("Mindreindtægt i 2030: 2,0 mio. kr.", "2.0", None),
    ("Mindreudgift i 2030: 2,0 mio. kr.", None, "2.0"),
    ("2,0 mio. kr. i 2030 forventes sparet på vikarer.", None, "2.0"),
    ("Der anvendes 2,0 mio. kr. mindre i 2030.", None, "2.0"),
    ("Besparelse:\n1,5 mio. kr. i 2030.\nDer afsættes 7,5 mio. kr. i 2030.", "7.5", "1.5"),
    ("Besparelser i 2030:\n• 1,5 mio. kr. på frugt\n• 0,5 mio. kr. på mælk", None, "2.0"),
    ("Udgiften er 7,5 mio. kr. og indtægten 1,5 mio. kr. i 2030.", "7.5", "1.5"),
    ("En besparelse på 1,5 mio. kr. og en investering på 7,5 mio. kr. i 2030.", "7.5", "1.5"),
    ("7,5 mio. kr. i 2030 giver en besparelse på 1,5 mio. kr. i 2030.", "7.5", "1.5"),
]


@pytest.mark.parametrize(("text", "spent", "saved"), KINDS)
def test_the_kind_is_that_of_the_amounts_own_words(text: str, spent: str | None, saved: str | None) -> None:
    expected = {EXPENDITURE: spent, SAVING: saved}
    assert sums(text, is_finance=True) == {(2030, kind): Decimal(value) for kind, value in expected.items() if value}


@pytest.mark.parametrize(
    ("text", "expected", "reasons"),
    [
        (
            "Til den samlede indsats afsættes 2,0 mio. kr. i 2030. Der afsættes 1,0 mio. kr. i 2030 til evaluering.",
            {2030: "3.0"},
            [None, None],
        ),
        ("Der afsættes 2 mio. kr. i 2030. Den samlede ramme er 3 mio. kr. i 2030.", {2030: "3"},
         ["part_of_total", None]),
        ("Der afsættes 2 mio. kr. i 2030. Herefter er der 3 mio. kr. i 2030.", {2030: "3"}, ["part_of_total", None]),
        ("Der afsættes 2 mio. kr. til A og 1 mio. kr. til B, 3 mio. kr. i alt.", {2030: "3"},
         ["part_of_total", "part_of_total", None]),
        ("Der afsættes 2 mio. kr. i alt til A og 1 mio. kr. til B.", {2030: "3"}, [None, None]),
        ("Merforbruget på 0,5 mio. kr. finansieres inden for rammen.", {}, ["no_new_money"]),
        ("Mindreforbruget i 2030 er 0,5 mio. kr.", {}, ["no_new_money"]),
        ("Udgiften på 0,5 mio. kr. i 2030 afholdes inden for den eksisterende ramme.", {}, ["no_new_money"]),
        ("Der afsættes 0,5 mio. kr. i 2030, der finansieres inden for rammen.", {2030: "0.5"}, [None]),
        ("Til at dække merforbruget afsættes 0,5 mio. kr. i 2030.", {2030: "0.5"}, [None]),
        ("Der afsættes 2,0 mio. kr. i drift og 5,0 mio. kr. i anlæg i 2030.", {2030: "7.0"}, [None, None]),
        ("Der afsættes 2 mio. kr. i drift, 5 mio. kr. i anlæg og 1 mio. kr. i leje i 2031.", {2031: "8"}, [None] * 3),
        ("Der afsættes 2 mio. kr. i 2030 til drift og 5 mio. kr. til anlæg i 2031.", {2030: "2", 2031: "5"},
         [None, None]),
        ("Der er 2 mio. kr. til drift, som er givet før, og der afsættes 5 mio. kr. i 2031.", {2031: "5"},
         ["no_year", None]),
        ("Der er givet 2 mio. kr. til drift og 5 mio. kr. til anlæg i 2028.", {}, ["no_year", "history"]),
        ("Der afsættes 400 kr. pr. elev.", {}, ["unit_price"]),
        ("Der afsættes 1 mio. kr. i 2030, svarende til 12.000 kr. per barn.", {2030: "1"}, [None, "unit_price"]),
        ("Der afsættes 2.000 kr. til hver klasse i 2030.", {}, ["unit_price"]),
        ("Der afsættes 0,5 mio. kr. pr. år i 2030 og 2031.", {2030: "0.5", 2031: "0.5"}, [None]),
        ("Der afsættes 2 mio. kr. pr. 1. januar 2030.", {}, ["no_year"]),
        ("Der afsættes 400 kr. i 2030.", {}, ["too_small"]),
        ("Der afsættes 0 mio. kr. i 2030.", {}, ["too_small"]),
        ("Der afsættes 1.000 kr. i 2030.", {2030: "0.001"}, [None]),
        ("Rammen går fra 5 mio. kr. til 8 mio. kr.", {}, ["change", "change"]),
        ("Der afsættes 3 mio. kr., heraf 1 mio. kr. til leje og 2 mio. kr. til drift.", {2030: "3"},
         [None, "part", "part"]),
    ],
)  # fmt: skip
def test_a_finance_line_drops_nothing_silently(text: str, expected: dict[int, str], reasons: list[str | None]) -> None:
    assert [found.reason for found in find_amounts(text, 2030, is_finance=True)] == reasons
    assert sums(text, is_finance=True) == {(year, EXPENDITURE): Decimal(value) for year, value in expected.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Der sættes 3 mio. kr. af i 2030. I 2031 sættes der 5,0 mio. kr. af, og i 2032 sættes der 2,5 mio. kr. af.",
         {2030: "3", 2031: "5", 2032: "2.5"}),
        ("Der afsættes 0,5 mio. kr. årligt i 2030 og 2031 til en café.", {2030: "0.5", 2031: "0.5"}),
        ("Der er i investeringsoversigten i 2031 afsat 7,75 mio. kr. til huset.", {2031: "7.75"}),
        ("Der afsættes 2 mio. kr. til nye lokaler i 2031.", {2031: "2"}),
        ("Der afsættes 2 mio. kr. i 2031. Kommunen vil altså bruge 2 mio. kr. i 2031.", {2031: "2"}),
        ("Der afsættes 0,2 mio. kr. til maling.", {}),
        ("Huset er finansieret med 15 mio. kr.", {}),
        ("Der blev afsat 2,5 mio. kr. i 2028.", {}),
        ("Huset koster i alt 66 mio. kr., og det står klar i 2031.", {}),
        ("Grænsen er ca. 1,6 mio. kr., som den var i 2030.", {}),
        ("Det koster 7-8 mio. kr. at bygge.", {}),
        ("Det kan koste flere mio. kr. at bygge.", {}),
        ("I efteråret 2031 er der brugt 4 mio. kr.", {}),
        ("I skoleåret 2030/2031 koster det 4 mio. kr.", {}),
    ],
)  # fmt: skip
def test_a_description_counts_with_its_year_alone(text: str, expected: dict[int, str]) -> None:
    assert sums(text, is_finance=False) == {(year, EXPENDITURE): Decimal(value) for year, value in expected.items()}


@pytest.mark.parametrize(
    "text",
    [
        "Der afsættes 1,7,2 mio. kr. i 2030.",
        "Der afsættes 1.7 mio. kr. i 2030.",
        "Der afsættes l,7 mio. kr. i 2030.",
        "Der afsættes 7-8 mio. kr. i 2030.",
        "Der afsættes et par mio. kr. i 2030.",
        "Der afsættes kr. 500.000 i 2030.",
        "Der afsættes 50.00 kr. i 2030.",
    ],
)
def test_a_number_that_is_none_stops_a_finance_line(text: str) -> None:
    with pytest.raises(UnreadableAmount) as stopped:
        find_amounts(text, 2030, is_finance=True)
    assert not str(stopped.value), "the message must not hold the value"


def test_a_number_that_is_none_stops_a_description() -> None:
    with pytest.raises(UnreadableAmount):
        find_amounts("Der afsættes 1,7,2 mio. kr. i 2031.", 2030, is_finance=False)
