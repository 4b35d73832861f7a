"""OS2bos, the case and appropriation system for children: exports of cases and of granted payments.

Python's csv.DictWriter writes them: commas, CRLF, quotes where needed, ISO dates, decimals with a point, nothing for
None. But where a field went through `str()` first, None stands as the text `None` (effort step, scaling step,
municipalities), the effort step by its name (`Trin 3: …`), and the time of a case's entry with its offset.

The account string of a payment has two forms: that of Prisme (`prisme.py`), and the one that OS2bos itself puts
together, `department-account-activity-kind`, where `XXX` stands for a department or kind that is not used. A third,
with `UKENDT` for the account, or anything else, tells no account.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from include.sources import prisme, text
from include.sources.reading import RAW, Headers, Layout, Reading

ACCOUNT_STRING = "account_string"

_NONE = "None"
_EXPORTED = "exported"
_STEP = r"^(?:Trin )?([0-9]+)(?::.*)?$"
_OWN_ACCOUNT = r"^(?:[0-9]{3,6}|XXX)-([0-9]{9})-([0-9]{6})-(?:[0-9]{3}|XXX)$"
_UTC = ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z")
"""How Python writes a time with its offset; microseconds are left out where they are 0."""


def read(path: Path, connection: duckdb.DuckDBPyConnection, headers: Headers, layout: Layout | None) -> Reading:
    """Read an export; `None` is null, the effort step its number, times are in UTC. Raises as `text.read`.

    Of payments, `account_number`, `account_activity_number` and `account_form` (`main`, `variant`, `short` or
    `unknown`) are told by the account string. A step or a time in a form that is not known stays as it stands, so
    that the contract finds it.
    """
    computed = _account_sql() if ACCOUNT_STRING in headers else {}
    written = {header: is_kept for header, is_kept in headers.items() if header not in computed}
    reading = text.read(path, connection, written, layout, computed=computed)
    exact = {
        "effort_step": rf"coalesce(nullif(regexp_extract({{}}, '{_STEP}', 1), ''), {{}})",
        "history_date": f"coalesce({_utc_sql('{}')}, {{}})",
    }
    columns = [name for name, is_kept in written.items() if is_kept]
    replaced = [f'{exact.get(name, "{}").replace("{}", _known(name))} as "{name}"' for name in columns]
    connection.execute(f"alter view {RAW} rename to {_EXPORTED}")
    connection.execute(f"create temp view {RAW} as select * replace ({', '.join(replaced)}) from {_EXPORTED}")
    return reading


def _known(name: str) -> str:
    """SQL for a column's text, null where Python wrote None as text."""
    return f"nullif(\"{name}\", '{_NONE}')"


def _utc_sql(column: str) -> str:
    """SQL that turns a time with its offset into the text of that time in UTC, and anything else into null."""
    formats = ", ".join(f"'{form}'" for form in _UTC)
    return f"make_timestamp(epoch_us(try_strptime({column}, [{formats}])))::varchar"


def _account_sql() -> dict[str, str]:
    """SQL for what an account string tells, whichever of its forms it has."""
    whole = prisme.account_sql(f'"{ACCOUNT_STRING}"')

    def part(number: int) -> str:
        return f"nullif(regexp_extract(\"{ACCOUNT_STRING}\", '{_OWN_ACCOUNT}', {number}), '')"

    return {
        "account_number": f"coalesce({part(1)}, {whole['account_number']})",
        "account_activity_number": f"coalesce({part(2)}, {whole['activity_number']})",
        "account_form": f"if({part(1)} is not null, 'short', coalesce({whole['account_form']}, 'unknown'))",
    }
