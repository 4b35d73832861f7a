"""Messages of the database without the values of rows.

DuckDB names the offending value in its errors ("Could not convert string '…'"), and dbt passes that on to the
console, its log and its results. A value can be a name or a number of a person, so it goes before anybody reads it.
"""

from __future__ import annotations

import re

# "Conversion Error: ", "Out of Range Error: " …; dbt's own "Runtime Error in model x" has no colon there.
_ERROR = re.compile(r"\b[A-Z][A-Za-z ]*? Error: ")
# Errors that tell of the statement, not of rows: what they quote are names of tables and columns.
_ABOUT_THE_STATEMENT = ("Binder", "Catalog", "Parser", "Syntax", "Permission", "IO", "Compilation")
# The statement's own text, which dbt or DuckDB shows below the message.
_STATEMENT = re.compile(r"\n\s*(?:LINE \d+: |compiled code at )")
# From the first quote to the last of the same kind: a value may itself hold quotes.
_QUOTED = re.compile(r"\"(?:.*)\"|'(?:.*)'|`(?:.*)`", re.DOTALL)
_NUMBER = re.compile(r"(?<![A-Za-z_0-9])[-+]?\d[\d.,:-]*")


def scrub(message: str) -> str:
    """The message with every quoted text and every number of an error about rows replaced by `…`.

    Errors about the statement (a column that does not exist) stay whole, and so does the statement that is shown
    with an error: its literals come from the project, not from rows. Names of data types (INT32) stay.
    """
    about_rows = (found for found in _ERROR.finditer(message) if not found[0].startswith(_ABOUT_THE_STATEMENT))
    start = next(about_rows, None)
    if start is None:
        return message
    shown = _STATEMENT.search(message, start.end())
    end = shown.start() if shown else len(message)
    said = _NUMBER.sub("…", _QUOTED.sub("'…'", message[start.end() : end]))
    return message[: start.end()] + said + message[end:]
