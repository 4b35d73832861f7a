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
# Not every value is quoted: `strptime` shows its text once more below the message, `regexp_matches` its pattern, and
# `error` says nothing else. So of what is left only the words stay that DuckDB's messages are made of, names of types,
# and the name of a column or table where a message tells one.
_TOKEN = re.compile(
    r"(?P<named>\b(?:source column|from table|on table|constraint failed:) [a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*\b)"
    r"|(?P<word>[^\W\d_][\w]*(?:'t\b)?)"
)
_TYPE = re.compile(r"U?INT(?:8|16|32|64|128)|U?(?:TINY|SMALL|BIG|HUGE)?INT|U?INTEGER|[A-Z]+_(?:MS|NS|S|TZ)")
_OWN_WORDS = frozenset(
    """
    a according after all allowed an and any are argument array as at base64 be because before between bigger bit blob
    boolean bounds but by byte bytes can can't cannot cast casting character check column columns component conform
    constant constraint contain contains convert could count data date decimal decode deserialize destination
    different digit digits division does double duplicate element empty end enum error exceeded exceeds exist exists
    expected expression failed failure field fields find float following for format found from full function given got
    greater has have hex hugeint if in index input integer interval into invalid is it item json key keys larger least
    length less limit line list literal long longer malformed map match maximum memory message minimum missing more
    multiplication must near negative nested no non not null number of off on one only or out outside overflow parse
    parsing part path pattern position positive precision primary query range recognized regex replacement result
    return returned row rows same scalar scale sequence should size smaller source specifier string struct subquery
    subtraction supported table than that the this time timestamp timezone to too transform tried type types unable
    unclosed unexpected unhandled union unique unknown unsupported use used using uuid valid value values varchar
    violates was when which while width with within without would wrong year zero zone
    """.split()  # noqa: SIM905 - a list of so many words is not readable
)


def scrub(message: str) -> str:
    """The message with every quoted text, number and word that is not DuckDB's own, of an error about rows, as `…`.

    Errors about the statement (a column that does not exist) stay whole, and so does the statement that is shown
    with an error: its literals come from the project, not from rows. Names of data types (INT32) stay.
    """
    about_rows = (found for found in _ERROR.finditer(message) if not found[0].startswith(_ABOUT_THE_STATEMENT))
    start = next(about_rows, None)
    if start is None:
        return message
    shown = _STATEMENT.search(message, start.end())
    end = shown.start() if shown else len(message)
    said = _TOKEN.sub(_own, _NUMBER.sub("…", _QUOTED.sub("'…'", message[start.end() : end])))
    return message[: start.end()] + said + message[end:]


def _own(token: re.Match[str]) -> str:
    """The token itself if DuckDB says it of itself."""
    word = token["word"]
    if word is None or word.lower() in _OWN_WORDS or _TYPE.fullmatch(word):
        return token[0]
    return "…"
