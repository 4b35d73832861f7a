"""Rows: from a reader's table to typed, checked rows without persons, by the dataset's contract, in DuckDB.

Every rule that a single row can break is here or in the contract, because Great Expectations names no row: it judges
the batch afterwards. The connection is in memory and may not spill to disk, since the table still holds persons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from include.landing.contract import Column, Contract, Period
from include.landing.persons import Vault, parse_person_number
from include.sources import text
from include.sources.reading import RAW, Problem, Reading

TYPED = "typed"

_INTEGER = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)")
_DECIMAL = re.compile(r"DECIMAL\(\d+, ?(\d+)\)")
_KIND = {"DATE": "date", "BOOLEAN": "yes or no"}
_SEND_CORRECTED = "correct it at the source and send the period again"


@dataclass(frozen=True)
class Sorted:
    """How the rows of a delivery were told apart: `landed` stand in the table `typed` with `_problems` empty."""

    landed: int
    problems: list[Problem]
    notes: list[str]


@dataclass(frozen=True)
class _Check:
    """A condition that makes a row bad, as SQL over the table `raw` joined with persons and typed columns."""

    column: str | None
    rule: str
    fails: str
    reason: str
    remedy: str = _SEND_CORRECTED


def sort_out(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    period: Period,
    reading: Reading,
    vaults: Mapping[str, Vault],
) -> Sorted:
    """Type and check the rows of `raw`, replace persons, and leave the result in `typed`.

    Columns of `typed`: `_row`, the landed columns, `_problems` (numbers of failed checks, null if none). `vaults` by
    purpose.
    """
    persons_notes = [note for column in contract.person_columns for note in _persons(connection, column, vaults)]
    checks = _checks(contract, period)
    values = ",\n".join(f"{_value(contract, column)} as {column.name}" for column in contract.landed_columns)
    raws = "".join(
        f', raw."{column.source_name}" is not null as _has_{column.name}' for column in contract.landed_columns
    )
    joins = "".join(
        f'\nleft join _persons_{column.name} on _persons_{column.name}.number = raw."{column.source_name}"'
        for column in contract.person_columns
    )
    names = ", ".join(column.name for column in contract.landed_columns)
    any_fails = "\nor ".join(f"({check.fails})" for check in checks) or "false"
    listed = ", ".join(f"if({check.fails}, {number}, null)" for number, check in enumerate(checks))
    connection.execute(
        f"""
        create temp table {TYPED} as
        with values as (
            select raw._row, {values}{raws}
            from {RAW} as raw{joins}
        )
        select
            _row, {names},
            case when {any_fails} then list_filter([{listed}]::integer[], lambda n : n is not null) end as _problems
        from values
        """
    )
    checks.append(
        _Check(
            column=", ".join(contract.keys),
            rule="unique_key",
            fails="",
            reason="another row of the delivery has the same key",
            remedy="send each row once; where two differ, correct the wrong one at the source",
        )
    )
    _mark_doubles(connection, contract, names, len(checks) - 1)
    problems = [*reading.problems, *_problems(connection, reading, checks)]
    (landed,) = connection.execute(f"select count(*) from {TYPED} where _problems is null").fetchone() or (0,)
    return Sorted(landed=landed, problems=problems, notes=persons_notes)


def write(
    connection: duckdb.DuckDBPyConnection, contract: Contract, file: Path, *, municipality_code: str, delivery_id: str
) -> None:
    """Write the good rows of `typed` as Parquet, with municipality and delivery."""
    names = ", ".join(column.name for column in contract.landed_columns)
    # Answers keep no order that could be held against a class list.
    order = "order by random()" if contract.is_shuffled else ""
    connection.execute(
        f"""
        copy (
            select {names}, '{municipality_code}' as municipality_code, '{delivery_id[:16]}' as delivery_id
            from {TYPED} where _problems is null {order}
        ) to '{file}' (format parquet, compression zstd)
        """
    )


def _persons(connection: duckdb.DuckDBPyConnection, column: Column, vaults: Mapping[str, Vault]) -> list[str]:
    """Make the table `_persons_<column>` (number as it stands, person key), and say what is odd about the numbers."""
    assert column.purpose is not None, "a column with persons has a purpose"
    texts = [
        row[0]
        for row in connection.execute(
            f'select distinct "{column.source_name}" from {RAW} where "{column.source_name}" is not null'
        ).fetchall()
    ]
    parsed = {number_text: number for number_text in texts if (number := parse_person_number(number_text))}
    keys = vaults[column.purpose].person_keys(list({number.digits: number for number in parsed.values()}.values()))
    table = pa.table(
        {
            "number": pa.array(list(parsed), pa.string()),
            "person_key": pa.array([keys[number.digits] for number in parsed.values()], pa.uint32()),
        }
    )
    connection.register("_numbers", table)
    connection.execute(f"create temp table _persons_{column.name} as from _numbers")
    connection.unregister("_numbers")
    replacements = sum(number.status == "replacement" for number in parsed.values())
    odd = sum(number.status == "person" and not number.passes_modulus_11 for number in parsed.values())
    notes = []
    if replacements:
        notes.append(f"{column.name}: {replacements} replacement numbers; they are never joined to persons.")
    if odd:
        notes.append(f"{column.name}: {odd} of {len(parsed)} numbers fail modulus 11 (no error since 1 October 2007).")
    return notes


def _value(contract: Contract, column: Column) -> str:
    """SQL for the typed value of a column; null where the text is none of the type."""
    raw = f'raw."{column.source_name}"'
    if column.personal == "key":
        return f"_persons_{column.name}.person_key"
    if column.type == "VARCHAR" and contract.layout is not None:
        return raw
    return f"try_cast({_readable(contract, column, raw)} as {column.type})"


def _readable(contract: Contract, column: Column, raw: str) -> str:
    """SQL for a form of the raw value that DuckDB can cast to the column's type."""
    if contract.layout is None:
        return raw
    if column.type == "DATE":
        return text.date_sql(raw, contract.layout.date_formats)
    if _INTEGER.fullmatch(column.type):
        return text.number_sql(raw, 0, contract.layout.decimal)
    if match := _DECIMAL.fullmatch(column.type):
        return text.number_sql(raw, int(match[1]), contract.layout.decimal)
    return raw


