"""The forms of a follow-up: what is asked of whom, what is told beside it, and that all are written or none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from document_content import plain
from form_release import CENTERS, Row, answer, calendar, economy, initiative, milestones, publish

from include.errors import WarehouseError
from include.follow_up import forms
from include.follow_up.forms import FormRow, StatusForm, write_form, write_forms
from include.follow_up.questions import questions
from include.settings import Settings
from include.sources import status_form as layout


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", key_file=tmp_path / "key", as_of=dt.date(2026, 6, 9))


def small(settings: Settings, **other: list[Row]) -> None:
    """A release with two initiatives of one centre."""
    tables: dict[str, list[Row]] = {
        "dim_follow_up": [*calendar(2025), *calendar(2026)],
        "dim_center": CENTERS,
        "dim_initiative": [
            initiative("3.10", "DSK-2022"),
            initiative("3.02", "DSK-2022", finance="Der afsættes 2 mio. kr. i 2026.", measures=["K04", "K12"]),
            initiative("3.02", "OEK-2022", year=2025),
        ],
        "fct_milestone": [
            *milestones("3.02", "Første.", "Anden.", "Tredje."),
            *milestones("3.10", "Plan.", None, "Byggeri."),
            *milestones("3.02", "Sidste års.", year=2025),
        ],
        **other,
    }
    publish(settings, **tables)


def asked(settings: Settings, code: str = "BO2-2026") -> dict[str, list[tuple[str, int | None]]]:
    """By centre what its form asks for: initiative and milestone, None for the economy."""
    return {
        form.center_code: [(row.initiative_id, row.milestone_number) for row in form.rows]
        for form in questions(settings, code)
    }


def row_of(settings: Settings, number: str, milestone: int | None, code: str = "BO2-2026") -> FormRow:
    (found,) = [
        row
        for form in questions(settings, code)
        for row in form.rows
        if (row.initiative_id, row.milestone_number) == (number, milestone)
    ]
    return found


def test_a_form_asks_for_its_milestones_earlier_ones_that_are_not_glad_and_each_economy(settings: Settings) -> None:
    small(settings, fct_milestone_status=[answer("3.02", 1, "BO1-2026", "neutral")])
    assert asked(settings) == {"DSK-2022": [("3.02", 1), ("3.02", 2), ("3.02", None), ("3.10", 1), ("3.10", None)]}
    small(settings, fct_milestone_status=[answer(number, 1, "BO1-2026", "glad") for number in ("3.02", "3.10")])
    assert asked(settings) == {"DSK-2022": [("3.02", 2), ("3.02", None), ("3.10", None)]}, "no text, nothing to ask"
    assert asked(settings, "BO1-2025") == {"OEK-2022": [("3.02", 1), ("3.02", None)]}


def test_the_newest_status_that_was_known_decides_and_is_shown(settings: Settings) -> None:
    answers = [answer("3.02", 1, "BO1-2026", "neutral"), answer("3.02", 1, "BO2-2026", "glad")]
    small(settings, fct_milestone_status=answers)
    assert ("3.02", 1) not in asked(settings, "BO3-2026")["DSK-2022"]
    first = row_of(settings, "3.02", 1, "BO1-2026")
    assert (first.last_status, first.last_follow_up) == ("neutral", "1. budgetopfølgning 2026"), "not what came later"
    third = row_of(settings, "3.02", 3, "BO3-2026")
    assert (third.last_status, third.due) == (None, "3. budgetopfølgning 2026")
    again = row_of(settings, "3.10", 1)
    assert (again.last_status, again.due) == (None, "1. budgetopfølgning 2026")


def test_the_economy_is_proposed_with_its_figures(settings: Settings) -> None:
    told: dict[str, Any] = {"spent_through_date": dt.date(2026, 5, 31), "is_preliminary": True}
    small(
        settings,
        mart_budget_follow_up=[
            economy("3.02", "BO1-2026", reported_economy_status="glad"),
            economy(
                "3.02",
                "BO2-2026",
                computed_economy_status="sur",
                spent_to_date_dkk="1350706.78",
                corrected_budget_dkk="83806.94",
                **told,
            ),
            economy(
                "3.10",
                "BO2-2026",
                computed_economy_status="glad",
                spent_to_date_dkk="-50000",
                corrected_budget_dkk="-100000",
                **told,
            ),
        ],
    )
    row = row_of(settings, "3.02", None)
    assert (row.text, row.last_status, row.last_follow_up) == (
        "Der afsættes 2 mio. kr. i 2026.",
        "glad",
        "1. budgetopfølgning 2026",
    )
    assert row.proposal == "sur"
    assert plain(row.reason) == (
        "Nettoforbrug 1.350.707 kr. til og med 31. maj 2026 (foreløbigt) mod et korrigeret budget på 83.807 kr."
    )
    saving = row_of(settings, "3.10", None)
    assert (saving.proposal, saving.text) == ("glad", "Økonomien i 2026")
    assert "Nettoforbrug −50.000 kr." in plain(saving.reason)
    assert "en nettobesparelse på 100.000 kr." in plain(saving.reason)
    assert row_of(settings, "3.02", 2).proposal is None


def measure(measure_id: str, unit: str, scale: str = "count", part: str = "all") -> Row:
    return {
        "measure_id": measure_id,
        "title_da": f"Mål {measure_id}",
        "measure_parts": ["other", part],
        "measure_part_names_da": ["Andet", f"del {part}"],
        "measure_part_units_da": ["stk.", unit],
        "measure_part_scales": ["years", scale],
    }


def measured(measure_id: str, day: dt.date, value: str, *, is_met: bool | None, **other: Any) -> Row:
    return {
        "measure_id": measure_id,
        "measure_part": "all",
        "period_end_date": day,
        "unit_type": "municipality",
        "value": value,
        "person_count": 1250,
        "target": "20",
        "target_comparison": "<=",
        "is_target_met": is_met,
        "is_preliminary": False,
        **other,
    }


def test_measures_propose_by_their_newest_period_before_the_cut_off(settings: Settings) -> None:
    april, may, july = dt.date(2026, 4, 30), dt.date(2026, 5, 31), dt.date(2026, 7, 31)
    figures = [
        measured("K04", april, "18.0", is_met=True),
        measured("K04", may, "21.4", is_met=False),
        measured("K04", july, "15.0", is_met=True),
        measured("K04", may, "15.0", is_met=True, unit_type="team"),
        measured("K12", may, "0.051", is_met=None, target=None),
    ]
    small(
        settings,
        dim_measure=[measure("K04", "sager pr. årsværk"), measure("K12", "andel", "share")],
        fct_measure=figures,
    )
    row = row_of(settings, "3.02", 2)
    assert (row.proposal, plain(row.reason)) == (
        "neutral",
        "K04 Mål K04: 21,4 sager pr. årsværk, måltal højst 20, til og med 31. maj 2026, n = 1.250. "
        "Måltallet er ikke nået.",
    )
    assert row_of(settings, "3.10", 1).proposal is None, "of another initiative"
    share = measured(
        "K12",
        april,
        "0.95",
        is_met=True,
        target="0.9",
        target_comparison=">=",
        measure_part="quick",
        is_preliminary=True,
    )
    parts = [measure("K04", "sager"), measure("K12", "andel", "share", "quick")]
    small(settings, dim_measure=parts, fct_measure=[*figures[:1], share])
    row = row_of(settings, "3.02", 1)
    assert row.proposal == "glad"
    assert plain(row.reason).splitlines()[1] == (
        "K12 Mål K12 (del quick): 95,0 %, måltal mindst 90,0 %, til og med 30. april 2026 (foreløbigt), n = 1.250. "
        "Måltallet er nået."
    )


@pytest.mark.parametrize(
    ("measure_id", "day"), [("K05", dt.date(2026, 5, 31)), ("K04", dt.date(2025, 12, 31))], ids=["another", "earlier"]
)
def test_a_measure_of_another_initiative_or_year_proposes_nothing(
    settings: Settings, measure_id: str, day: dt.date
) -> None:
    figures = [measured(measure_id, day, "1", is_met=True)]
    small(settings, dim_measure=[measure(measure_id, "sager")], fct_measure=figures)
    assert row_of(settings, "3.02", 2).proposal is None


def split(settings: Settings, *following: Row) -> None:
    publish(
        settings,
        dim_follow_up=[*calendar(2026)],
        dim_center=CENTERS,
        dim_initiative=[initiative("3.06", "FLI-2023"), *following],
        fct_milestone=milestones("3.06", "Første.", "Anden."),
    )


def test_after_a_split_the_centre_that_the_next_agreement_names_answers(settings: Settings) -> None:
    split(settings, initiative("3.06", "OEK-2022", year=2027), initiative("3.06", "KUL-2026", year=2028))
    assert asked(settings) == {"KUL-2026": [("3.06", 1), ("3.06", 2), ("3.06", None)]}
    note = row_of(settings, "3.06", 2).note
    assert note == "Fællesliv er delt. Indsatsens nummer hører til jer i aftalen om budget 2028, så I svarer."
    assert list(asked(settings, "BO1-2026")) == ["FLI-2023"], "on 31 March it was one"


def test_after_a_split_that_no_agreement_settles_each_part_is_asked(settings: Settings) -> None:
    split(settings)
    assert set(asked(settings)) == {"HVE-2026", "KUL-2026"}
    note = questions(settings, "BO2-2026")[0].rows[0].note
    assert note.startswith("Fællesliv er delt i Hverdagsliv og Kulturliv/Fritid. Ingen nyere aftale siger")


def told(settings: Settings, code: str = "BO2-2026") -> str:
    with pytest.raises(WarehouseError) as raised:
        write_forms(settings, code)
    assert not (settings.follow_up / code / "forms").exists()
    return str(raised.value)


def test_what_can_not_be_asked_is_told(settings: Settings) -> None:
    assert "there is no release" in told(settings)
    small(settings)
    assert "knows no follow-up BO5-2026" in told(settings, "BO5-2026")
    assert "BO1-2025, BO2-2025" in told(settings, "BO5-2026")
    small(settings, dim_initiative=[])
    assert "there is nothing to ask before 2. budgetopfølgning 2026" in told(settings)
    small(settings, dim_initiative=[initiative("3.02", None)])
    assert "add the centre, as the agreement writes it, to the seed center" in told(settings)
    ended = {"center_code": "DSK-2022", "center_name": "Gammelt", "valid_to": dt.date(2026, 1, 1)}
    small(settings, dim_center=[ended])
    assert "the centre Gammelt, which is responsible for 3.02, has ended and none follows it" in told(settings)


def test_a_workbook_a_centre_replaces_those_before(settings: Settings) -> None:
    split(settings)
    files = write_forms(settings, "BO2-2026")
    folder = settings.follow_up / "BO2-2026" / "forms"
    assert files == (folder / "BO2-2026 Hverdagsliv.xlsx", folder / "BO2-2026 Kulturliv-Fritid.xlsx")
    before = [file.read_bytes() for file in files]
    assert write_forms(settings, "BO2-2026") == files
    assert [file.read_bytes() for file in files] == before, "the same release writes the same forms"
    small(settings)
    (file,) = write_forms(settings, "BO2-2026")
    assert sorted(folder.parent.rglob("*.xlsx")) == [file] == [folder / "BO2-2026 Dagtilbud, Skoler og Klubber.xlsx"]
    assert [path.name for path in folder.parent.iterdir()] == ["forms"]


def test_a_write_that_fails_leaves_the_forms_before(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    split(settings)
    files = write_forms(settings, "BO2-2026")
    written: list[Path] = []

    def full_disk(path: Path, form: StatusForm) -> None:
        if written:
            raise OSError("no space left on device")
        write_form(path, form)
        written.append(path)

    monkeypatch.setattr(forms, "write_form", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_forms(settings, "BO2-2026")
    assert sorted((settings.follow_up / "BO2-2026" / "forms").iterdir()) == list(files)


def test_a_form_shows_what_is_known_and_prints_on_whole_pages(settings: Settings) -> None:
    small(
        settings,
        fct_milestone_status=[answer("3.02", 1, "BO1-2026", "neutral")],
        mart_budget_follow_up=[
            economy(
                "3.02",
                "BO2-2026",
                computed_economy_status="glad",
                spent_to_date_dkk="10",
                corrected_budget_dkk="20",
                spent_through_date=dt.date(2026, 5, 31),
                is_preliminary=False,
            )
        ],
    )
    (file,) = write_forms(settings, "BO2-2026")
    sheet = openpyxl.load_workbook(file)[layout.SHEET]
    shown = [[cell.value for cell in row[1:7]] for row in sheet.iter_rows(min_row=layout.FIRST_ROW)]
    assert shown[0][:4] == [
        "3.02 Indsats 3.02",
        "Milepæl\n1. budgetopfølgning 2026",
        "Første.",
        "neutral\n1. budgetopfølgning 2026",
    ]
    assert shown[1][1:] == [
        "Milepæl\n2. budgetopfølgning 2026",
        "Anden.",
        "Ingen endnu",
        "–",
        "Kan ikke ses af tallene.",
    ]
    assert shown[2][1:5] == ["Økonomi", "Der afsættes 2 mio. kr. i 2026.", "Ingen endnu", "glad"]
    assert [cell.value for cell in sheet["B"][:2]] == [
        "Status på milepæle: 2. budgetopfølgning 2026",
        "Dagtilbud, Skoler og Klubber",
    ]
    assert str(sheet["B3"].value).startswith("Svar senest 27.06.2026.")
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (
        "landscape",
        1,
        0,
    )
    assert (sheet.print_title_rows, sheet.freeze_panes) == ("$9:$9", "C10")
    assert sheet.protection.sheet
