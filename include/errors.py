"""The one shape of an error that a person has to act on: what is wrong, where, and what to do."""

from __future__ import annotations

REMEDY = " Remedy: "
"""Between what happened and what can be done about it, wherever a message is one text."""


class WarehouseError(Exception):
    """Something that stops a step. `remedy` says what the reader of the message can do about it.

    Neither text may hold a value from a row: messages go to logs, Airflow and Data Docs.
    """

    def __init__(self, reason: str, *, remedy: str, where: str | None = None) -> None:
        self.reason = reason
        self.remedy = remedy
        self.where = where
        super().__init__(f"{where + ': ' if where else ''}{reason}{REMEDY}{remedy}")


class Refused(WarehouseError):
    """A step that is not done because of how things stand: trying it again changes nothing."""


class DeliveryRejected(WarehouseError):
    """A delivery that can't be read as what its dataset's contract says; the whole file goes to quarantine.

    `line` and `column` point at the place in the file where one can be named; `rule` names the fault for who answers
    the sender in words of their own.
    """

    def __init__(
        self,
        reason: str,
        *,
        remedy: str,
        file: str,
        line: int | None = None,
        column: str | None = None,
        rule: str = "delivery",
    ) -> None:
        self.rule = rule
        self.file = file
        self.line = line
        self.column = column
        place = file + (f", line {line}" if line else "") + (f", column {column}" if column else "")
        super().__init__(reason, remedy=remedy, where=place)
