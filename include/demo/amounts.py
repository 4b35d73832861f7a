"""Amounts as text, so that no one reads them as a float: as data has them, and as Danish systems write them."""

from __future__ import annotations

from decimal import Decimal


def hundredths(value: int | Decimal, point: str = ".") -> str:
    """A number of hundredths, as øre, with two decimals: `1234.50`."""
    return f"{Decimal(value) / 100:.2f}".replace(".", point)


def danish(oere: int, *, minus_after: bool = False) -> str:
    """Øre as kroner: `1.234,50`; Prisme's files of a year have the minus after it, others before it."""
    kroner, rest = divmod(abs(oere), 100)
    text = f"{kroner:,}".replace(",", ".") + f",{rest:02d}"
    if oere >= 0:
        return text
    return f"{text}-" if minus_after else f"-{text}"
