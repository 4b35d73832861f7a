"""The digest of a milestone's wording is the same in a form's reader and in dbt, whatever blanks the text has."""

from __future__ import annotations

import sys

import duckdb
import pytest
from jinja2 import Template

from include.settings import PROJECT_ROOT
from include.sources.status_form import text_digest

MACRO = (PROJECT_ROOT / "dbt_project" / "macros" / "sql" / "text_digest.sql").read_text("utf-8")
BLANKS = "".join(chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace())


@pytest.mark.parametrize(
    "text",
    [
        "Plan",
        "Planen følges – 100 % af målet nås.",
        f"{BLANKS}Planen{BLANKS}følges.{BLANKS}",
        *(f"Planen{blank}følges." for blank in BLANKS),
        # no blanks: a zero-width space, a soft hyphen, a byte order mark, letters that regular expressions escape
        *(f"Planen{sign}følges." for sign in "\u200b\u00ad\ufeffspxZ0\\{}"),
    ],
)
def test_sql_and_python_agree(text: str) -> None:
    sql = Template(f"{MACRO}{{{{ text_digest('told') }}}}").render().strip()
    found = duckdb.execute(f"select {sql} from (select $1 as told)", [text]).fetchone()
    assert found == (text_digest(text),)
