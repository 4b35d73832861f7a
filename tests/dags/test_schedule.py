"""Other hours than the usual ones come from the environment, and the DAGs' pages say them."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from include.settings import DOMAINS


def test_a_municipality_with_other_hours_has_them_in_schedule_and_page(
    night_runner: ModuleType, dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_EXTRACT_AT", "15 22 * * *")
    monkeypatch.setenv("WAREHOUSE_REFRESH_AT", "45 4 * * 1-5")
    monkeypatch.setenv("WAREHOUSE_ERASE_AT", "30 6 * * 0")
    found = night_runner.load_dags()
    for domain in DOMAINS:
        dag = found[f"extract_{domain}"]
        assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("15 22 * * *", "Europe/Copenhagen")
        assert "Hver nat kl. 22:15 dansk tid" in dag.doc_md
    erasure = found["erase_personal_data"]
    assert erasure.timetable.expression == "30 6 * * 0"
    assert "Kører efter uret `30 6 * * 0` (cron, dansk tid)" in erasure.doc_md
    refresh = found["refresh_warehouse"]
    assert refresh.timetable.timetable.expression == "45 4 * * 1-5"
    assert "senest efter uret `45 4 * * 1-5` (cron, dansk tid)" in refresh.doc_md


def test_the_usual_hours_are_told_in_words(dags: dict[str, Any]) -> None:
    assert "Hver nat kl. 01:00 dansk tid" in dags["extract_budget"].doc_md
    assert "senest kl. 03:30 dansk tid" in dags["refresh_warehouse"].doc_md


def test_minutes_are_told_as_cron(dags: dict[str, Any]) -> None:
    clock = sys.modules["wiring"]._clock
    assert clock("5 0 * * *") == "kl. 00:05 dansk tid"
    assert clock("*/6 * * * *") == "efter uret `*/6 * * * *` (cron, dansk tid)"