def _checks(contract: Contract, period: Period) -> list[_Check]:
    """All conditions of the contract on a single row, over the typed columns and `_has_<column>`."""
    checks: list[_Check] = []
    for column in contract.landed_columns:
        name = column.name
        if column.required:
            checks.append(_Check(name, "required", f"not _has_{name}", "the value is missing"))
        if column.personal == "key":
            checks.append(_Check(name, "person_number", f"_has_{name} and {name} is null", "it is no CPR number"))
        elif column.type != "VARCHAR":
            kind = _KIND.get(column.type, "number" if not column.type.startswith("STRUCT") else column.type)
            checks.append(
                _Check(name, "type", f"_has_{name} and {name} is null", f"the value is no {kind} ({column.type})")
            )
        if column.pattern:
            checks.append(
                _Check(
                    name,
                    "pattern",
                    f"not regexp_full_match({name}, '{_quoted(column.pattern)}')",
                    f"the value has not the form {column.pattern}",
                )
            )
        if column.allowed:
            allowed = ", ".join(f"'{_quoted(value)}'" for value in column.allowed)
            checks.append(
                _Check(
                    name, "allowed", f"{name} not in ({allowed})", f"the value is none of {', '.join(column.allowed)}"
                )
            )
        if column.minimum is not None:
            checks.append(_Check(name, "minimum", f"{name} < {column.minimum}", f"the value is below {column.minimum}"))
        if column.maximum is not None:
            checks.append(_Check(name, "maximum", f"{name} > {column.maximum}", f"the value is above {column.maximum}"))
    checks.extend(
        _Check(rule.column, rule.name, f"not try({rule.check})", rule.reason, rule.remedy) for rule in contract.rules
    )
    if contract.delivery.column:
        # Which rows replace which is told by the period: a row outside it would never be seen.
        checks.append(
            _Check(
                contract.delivery.column,
                "inside_the_period",
                f"not ({_inside(contract, period)})",
                f"the row lies outside the delivery's period ({period.label})",
                "send the row in a delivery of its own period, or name the file after the period that it covers",
            )
        )
    return [
        # Null is neither good nor bad: what must be there is `required`.
        _Check(check.column, check.rule, f"coalesce({check.fails}, false)", check.reason, check.remedy)
        for check in checks
    ]


def _inside(contract: Contract, period: Period) -> str:
    if contract.delivery.period == "range":
        return f"{contract.delivery.column} between date '{period.first}' and date '{period.last}'"
    return f"replace({contract.delivery.column}::varchar, '/', '-') = '{period.label}'"


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _mark_doubles(connection: duckdb.DuckDBPyConnection, contract: Contract, names: str, number: int) -> None:
    """Mark rows whose key occurs more than once: of rows equal in all columns the first stays, others all go."""
    keys = ", ".join(contract.keys)
    connection.execute(
        f"""
        create temp table _doubles as
        select {keys} from {TYPED} where _problems is null group by all having count(*) > 1
        """
    )
    (doubles,) = connection.execute("select count(*) from _doubles").fetchone() or (0,)
    if doubles == 0:
        return
    same_key = " and ".join(f"{TYPED}.{key} is not distinct from _doubles.{key}" for key in contract.keys)
    whole_row = ", ".join(f"{name} := {TYPED}.{name}" for name in names.split(", "))
    connection.execute(
        f"""
        update {TYPED} set _problems = [{number}]
        where _row in (
            select _row from (
                select
                    _row,
                    min(row_digest) over (partition by {keys}) != max(row_digest) over (partition by {keys})
                        as differ,
                    row_number() over (partition by {keys} order by _row) as place
                from (
                    select {TYPED}._row, {", ".join(f"{TYPED}.{key}" for key in contract.keys)},
                        md5(to_json(struct_pack({whole_row}))) as row_digest
                    from {TYPED} join _doubles on {same_key}
                    where _problems is null
                )
            )
            where differ or place > 1
        )
        """
    )


def _problems(connection: duckdb.DuckDBPyConnection, reading: Reading, checks: Sequence[_Check]) -> list[Problem]:
    """One problem for each failed check of each bad row, with the line where the row stands."""
    bad = connection.execute(
        f"select _row, unnest(_problems) from {TYPED} where _problems is not null order by _row"
    ).fetchall()
    lines = reading.lines([row for row, _ in bad])
    return [
        Problem(
            lines.get(row), checks[number].column, checks[number].rule, checks[number].reason, checks[number].remedy
        )
        for row, number in bad
    ]
