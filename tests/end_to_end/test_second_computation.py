"""Every row of `fct_measure` is what a second computation finds, which reads the native files and no code of ours."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from figures import Night
from nights import make_night, night_of
from second.compare import differences, final
from second.measures_a import MEASURES_A
from second.native import Row

Measures = Mapping[str, Callable[[Path], list[Row]]]


def _others() -> Measures:
    """K16-K32, which stand in a module of their own; `test_no_measure_is_left_out` tells where it is not there."""
    if importlib.util.find_spec("second.measures_b") is None:
        return {}
    found: Measures = importlib.import_module("second.measures_b").MEASURES_B
    return found


MEASURES: Measures = {**MEASURES_A, **_others()}
NAMES = [f"K{number:02d}" for number in range(1, 33)]
SHOWN = 25


def _rows_of(night: Night) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    for row in night.query("select * from exact.marts.fct_measure"):
        found[row["measure_id"]].append(row)
    return found


def _wrong(night: Night, name: str, shown: list[dict[str, Any]]) -> list[str]:
    expected = final(MEASURES[name](night.inbox), night.inbox)
    assert expected, f"{name}: the second computation finds nothing to compare"
    assert shown, f"{name}: no row in fct_measure"
    return differences(expected, shown)


def _report(wrong: list[str]) -> str:
    return "\n".join([f"{len(wrong)} differences", *wrong[:SHOWN]])


@pytest.fixture(scope="module")
def shown(small: Night) -> dict[str, list[dict[str, Any]]]:
    return _rows_of(small)


@pytest.mark.parametrize("name", NAMES)
def test_a_measure_is_what_the_native_files_tell(
    small: Night, shown: dict[str, list[dict[str, Any]]], name: str, compared: Callable[[str, int], None]
) -> None:
    wrong = _wrong(small, name, shown[name])
    compared(name, len(shown[name]))
    assert not wrong, _report(wrong)


def test_no_measure_is_left_out() -> None:
    assert list(MEASURES) == NAMES


@pytest.mark.proof
def test_the_measures_of_the_city_are_what_its_files_tell(tmp_path: Path, compared: Callable[[str, int], None]) -> None:
    """All units and periods at the size of Ballerup: its schools and pupil numbers, three school years."""
    make_night(tmp_path, "city")
    city = night_of(tmp_path)
    found = _rows_of(city)
    wrong = []
    for name in NAMES:
        wrong += _wrong(city, name, found[name])
        compared(name, len(found[name]))
    assert not wrong, _report(wrong)
