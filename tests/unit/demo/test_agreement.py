"""The synthetic budget agreements: the same from the same seed, with the traps of the real layout."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from include.demo.agreement import INITIATIVES, write_agreement
from include.demo.agreement_content import COMMON_LIFE, CULTURAL_LIFE, DAILY_LIFE
from include.demo.agreement_wording import WORDING
from include.sources.units import KNOWN_UNITS


def test_the_ids_recur_and_some_titles_do_not() -> None:
    ids = {year: [found.initiative_id for found in initiatives] for year, initiatives in INITIATIVES.items()}
    assert set(INITIATIVES) == {2024, 2025, 2026}
    assert ids[2024] == ids[2025] == ids[2026]
    assert len(set(ids[2024])) == 22
    assert set(ids[2024]) == set(WORDING)
    titles = [{found.title for found in initiatives} for initiatives in INITIATIVES.values()]
    assert titles[0] != titles[1] != titles[2]
    for initiative in INITIATIVES[2026]:
        for unit in (initiative.responsible_center, *initiative.contributors):
            is_made_up = unit in (COMMON_LIFE, DAILY_LIFE, CULTURAL_LIFE)
            assert unit.removeprefix("Center for ") in KNOWN_UNITS or is_made_up


@pytest.mark.parametrize("form", ["txt", "pdf"])
def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, form: Literal["txt", "pdf"]) -> None:
    first, second = (
        write_agreement(tmp_path / name, 2024, form, rng=np.random.default_rng(5)) for name in ("one", "two")
    )
    assert first.path.name == f"aftale_om_budget_2024.{form}"
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.amounts == second.amounts
    other = write_agreement(tmp_path / "three", 2024, form, rng=np.random.default_rng(6))
    assert other.amounts != first.amounts


def test_the_truth_has_what_the_real_document_has(tmp_path: Path) -> None:
    truth = write_agreement(tmp_path, 2025, "txt")
    assert truth.document_date == dt.date(2025, 2, 12)
    assert (len(truth.initiatives), len(truth.milestones)) == (22, 88)
    assert sum(found.milestone_text is None for found in truth.milestones) == 8
    assert sum(found.finance_text is None for found in truth.texts) == 4
    assert sum(not found.contributors for found in truth.initiatives) == 6
    assert all(found.amount_mdkk > 0 for found in truth.amounts)
    assert {(found.amount_kind, found.stated_in) for found in truth.amounts} == {
        (kind, place) for kind in ("expenditure", "saving") for place in ("finance", "description")
    }
    keys = [(found.initiative_id, found.budget_year, found.amount_kind) for found in truth.amounts]
    assert len(set(keys)) == len(keys)
    both = {found.amount_kind for found in truth.amounts if found.initiative_id == "3.04"}
    assert both == {"expenditure", "saving"}


def test_the_text_has_the_traps_of_the_layout(tmp_path: Path) -> None:
    lines = write_agreement(tmp_path, 2026, "txt").path.read_text(encoding="utf-8").split("\n")
    text = "\n".join(lines)
    assert re.search(r"^- \d+ -$", text, re.MULTILINE), "page numbers"
    assert re.search(r"^ (?:Milepæl|[a-zæøå]|\d)", text, re.MULTILINE), "one blank where a page begins"
    assert re.search(r"^3\.\d\d\. .* Kort beskrivelse", text, re.MULTILINE), "title and header on one line"
    assert re.search(r"^3\.\d\d\. (?!.*Kort).*\n.*\n+Kort beskrivelse", text, re.MULTILINE), "a title over two lines"
    assert re.search(r"[a-zæøå]- $\n[a-zæøå]", text, re.MULTILINE), "a divided word"
    assert re.search(r"^7\.02\. Digital indskrivning\.", text, re.MULTILINE), "a line that looks like an initiative"
    assert re.search(r"^ ?Milepæl  [123]\. budgetopfølgning 2026", text, re.MULTILINE), "a milestone without text"
    assert re.search(r"^ ?Milepæl \w.*[^.:] $\n\n[a-zæøå§]", text, re.MULTILINE), "a blank line inside a sentence"
    assert re.search(r"^Væsentlig bidragsyder:  ?$", text, re.MULTILINE), "no contributors"
    assert re.search(r"^ ?Økonomi +$", text, re.MULTILINE), "a finance line without text"


def test_a_revision_corrects_two_things(tmp_path: Path) -> None:
    first = write_agreement(tmp_path, 2026, "txt")
    revised = write_agreement(tmp_path, 2026, "txt", revision=1, date=dt.date(2026, 6, 16))
    assert revised.path.name == "aftale_om_budget_2026_rev1.txt"
    assert revised.document_date == dt.date(2026, 6, 16)
    assert write_agreement(tmp_path, 2026, "txt", revision=2).document_date > first.document_date
    changed = set(revised.amounts) - set(first.amounts)
    assert {(found.initiative_id, found.budget_year, found.stated_in) for found in changed} == {
        ("3.02", 2026, "finance")
    }
    (before,) = (found for found in first.amounts if (found.initiative_id, found.budget_year) == ("3.02", 2026))
    assert changed.pop().amount_mdkk == before.amount_mdkk + Decimal("0.4")
    filled = set(revised.milestones) - set(first.milestones)
    assert {(found.initiative_id, found.follow_up_code) for found in filled} == {
        ("3.05", "BO3-2026"),
        ("3.05", "YE-2026"),
    }
    assert any(glyph in revised.path.read_text(encoding="utf-8") for glyph in "\uf04a\uf04b\uf04c")


def test_an_unknown_year_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_agreement(tmp_path, 2030, "txt")
