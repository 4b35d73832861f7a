"""Adds what `fct_measure` adds to a measure's rows, and tells every difference between two sides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from second import native
from second.native import Row, day, records, seed

KEY = ("municipality_code", "measure_id", "measure_part", "period_type", "period", "unit_type", "unit_id")
COMPARED = (
    *("numerator", "denominator", "value", "person_count", "period_end_date", "is_incomplete", "open_reason"),
    *("target", "is_target_met", "is_preliminary", "data_as_of"),
)
_NEVER_DELIVERED = "En leverance mangler / A delivery is missing"


def final(rows: Iterable[Row], inbox: Path) -> list[Row]:
    """The rows with target, verdict and freshness, by the seeds `measure_target` and `measure_dataset`."""
    as_of = native.as_of(inbox)
    targets = list(records(seed("measure_target")))
    datasets: dict[str, dict[str, str]] = {}
    for row in records(seed("measure_dataset")):
        datasets.setdefault(row["measure_id"], {})[row["dataset"]] = row["role"]
    oldest = {measure: _oldest(inbox, roles) for measure, roles in datasets.items()}
    return [_with_all(row, _target_of(row, targets), oldest.get(row.measure_id), as_of) for row in rows]


def _oldest(inbox: Path, roles: Mapping[str, str]) -> dt.date | None:
    """A frame, such as the agreement, stands until a new one comes: it has to be there, and ages nothing."""
    known = {dataset: date for dataset in roles if (date := native.data_as_of(inbox, dataset)) is not None}
    aging = [date for dataset, date in known.items() if roles[dataset] != "frame"]
    return min(aging) if aging and len(known) == len(roles) else None


def _target_of(row: Row, targets: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The target of the row's part and kind of unit that is valid on the period's last day."""
    valid = [
        target
        for target in targets
        if (target["measure_id"], target["measure_part"]) == (row.measure_id, row.measure_part)
        and row.unit_type in {name.strip() for name in target["unit_types"].split(",")}
        and (day(target["valid_from"]) or dt.date.min) <= row.period_end_date
        and row.period_end_date <= (day(target["valid_to"]) or dt.date.max)
    ]
    if len(valid) > 1:
        raise ValueError(f"several targets for {row.key}")
    return valid[0] if valid else None


def _with_all(row: Row, target: Mapping[str, Any] | None, data_as_of: dt.date | None, as_of: dt.date) -> Row:
    wanted = Decimal(target["target_value"]) if target else None
    is_met = None
    if target and wanted is not None and row.value is not None and target["is_judgeable"] == "true":
        is_met = {">=": row.value >= wanted, "<=": row.value <= wanted}[target["comparison"]]
    is_preliminary = data_as_of is None or row.is_incomplete or row.period_end_date > min(data_as_of, as_of)
    return replace(
        row,
        target=wanted,
        is_target_met=is_met,
        is_preliminary=is_preliminary,
        data_as_of=data_as_of,
        open_reason=row.open_reason or (_NEVER_DELIVERED if data_as_of is None else None),
    )


def differences(expected: Iterable[Row], shown: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each row that one side lacks or has twice, and for each column that differs."""
    planned, expected_twice = _by_key((row.key, {name: getattr(row, name) for name in COMPARED}) for row in expected)
    found, shown_twice = _by_key((_key_of(row), _columns_of(row)) for row in shown)
    lines = [f"{_named(key)}: computed twice" for key in expected_twice]
    lines += [f"{_named(key)}: twice in fct_measure" for key in shown_twice]
    lines += [f"{_named(key)}: missing, expected {_figure(planned[key])}" for key in planned if key not in found]
    lines += [f"{_named(key)}: unexpected, {_figure(found[key])}" for key in found if key not in planned]
    for key in planned:
        if key in found:
            lines += [
                f"{_named(key)}: {name} expected {planned[key][name]}, is {found[key][name]}"
                for name in COMPARED
                if not _same(name, planned[key][name], found[key][name])
            ]
    return lines


def _same(name: str, expected: Any, shown: Any) -> bool:
    if name == "open_reason" and expected == native.SOME_REASON:
        return shown is not None and " / " in shown
    return bool(expected == shown)


Key = tuple[str, ...]
Columns = dict[str, Any]


def _by_key(rows: Iterable[tuple[Key, Columns]]) -> tuple[dict[Key, Columns], list[Key]]:
    found: dict[Key, Columns] = {}
    twice = []
    for key, columns in rows:
        if key in found:
            twice.append(key)
        found[key] = columns
    return found, twice


def _key_of(row: Mapping[str, Any]) -> Key:
    return tuple(str(row[name]) for name in KEY)


def _columns_of(row: Mapping[str, Any]) -> Columns:
    """The compared columns; `value` may stand under the longer name that models give it, since it is a word of SQL."""
    columns = dict(row)
    if "value" not in columns:
        columns["value"] = columns["measure_value"]
    return {name: columns[name] for name in COMPARED}


def _named(key: Key) -> str:
    return " / ".join(key[1:])


def _figure(columns: Columns) -> str:
    return f"{columns['numerator']} of {columns['denominator']} = {columns['value']}"
