"""Prisme, the municipality's finance system (Fujitsu): posting exports and the account string.

The string's main form is `omkostningssted(5)-konto(9)-aktivitet(6)-art(3)[CPR|TS]-[anlægsprojekt]-[6 digits]-[4
digits]`, where konto = hovedkonto 1, hovedfunktion 2, funktion 2, dranst 1, gruppering 3 (the authorised chart of
accounts). Six in a hundred of Ballerup's own aliases differ: a cost centre of six digits, an activity of five, no
art, project codes `P#####`, `PR####` and `A######E`, six segments in place of seven. They are read and marked.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from include.sources import text
from include.sources.reading import Headers, Layout, Reading

ACCOUNT_STRING = "Kontostreng"

_MAIN = r"[0-9]{5}-[0-9]{9}-[0-9]{6}-[0-9]{3}(CPR|TS)?-([A-Z][0-9]{6})?-([0-9]{6})?-([0-9]{4})?"
_KNOWN = (
    r"^([0-9]{5,6})-([0-9]{9})-([0-9]{5,6})-([0-9]{3})?(CPR|TS)?"
    r"-([A-Z]{1,2}[0-9]{4,6}E?)?(?:-([0-9]{6})?)?(?:-([0-9]{4})?)?$"
)
_PARTS = (
    "cost_center",
    "account_number",
    "activity_number",
    "art_number",
    "person_mark",
    "project_number",
    "sub_account_number",
    "frame_number",
)


def account_sql(column: str = f'"{ACCOUNT_STRING}"') -> dict[str, str]:
    """SQL for the parts of an account string, by the name of the part; all null where the string has no known form.

    `account_form` is `main`, `variant` for the other known forms, and null for a string of no known form.
    """
    names = "[" + ", ".join(f"'{part}'" for part in _PARTS) + "]"
    extract = f"regexp_extract({column}, '{_KNOWN}', {names})"
    parts = {part: f"nullif({extract}['{part}'], '')" for part in _PARTS}
    parts["account_form"] = (
        f"case when regexp_full_match({column}, '{_MAIN}') then 'main' "
        f"when regexp_matches({column}, '{_KNOWN}') then 'variant' end"
    )
    return parts


def read(path: Path, connection: duckdb.DuckDBPyConnection, headers: Headers, layout: Layout | None) -> Reading:
    """Read a posting export; the parts of the account string are columns of their own. Raises as `text.read`."""
    computed = account_sql()
    written = {header: is_kept for header, is_kept in headers.items() if header not in computed}
    return text.read(path, connection, written, layout, computed=computed)
