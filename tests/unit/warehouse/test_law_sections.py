"""The seeds of law sections and of the ladder of efforts: whole, without overlaps, and as OS2bos has them."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import re
from collections import defaultdict
from pathlib import Path

from include.demo.cases import MEASURES, TEAMS
from include.landing.contract import load_contracts
from include.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"
CHILDS_ACT = dt.date(2024, 1, 1)


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


SECTIONS = _rows(SEEDS / "law_section.csv")
STEPS = _rows(SEEDS / "law_section_step.csv")
LADDER = _rows(SEEDS / "effort_step.csv")


def test_a_section_holds_once_on_every_day() -> None:
    spans = defaultdict(list)
    for row in SECTIONS:
        last = dt.date.fromisoformat(row["valid_to"]) if row["valid_to"] else dt.date.max
        spans[row["section_key"]].append((dt.date.fromisoformat(row["valid_from"]), last))
    for key, days in spans.items():
        days.sort()
        assert all(first <= last for first, last in days), key
        assert all(before[1] < after[0] for before, after in itertools.pairwise(days)), key


def test_a_section_bears_its_law_and_what_replaced_another_follows_it() -> None:
    by_key = {row["section_key"]: row for row in SECTIONS}
    for row in SECTIONS:
        assert row["section_key"].startswith(f"{row['law']}-")
        if row["law"] == "BL":
            assert dt.date.fromisoformat(row["valid_from"]) == CHILDS_ACT
            earlier = by_key[row["earlier_section_key"]]
            assert dt.date.fromisoformat(earlier["valid_to"]) == CHILDS_ACT - dt.timedelta(days=1)
            assert earlier["section_kind"] == row["section_kind"], row["section_key"]


def test_every_kind_that_a_measure_needs_has_a_section_in_both_laws() -> None:
    kinds = {(row["law"], row["section_kind"]) for row in SECTIONS}
    assert {(law, kind) for law in ("SEL", "BL") for kind in ("preventive", "placement", "examination")} <= kinds
    assert {row["section_key"] for row in SECTIONS if row["section_kind"] == "examination"} == {"SEL-50", "BL-20"}
    assert all(row["label_da"] for row in SECTIONS if row["section_kind"] != "other")


def test_the_ladder_has_six_steps_and_sections_use_all_but_the_first() -> None:
    assert [row["effort_step"] for row in LADDER] == ["1", "2", "3", "4", "5", "6"]
    for law in ("SEL", "BL"):
        used = {row["effort_step"] for row in STEPS if row["section_key"].startswith(law)}
        assert used == {"2", "3", "4", "5", "6"}, law
    assert {row["section_key"] for row in STEPS} <= {row["section_key"] for row in SECTIONS}


def test_a_placement_is_on_the_upper_half_of_the_ladder() -> None:
    placements = {row["section_key"] for row in SECTIONS if row["section_kind"] == "placement"}
    steps = defaultdict(set)
    for row in STEPS:
        steps[row["section_key"]].add(row["effort_step"])
    assert all(steps[key] == {"4", "5", "6"} for key in placements)


def test_every_section_can_land() -> None:
    (column,) = [column for column in load_contracts()["granted_payments"].columns if column.name == "section_key"]
    assert column.pattern
    assert [row["section_key"] for row in SECTIONS if not re.fullmatch(column.pattern, row["section_key"])] == []


def test_the_synthetic_cases_use_sections_steps_and_teams_of_the_seeds() -> None:
    steps = {(row["section_key"], row["effort_step"]) for row in STEPS}
    replaced = {(row["earlier_section_key"], row["section_key"]) for row in SECTIONS if row["law"] == "BL"}
    for measure in MEASURES:
        assert (measure.service_act, measure.childs_act) in replaced
        # Step 1 needs no section; what is given there as well is given under one of step 2.
        for step in set(measure.steps) - {1}:
            assert {(key, str(step)) for key in (measure.service_act, measure.childs_act)} <= steps
    assert set(TEAMS) == {row["team_name"] for row in _rows(SEEDS / "team.csv") if row["has_child_cases"] == "true"}


def test_keys_codes_and_steps_are_those_of_os2bos(shared: Path) -> None:
    reference = _rows(shared / "reference" / "os2bos" / "sections_flat.csv")
    assert len(reference) > 100
    seeded = {row["section_key"]: row for row in SECTIONS if row["basis"] == "reference"}
    assert set(seeded) == {row["paragraph"] for row in reference}
    assert {row["dst_code"] for row in reference} == {row["dst_code"] for row in SECTIONS}
    steps = defaultdict(set)
    for row in STEPS:
        steps[row["section_key"]].add(row["effort_step"])
    for row in reference:
        key = row["paragraph"]
        assert seeded[key]["dst_code"] == row["dst_code"], key
        assert steps[key] == set(filter(None, row["steps"].split("|"))), key
        statistics = {"preventive": row["dst_preventative"], "disability": row["dst_handicap"]}
        assert [name for name, is_reported in statistics.items() if is_reported == "1"] == [
            name for name in [seeded[key]["dst_statistics"]] if name
        ], key
