"""Rows: from a reader's table to typed, checked rows without persons, by the dataset's contract, in DuckDB.

Every rule that a single row can break is here or in the contract, because Great Expectations names no row: it judges
the batch afterwards. The connection is in memory and may not spill to disk, since the table still holds persons.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from include.errors import DeliveryRejected
from include.landing.contract import Column, Contract, Period
from include.landing.erasures import LeftOut, past_condition
from include.landing.links import LinkVault
from include.landing.persons import PersonNumber, Vault, parse_person_number
from include.sources import text
from include.sources.reading import RAW, Problem, Reading

_NOTHING = LeftOut()
TYPED = "typed"
MARKS = "marks"
COARSE = "coarse"

_INTEGER = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT)")
_DECIMAL = re.compile(r"DECIMAL\(\d+, ?(\d+)\)")
_KIND = {"DATE": "date", "TIMESTAMP": "time", "BOOLEAN": "yes or no"}
_NUMBER_INSIDE = r"(^|[^0-9])([0-2][0-9]|3[01]|6[1-9]|[78][0-9]|9[01])(0[1-9]|1[0-2])[0-9]{2}[- ]?[0-9]{4}($|[^0-9])"
"""What has the form of a CPR number: day (with 60 added: a replacement number), month, year, four digits (cpr.dk)."""
_WORD_AND_NUMBER = "Ab 0000000000"
_PLACES = 1000
"""Rows that are named for one failed check; the rest is counted."""
_SEND_CORRECTED = "correct it at the source and send the period again"
_MOVED = (
    "CPR numbers stand in no column but their own: correct it at the source and send the period again; if the value is "
    "none, give the column a pattern in its contract"
)


@dataclass(frozen=True)
class Landed:
    """How the rows of a delivery were told apart: `landed` of `rows_in` are in the Parquet file, if any are.

    `erased` were left out because they have been erased before, or are past their retention.
    """

    rows_in: int
    landed: int
    erased: int
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


def land(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    period: Period,
    reading: Reading,
    vaults: Mapping[str, Vault],
    target: Path,
    ids: Mapping[str, str],
    left_out: LeftOut = _NOTHING,
    links: Sequence[LinkVault] = (),
) -> Landed:
    """Type and check the rows of `raw`, replace persons, and write the good ones to the Parquet file `target`.

    `vaults` by purpose; `ids` are columns that every row gets (municipality and delivery). The text is parsed once,
    into the table `typed`, which still holds the numbers of persons; keys are joined on the way out. What is to be
    `left_out` leaves before anybody looks at its persons. The vaults of `links` note the persons of good rows that are
    a side of theirs. Raises DeliveryRejected if the delivery is not complete.
    """
    checks = _checks(contract, period)
    _type(connection, contract, checks)
    (rows,) = connection.execute(f"select count(*) from {TYPED}").fetchone() or (0,)
    reading = _settle(connection, contract, reading, rows)
    if rows + len(reading.problems) == 0 and contract.delivery.period != "range":
        raise DeliveryRejected(
            "there is a header and no row.", remedy="have the source send the whole file again", file=""
        )
    reading, erased = _leave_out(connection, contract, period, reading, left_out, rows)
    notes = list(reading.notes)
    replaced, odd = _replaced(connection, contract)
    for vault in vaults.values() if replaced else ():
        vault.learn_replaced(replaced)
    notes += odd
    notes += [
        note
        for column in contract.person_columns
        for note in _persons(connection, column, vaults, checks, ids["delivery_id"])
    ]
    _write(connection, contract, target, checks, ids)
    if _mark_doubles(connection, contract, target, checks):
        _write(connection, contract, target, checks, ids)
    for link in links:
        _note_linked(connection, contract, link)
    problems = [*reading.problems, *_problems(connection, reading, checks)]
    # Counted in the file, so that what is told is what stands there.
    (landed,) = connection.execute(f"select count(*) from read_parquet('{_quoted(str(target))}')").fetchone() or (0,)
    return Landed(reading.rows_in, landed, erased, problems, notes)


def _type(connection: duckdb.DuckDBPyConnection, contract: Contract, checks: Sequence[_Check]) -> None:
    """Make the table `typed`: the columns that are checked, persons still as text, and the numbers of failed checks."""
    values = ",\n".join(f"{_value(contract, column)} as {column.name}" for column in contract.typed_columns)
    has = "".join(
        f', raw."{column.source_name}" is not null as _has_{column.name}' for column in contract.typed_columns
    )
    has += "".join(
        f""", strlen(raw."{column.source_name}") = 10
            and regexp_matches(raw."{column.source_name}", '{_NUMBER_INSIDE}') as _person_{column.name}"""
        for column in contract.typed_columns
        if column.type != "VARCHAR" and _could_hold_a_person(contract, column)
    )
    names = ", ".join(column.name for column in contract.typed_columns)
    failed = [(number, check.fails) for number, check in enumerate(checks) if check.fails]
    any_fails = "\nor ".join(f"({fails})" for _, fails in failed) or "false"
    listed = ", ".join(f"if({fails}, {number}, null)" for number, fails in failed)
    statement = f"""
        create temp table {TYPED} as
        with values as (select {values}{has} from {RAW} as raw)
        select
            {names},
            case when {any_fails} then list_filter([{listed}]::integer[], lambda n : n is not null) end as _problems
        from values
    """
    connection.execute(f"create temp table {MARKS} (place bigint, number integer)")
    try:
        connection.execute(statement)
    except duckdb.InvalidInputException:
        # DuckDB's own words hold the row.
        raise DeliveryRejected(
            "its rows can't be told apart: line ends are mixed, or a quote is left open.",
            remedy="have the source send the whole file again",
            file="",
        ) from None


def _settle(connection: duckdb.DuckDBPyConnection, contract: Contract, reading: Reading, rows: int) -> Reading:
    """What the reader knows after the scan; and the sum that the delivery states is held against its rows."""
    settled = reading.settled(rows)
    if reading.total is None:
        return settled
    column = next(c.name for c in contract.typed_columns if c.source_name == reading.total.column)
    found, unreadable = connection.execute(
        f"select coalesce(sum({column}), 0), count(*) - count({column}) from {TYPED}"
    ).fetchone() or (0, 0)
    if settled.problems or unreadable:
        # Those rows go to quarantine; that the others are all there could not be checked.
        note = f"the sum in line {reading.total.line} could not be held against the rows, since some can't be read."
        return dataclasses.replace(settled, notes=[*settled.notes, note])
    if found != reading.total.amount:
        raise DeliveryRejected(
            "the sum of the column is not what the last line states: rows are missing or changed.",
            remedy="have the source send the whole file again",
            file="",
            line=reading.total.line,
            column=reading.total.column,
        )
    return settled


def _leave_out(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    period: Period,
    reading: Reading,
    left_out: LeftOut,
    rows: int,
) -> tuple[Reading, int]:
    """Delete from `typed` what must not land; the other rows keep their places. Returns how many records went."""
    conditions: list[str] = []
    kept = reading.problems
    if left_out.lines:
        places = [place - 1 for place, line in reading.lines(range(1, rows + 1)).items() if line in left_out.lines]
        connection.execute("create temp table _left_out as select unnest(?::bigint[]) as place", [places])
        conditions.append("rowid in (select place from _left_out)")
        kept = [problem for problem in reading.problems if problem.line not in left_out.lines]
    if left_out.before is not None:
        conditions += [found] if (found := past_condition(contract, left_out.before, period.last)) else []
    erased = len(reading.problems) - len(kept)
    for condition in conditions:
        (gone,) = connection.execute(f"delete from {TYPED} where {condition}").fetchone() or (0,)
        erased += gone
    return dataclasses.replace(reading, problems=kept), erased


def _write(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    target: Path,
    checks: Sequence[_Check],
    ids: Mapping[str, str],
) -> None:
    """Write the good rows of `typed` as Parquet, keys in place of persons, small groups coarsened."""
    coarsened = _coarsen(connection, contract, checks)
    columns = ", ".join(_landed(column, coarsened) for column in contract.landed_columns)
    joins = "".join(
        f"\nleft join _persons_{column.name} on _persons_{column.name}.number = {TYPED}.{column.name}"
        for column in contract.person_columns
    )
    if contract.small_groups is not None:
        outer, inner = contract.small_groups.columns
        joins += (
            f"\nleft join {COARSE} on {TYPED}.{outer} = {COARSE}.at_{outer} and {TYPED}.{inner} = {COARSE}.at_{inner}"
        )
    same = "".join(f", '{_quoted(value)}' as {name}" for name, value in ids.items())
    # Answers keep no order that could be held against a class list.
    order = "order by random()" if contract.is_shuffled else ""
    connection.execute(
        f"""
        copy (select {columns}{same} from {TYPED}{joins} where {_good(connection)} {order})
        to '{_quoted(str(target))}' (format parquet, compression zstd)
        """
    )


def _coarsen(connection: duckdb.DuckDBPyConnection, contract: Contract, checks: Sequence[_Check]) -> tuple[str, ...]:
    """Make the table `coarse`: for each group of the good rows what stands in its columns. Returns these columns.

    Rows of a delivery whose groups are too small even together are marked.
    """
    rule = contract.small_groups
    if rule is None:
        return ()
    outer, inner = rule.columns
    apart = next(column.expression or column.name for column in contract.landed_columns if column.name == rule.apart)
    counted = connection.execute(
        f"""
        select {apart}, {outer}, {inner}, count(distinct person_key)
        from {TYPED} left join _persons_{rule.person} on number = {rule.person}
        where {_good(connection)} group by all
        """
    ).fetchall()
    told: list[tuple[Any, Any, Any, Any]] = []
    too_few: list[Any] = []
    for kind in dict.fromkeys(row[0] for row in counted):
        groups = {(at_outer, at_inner): count for found, at_outer, at_inner, count in counted if found == kind}
        if sum(groups.values()) < rule.least:
            too_few.append(kind)
            continue
        units: dict[Any, dict[Any, int]] = {}
        for (at_outer, at_inner), count in groups.items():
            units.setdefault(at_outer, {})[at_inner] = count
        lost_outer = _pooled({unit: sum(parts.values()) for unit, parts in units.items()}, rule.least)
        for unit, parts in units.items():
            lost_inner = parts.keys() if unit in lost_outer else _pooled(parts, rule.least)
            told += [
                (unit, part, None if unit in lost_outer else unit, None if part in lost_inner else part)
                for part in parts
            ]
    connection.execute(
        f"""
        create or replace temp table {COARSE} as
        select {outer} as at_{outer}, {inner} as at_{inner}, {outer} as told_{outer}, {inner} as told_{inner}
        from {TYPED} limit 0
        """
    )
    if told:
        connection.executemany(f"insert into {COARSE} values (?, ?, ?, ?)", told)
    for kind in too_few:
        _mark(connection, checks, "enough_persons", outer, f"{apart} = '{_quoted(kind)}' and {_good(connection)}")
    return rule.columns


def _pooled(counts: Mapping[Any, int], least: int) -> set[Any]:
    """The groups that are too small, and with them the next smallest until they are enough together."""
    lost: set[Any] = set()
    together = 0
    for group, count in sorted(counts.items(), key=lambda entry: (entry[1], entry[0])):
        if count >= least and (together == 0 or together >= least):
            break
        lost.add(group)
        together += count
    return lost


def _landed(column: Column, coarsened: Sequence[str] = ()) -> str:
    """SQL for what lands in a column: a key for a number, what a number tells, or the typed value."""
    if column.name in coarsened:
        return f"{COARSE}.told_{column.name} as {column.name}"
    if column.expression:
        return f"{column.expression} as {column.name}"
    if column.derived:
        return f"_persons_{column.derived_from}.{column.derived} as {column.name}"
    if column.personal == "key":
        return f"_persons_{column.name}.person_key as {column.name}"
    return f"{TYPED}.{column.name}"


def _replaced(
    connection: duckdb.DuckDBPyConnection, contract: Contract
) -> tuple[list[tuple[PersonNumber, PersonNumber]], list[str]]:
    """Numbers of good rows, each with the one that it has replaced; and what is odd about those that teach nothing.

    A number that two persons claim to have had, or that another person of the delivery has, is somebody's mistake:
    learning it would make one child of two.
    """
    if contract.previous_column is None:
        return [], []
    (own,) = (column.name for column in contract.person_columns)
    before = contract.previous_column.name
    told = [
        (number, previous)
        for number_text, previous_text in connection.execute(
            f"select distinct {own}, {before} from {TYPED} where {before} is not null and _problems is null"
        ).fetchall()
        if (number := parse_person_number(number_text)) and (previous := parse_person_number(previous_text))
    ]
    present = {
        number.digits
        for (text_,) in connection.execute(f"select distinct {own} from {TYPED} where {own} is not null").fetchall()
        if (number := parse_person_number(text_))
    }
    pairs = {(number.digits, previous.digits): (number, previous) for number, previous in told}
    claims = Counter(previous for _, previous in pairs)
    taught = [
        (number, previous)
        for number, previous in pairs.values()
        if claims[previous.digits] == 1
        and previous.digits not in present
        and "replacement" not in {number.status, previous.status}
    ]
    left = len(pairs) - len(taught)
    notes = [f"{before}: {left} numbers are somebody else's too or replacement numbers; they teach nothing."]
    return taught, notes if left else []


def _persons(
    connection: duckdb.DuckDBPyConnection,
    column: Column,
    vaults: Mapping[str, Vault],
    checks: Sequence[_Check],
    delivery_id: str,
) -> list[str]:
    """Make the table `_persons_<column>` (number as it stands, person key, birth date, sex), mark bad numbers' rows.

    Returns what is odd about the numbers.
    """
    assert column.purpose is not None, "a column with persons has a purpose"
    texts = [
        row[0]
        for row in connection.execute(
            f"select distinct {column.name} from {TYPED} where {column.name} is not null"
        ).fetchall()
    ]
    parsed = {number_text: number for number_text in texts if (number := parse_person_number(number_text))}
    vault = vaults[column.purpose]
    keys = vault.person_keys(list({number.digits: number for number in parsed.values()}.values()))
    if column.is_key_of_delivery:
        of_delivery = vault.delivery_keys(keys.values(), delivery_id)
        keys = {digits: of_delivery[person_key] for digits, person_key in keys.items()}
    table = pa.table(
        {
            "number": pa.array(list(parsed), pa.string()),
            "person_key": pa.array([keys[number.digits] for number in parsed.values()], pa.uint32()),
            "birth_date": pa.array([number.birth_date for number in parsed.values()], pa.date32()),
            "sex": pa.array([number.sex for number in parsed.values()], pa.string()),
        }
    )
    connection.register("_numbers", table)
    connection.execute(f"create temp table _persons_{column.name} as from _numbers")
    connection.unregister("_numbers")
    if len(parsed) < len(texts):
        _mark(
            connection,
            checks,
            "person_number",
            column.name,
            f"{column.name} is not null and {column.name} not in (select number from _persons_{column.name})",
        )
    replacements = sum(number.status == "replacement" for number in parsed.values())
    odd = sum(number.status == "person" and not number.passes_modulus_11 for number in parsed.values())
    notes = []
    if replacements:
        notes.append(f"{column.name}: {replacements} replacement numbers; they are never joined to persons.")
    if odd:
        notes.append(f"{column.name}: {odd} of {len(parsed)} numbers fail modulus 11 (no error since 1 October 2007).")
    return notes


def _note_linked(connection: duckdb.DuckDBPyConnection, contract: Contract, vault: LinkVault) -> None:
    """Let a link's vault keep the keys of good rows that are one of its sides."""
    for name, side in vault.link.sides(contract.dataset).items():
        persons = f"_persons_{side.key}"
        found = connection.execute(
            f"""
            select distinct {persons}.number, {persons}.person_key
            from {TYPED} join {persons} on {persons}.number = {TYPED}.{side.key}
            where {_good(connection)} and ({side.condition})
            """
        ).fetchall()
        vault.note(name, {number: key for text_, key in found if (number := parse_person_number(text_))})


