"""Names of persons in remarks: found as Danish writes them, and not where a thing is named."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from include.demo import people
from include.demo.agreement_wording import WORDING
from include.demo.datasets.milestone_status import _REMARKS
from include.landing.contract import load_contracts
from include.sources import budget_agreement
from include.sources.person_names import names_a_person

PERSONS = [
    "Aftalt med Jens Hansen.",
    "Mette følger op på sagen.",
    "Det er Mettes opgave.",
    "hr. Ahmadi har klaget",
    "Fru Vadgaard er orienteret.",
    "A. M. Faurholt har svaret.",
    "Leder B. Uldall er ny.",
    "aftalt med mette jensen",
    "AFTALT MED METTE JENSEN",
    "Jensen er blevet syg.",
    "Tidsplanen følges.\nBirk Vadgaard følger op",
    "Mødet er holdt (Anne-Mette Gade deltog).",
    "Anne Gade har svaret.",
    "Vi har ansat Ludwig van Rosenkrantz.",
    "foreningen Mette Hansen",
    'Aftalt med "Mette" i går.',
    "Skriv til mje@kommune.dk",
]

THINGS = [
    "Afventer Ballerup Kommune.",
    "Sagen er på Skovlunde Skole, Baltorpskolen og Hareskovens Lilleskole.",
    "Center for Børne- og Ungerådgivning har svaret Center for Dagtilbud, Skoler og Klubber.",
    "Børne- og Skoleudvalget og Økonomiudvalget har behandlet sagen.",
    "Forelagt Kommunalbestyrelsen i maj.",
    "Rådet for Socialt Udsatte er hørt.",
    "Hans Rostgaards Vej er spærret.",
    "Ombygningen på Peter Bangs Allé er i gang.",
    "projektet Fri Leg Nu er i gang",
    "Sporene i Sammen om Børn følges, og Projekt Icehearts er med.",
    '"Fri Leg Nu" er i gang.',
    "Børnehuset Sofie er klar.",
    'Børnehuset "Sofie" er klar.',
    "Hans arbejde er færdigt.",
    "Per måned er der 12 sager.",
    "Tage på to skoler skiftes; Rene klasselokaler følger.",
    "Fase I er slut, Model B er valgt.",
    "Microsoft Teams og Aula er taget i brug.",
    "Aftale med Region Hovedstaden er på plads.",
    "PPR og BAL er med.",
    "Afventer KMD Nova.",
]


@pytest.mark.parametrize("text", PERSONS)
def test_a_person_is_found(text: str) -> None:
    assert names_a_person(text)


@pytest.mark.parametrize("text", THINGS)
def test_a_thing_is_no_person(text: str) -> None:
    assert not names_a_person(text)


def test_all_made_up_people_are_found_inside_a_sentence_and_at_its_beginning() -> None:
    missed = [
        text
        for given, surname in itertools.product((*people.GIRLS, *people.BOYS), people.SURNAMES)
        for text in (f"Det er aftalt med {given} {surname} i dag.", f"{given} {surname} følger op.")
        if not names_a_person(text)
    ]
    assert missed == []


def test_no_remark_and_no_text_of_the_synthetic_agreements_names_a_person() -> None:
    texts = [
        text
        for wording in WORDING.values()
        for texts in (wording.description, wording.elaboration, wording.finance, *wording.milestones)
        for text in texts
    ]
    assert len(texts) > 100
    assert [text for text in (*_REMARKS, *texts) if names_a_person(text)] == []


def sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?:])\s+|\n", text) if part.strip()]


def test_no_text_of_the_real_agreement_names_a_person(shared: Path) -> None:
    columns = {column.source_name: True for column in load_contracts()["budget_agreement"].delivered_columns}
    with duckdb.connect() as connection:
        budget_agreement.read(
            shared / "inbox" / "budget_agreement" / "aftale_om_budget_2017.txt", connection, columns, None
        )
        rows: list[dict[str, Any]] = connection.table("raw").to_arrow_table().to_pylist()
    texts = [
        text
        for row in rows
        for text in (
            *(row[name] for name in ("title", "description", "elaboration", "finance_text")),
            *(milestone["milestone_text"] for milestone in row["milestones"]),
        )
        if text
    ]
    assert len(texts) > 150
    assert [text for whole in texts for text in (whole, *sentences(whole)) if names_a_person(text)] == []


def test_of_the_real_documents_sentences_only_those_with_persons_are_found(shared: Path) -> None:
    found = {}
    for file in sorted((shared / "documents").glob("*.txt")):
        text = re.sub(r"(?<=\w)-\s*\n(?=[a-zæøå])", "", file.read_text("utf-8"))
        text = re.sub(r"[ \t]*\n(?=[a-zæøå])", " ", text)
        found[file.name] = sum(names_a_person(sentence) for sentence in sentences(text))
    # The news item names the mayor, the director of a foundation and a chairman, in five sentences.
    assert found == {
        "icehearts_hoeringssvar.txt": 0,
        "notat_0_6_aar.txt": 0,
        "sammen_om_boern_nyhed.txt": 5,
        "sammen_om_boern_projekt.txt": 0,
    }
