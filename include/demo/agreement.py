"""The synthetic municipality's budget agreements, written as the real document is laid out."""

from __future__ import annotations

from include.demo.agreement_content import INITIATIVES, Initiative

__all__ = ["INITIATIVES", "Initiative"]