def _mark(
    connection: duckdb.DuckDBPyConnection, checks: Sequence[_Check], rule: str, column: str, condition: str
) -> None:
    """Note a failed check of rows that only a second look could find; an update of `typed` would move its rows."""
    number = next(n for n, check in enumerate(checks) if (check.rule, check.column) == (rule, column))
    connection.execute(f"insert into {MARKS} select rowid, {number} from {TYPED} where {condition}")


def _good(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL for: the row has no problem, of either kind."""
    (marks,) = connection.execute(f"select count(*) from {MARKS}").fetchone() or (0,)
    found_later = f" and {TYPED}.rowid not in (select place from {MARKS})" if marks else ""
    return f"{TYPED}._problems is null{found_later}"


def _value(contract: Contract, column: Column) -> str:
    """SQL for the typed value of a column; null where the text is none of the type."""
    raw = f'raw."{column.source_name}"'
    if column.personal:
        return raw
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
    for column in contract.typed_columns:
        name = column.name
        if column.required:
            checks.append(_Check(name, "required", f"not _has_{name}", "the value is missing"))
        if column.personal == "key":
            # Found by looking at each number once, after the rows have been typed.
            checks.append(_Check(name, "person_number", "", "it is no CPR number"))
        elif column.type != "VARCHAR" and not column.personal:
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
        if _could_hold_a_person(contract, column):
            found = f"regexp_matches({name}, '{_NUMBER_INSIDE}')" if column.type == "VARCHAR" else f"_person_{name}"
            checks.append(_Check(name, "no_person", found, "the value has the form of a CPR number", _MOVED))
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
    if contract.small_groups is not None:
        least = contract.small_groups.least
        checks.append(
            _Check(
                contract.small_groups.columns[0],
                "enough_persons",
                "",
                f"fewer than {least} persons of its kind are in the whole delivery, so that it would tell of one",
                "send the period with all persons",
            )
        )
    checks.append(
        _Check(
            ", ".join(contract.keys),
            "unique_key",
            "",
            "another row of the delivery has the same key",
            "send each row once; where two differ, correct the wrong one at the source",
        )
    )
    # Null is neither good nor bad: what must be there is `required`.
    return [
        dataclasses.replace(check, fails=f"coalesce({check.fails}, false)" if check.fails else "") for check in checks
    ]


def _could_hold_a_person(contract: Contract, column: Column) -> bool:
    """True if a CPR number that slipped into this column of a file could pass all else that the contract asks of it.

    A column whose contract states a form, a list or a largest value has been thought about; numbers need ten digits. A
    form that leaves room for words and digits (the name of a house) is none that keeps a number out.
    The answers of an API are official statistics; a document or a form without a layout is read into types, so that
    only its texts could hold one.
    """
    if contract.connection is not None or column.personal or column.allowed or column.maximum:
        return False
    if column.pattern and re.fullmatch(column.pattern, _WORD_AND_NUMBER) is None:
        return False
    if contract.layout is None:
        return column.type == "VARCHAR"
    integer = column.type in {"BIGINT", "UBIGINT", "INTEGER", "UINTEGER"}
    return integer or column.type == "VARCHAR" or _DECIMAL.fullmatch(column.type) is not None


def _inside(contract: Contract, period: Period) -> str:
    if contract.delivery.period == "range":
        return f"{contract.delivery.column} between date '{period.first}' and date '{period.last}'"
    return f"replace({contract.delivery.column}::varchar, '/', '-') = '{period.label}'"


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _mark_doubles(
    connection: duckdb.DuckDBPyConnection, contract: Contract, target: Path, checks: Sequence[_Check]
) -> bool:
    """Mark rows whose key occurs more than once: of rows equal in all columns the first stays, others all go.

    Looks at the written file, where persons are integers; True if rows were marked and the file must be written anew.
    """
    keys = ", ".join(contract.keys)
    found = connection.execute(
        f"select {keys} from read_parquet('{_quoted(str(target))}') group by all having count(*) > 1 limit 1"
    ).fetchone()
    if found is None:
        return False
    people = {column.name for column in contract.person_columns}
    whole_row = ", ".join(f"{column.name} := {column.name}" for column in contract.typed_columns)
    columns = [
        f"_persons_{column.name}.person_key as {column.name}" if column.name in people else f"{TYPED}.{column.name}"
        for column in contract.typed_columns
    ]
    joins = "".join(
        f"\nleft join _persons_{name} on _persons_{name}.number = {TYPED}.{name}" for name in sorted(people)
    )
    condition = f"""
        rowid in (
            with keyed as (
                select {TYPED}.rowid as place, {", ".join(columns)} from {TYPED}{joins} where {_good(connection)}
            ),
            digested as (
                select place, {keys}, md5(to_json(struct_pack({whole_row}))) as digest from keyed
            ),
            judged as (
                select
                    place,
                    count(*) over same_key as doubles,
                    min(digest) over same_key != max(digest) over same_key as differ,
                    min(place) over same_key as first_place
                from digested
                window same_key as (partition by {keys})
            )
            select place from judged where doubles > 1 and (differ or place > first_place)
        )
    """
    _mark(connection, checks, "unique_key", keys, condition)
    return True


def _problems(connection: duckdb.DuckDBPyConnection, reading: Reading, checks: Sequence[_Check]) -> list[Problem]:
    """One problem for each failed check of each bad row, with the line where the row stands.

    Of one check the first places are named and the others counted: a changed format fails in every row.
    """
    connection.execute(
        f"""
        create temp table failed as
        select rowid + 1 as place, unnest(_problems) as number from {TYPED} where _problems is not null
        union all
        select place + 1, number from {MARKS}
        """
    )
    bad = connection.execute(
        f"""
        select place, number from failed
        qualify row_number() over (partition by number order by place) <= {_PLACES}
        order by place, number
        """
    ).fetchall()
    counts = connection.execute("select number, count(*) from failed group by number order by number").fetchall()
    lines = reading.lines(sorted({row for row, _ in bad}))

    def problem(line: int | None, number: int, reason: str) -> Problem:
        return Problem(line, checks[number].column, checks[number].rule, reason, checks[number].remedy)

    return [problem(lines.get(row), number, checks[number].reason) for row, number in bad] + [
        problem(None, number, f"{checks[number].reason}, in {count - _PLACES} more rows")
        for number, count in counts
        if count > _PLACES
    ]
