"""Amounts in Danish running text: how much, which budget year, expenditure or saving, and whether it counts.

What counts is an amount that the agreement gives an initiative for one budget year. Everything else that looks like
one is found too and says why it doesn't count:

- `history`: it belongs to a year before the agreement ("15 mio. kr. i budgetaftale 2016")
- `transfer`: it is moved between years and part of a sum that is stated ("overført 9,5 mio. kr. fra 2016 til 2017")
- `several_years`: a sum over years ("10 mio. kr. de næste 4 år")
- `part`: it is said to be part of another amount ("heraf 0,5 mio. kr.")
- `part_of_total`: the text goes on to state the total of the same year and kind ("samlet budget 2017 er på ...")
- `no_year`: a description names it without a year: thresholds, frames, what was set aside before

In the finance line an amount without a year is the agreement year's; in a description it counts only with its year. Two
years in a row ("i 2017 og 2018") have the amount each; "i 2018 og frem" is 2018's, no end being agreed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

Kind = Literal["expenditure", "saving"]
Reason = Literal["history", "transfer", "several_years", "part", "part_of_total", "no_year"]

_MILLION = Decimal(1_000_000)
_SCALE = {"m": _MILLION, "t": Decimal(1000), "k": Decimal(1)}
_UNIT = re.compile(
    r"(?P<m>\bmio\b\.?(?:\s*(?:kr\b\.?|kroner\b))?|\bmillion(?:er)?\s+kr(?:oner|\b\.?))"
    r"|(?P<t>\bt\.?\s?kr\b\.?|\btusind\s+kr(?:oner|\b\.?))"
    r"|(?P<k>\bkr\b\.?|\bkroner\b)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(\S+)\s*$")
_NUMBER = re.compile(r"[-−]?(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?")
_RANGE = re.compile(r"\d+(?:,\d+)?[-–]\d+(?:,\d+)?")

_SENTENCES = re.compile(r"\n|(?<=[.!?;])(?<!\bca\.)(?<!\bevt\.)(?<!\bpr\.)(?<!\bnr\.)(?<!\bjf\.)\s+(?=[A-ZÆØÅ])")
_YEAR = r"(?<![\d/])(20\d\d)(?![\d/]\d)"
_YEARS_IN_A_ROW = _YEAR + r"((?:\s*(?:,|og|samt)\s+20\d\d(?![\d/,]))*)"
_PAPER = r"(?:budgetaftalen?|budgettet|budget|aftale\s+om\s+budget|investeringsoversigten)"
_IN = r"\b(?:i|fra)\s+(?:" + _PAPER + r"\s+(?:for\s+)?)?"
_FOLLOWS = re.compile(
    r"\s*(?:kr\.?\s*)?(?:(?:årligt|om året|hvert år|pr\.\s*år)\s*)?(?:af\s*)?" + _IN + _YEARS_IN_A_ROW, re.IGNORECASE
)
_LATER = re.compile(r"[^,;]*?" + _IN + _YEARS_IN_A_ROW, re.IGNORECASE)
_BEFORE = re.compile(
    r"(?:" + _IN + r"|\b(?:budget\w*|invester\w*|bespar\w*|anlæg|drift)\s+)" + _YEARS_IN_A_ROW + r"[^,;]*$",
    re.IGNORECASE,
)
_ANY_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
_PERIOD = re.compile(r"(20\d\d)\s*[-–]\s*(20\d\d)")
_YEARLY = re.compile(r"\b(?:årligt|årlig|om året|hvert år|pr\.\s*år)\b", re.IGNORECASE)
_OVER_YEARS = re.compile(r"\b(?:de|det)\s+(?:næste|kommende)\s+(?:\w+\s+)?år\b|\bover\s+\w+\s+år\b", re.IGNORECASE)
_TRANSFER = re.compile(r"\boverfør\w*\b", re.IGNORECASE)
_BETWEEN_YEARS = re.compile(r"\bfra\s+20\d\d\s+til\s+20\d\d\b", re.IGNORECASE)
_PART = re.compile(r"\b(?:heraf|deraf)\b", re.IGNORECASE)
_TOTAL = re.compile(r"\b(?:samlet|samlede|i alt|herefter)\b", re.IGNORECASE)
_KIND = re.compile(
    r"(?P<saving>\bbespar\w*|\bspar(?:e|es|er|ede|et)\b|\breducer\w*|\bmindreudgift\w*|\beffektiviser\w*)"
    r"|(?P<expenditure>\bafsæt\w*|\bafsat\w*|\bsættes\b|\bsætter\b|\binvest\w*|\banvend\w*|\bbevil\w*)",
    re.IGNORECASE,
)


class UnreadableAmount(ValueError):
    """Something stands where an amount's number belongs, and it isn't a Danish number. Holds no value."""


@dataclass(frozen=True)
class Mention:
    """An amount as a text states it, in million kroner. It counts for each of `budget_years`, or for none: `reason`."""

    mdkk: Decimal
    kind: Kind
    budget_years: tuple[int, ...]
    reason: Reason | None = None
    is_total: bool = False


def find_amounts(text: str, agreement_year: int, *, is_finance: bool) -> list[Mention]:
    """Find all amounts in a finance line (`is_finance`) or a description, in order, those that don't count included.

    Raises `UnreadableAmount` where a number can't be read: in a finance line wherever a unit has no number before it,
    in a description where what stands before it has digits but is no number ("7-8 mio. kr." is one of these in a
    finance line only). "1.7" is none: a point groups thousands.
    """
    mentions: list[Mention] = []
    for sentence in _SENTENCES.split(text):
        mentions += _in_sentence(sentence, agreement_year, is_finance)
    totals = {(year, found.kind) for found in mentions if found.is_total for year in found.budget_years}
    return [
        replace(found, budget_years=(), reason="part_of_total")
        if found.budget_years
        and not found.is_total
        and all((year, found.kind) in totals for year in found.budget_years)
        else found
        for found in mentions
    ]


def _in_sentence(sentence: str, agreement_year: int, is_finance: bool) -> list[Mention]:
    places = _places(sentence, is_finance)
    mentions: list[Mention] = []
    for number, (start, end, value) in enumerate(places):
        before = sentence[places[number - 1][1] if number else 0 : start]
        after = sentence[end : places[number + 1][0] if number + 1 < len(places) else len(sentence)]
        kind: Kind = "saving" if value < 0 else _kind(sentence[:start], after)
        years, reason = _years(sentence, before, after, agreement_year)
        if is_finance and reason == "no_year":
            carried = mentions[-1].budget_years if mentions else ()
            if carried or not _ANY_YEAR.search(sentence):
                years, reason = carried or (agreement_year,), None
        is_total = bool(_TOTAL.search(before)) and bool(years)
        mentions.append(Mention(abs(value), kind, years, reason, is_total))
    return mentions


def _places(sentence: str, is_finance: bool) -> list[tuple[int, int, Decimal]]:
    """Start and end of each amount in a sentence, and its million kroner."""
    places = []
    for unit in _UNIT.finditer(sentence):
        token = _TOKEN.search(sentence, 0, unit.start())
        written = token.group(1).lstrip("(") if token else ""
        if _NUMBER.fullmatch(written):
            scale = _SCALE[unit.lastgroup or "k"]
            value = Decimal(written.replace(".", "").replace(",", ".").replace("−", "-")) * scale / _MILLION
            places.append((unit.start() - len(written) - 1, unit.end(), value))
            continue
        has_digit = any(character.isdigit() for character in written)
        follows = sentence[unit.end() :].split(maxsplit=1)
        is_prefix = unit.lastgroup == "k" and bool(follows) and follows[0][0].isdigit()
        if (is_finance and (unit.lastgroup != "k" or has_digit or is_prefix)) or (
            has_digit and not _RANGE.fullmatch(written)
        ):
            raise UnreadableAmount
    return places


def _kind(before: str, after: str) -> Kind:
    """The nearest word before the amount that tells, else the first one after it, else expenditure."""
    found = list(_KIND.finditer(before))
    word = found[-1] if found else _KIND.search(after)
    return "saving" if word and word.lastgroup == "saving" else "expenditure"


def _years(sentence: str, before: str, after: str, agreement_year: int) -> tuple[tuple[int, ...], Reason | None]:
    """The budget years that an amount counts for, or why it counts for none."""
    reason: Reason = "no_year"
    years: tuple[int, ...] = ()
    if _TRANSFER.search(before) and _BETWEEN_YEARS.search(after):
        reason = "transfer"
    elif _PART.search(before):
        reason = "part"
    elif period := _PERIOD.search(after) or _PERIOD.search(before):
        reason = "several_years"
        if _YEARLY.search(sentence):
            years = tuple(range(int(period[1]), int(period[2]) + 1))
    elif found := _FOLLOWS.match(after) or _BEFORE.search(before) or _LATER.match(after):
        years = (int(found[1]), *(int(year) for year in _ANY_YEAR.findall(found[2])))
    elif _OVER_YEARS.search(after) or _OVER_YEARS.search(before):
        reason = "several_years"
    if not years:
        return (), reason
    if current := tuple(year for year in years if year >= agreement_year):
        return current, None
    return (), "history"


def counted(mentions: Sequence[Mention], *, is_finance: bool) -> dict[tuple[int, Kind], Decimal]:
    """Sum what counts by budget year and kind, in million kroner.

    A description may say the same amount twice (and then means it once); a finance line doesn't repeat itself.
    """
    seen: set[tuple[int, Kind, Decimal]] = set()
    sums: dict[tuple[int, Kind], Decimal] = {}
    for found in mentions:
        for year in found.budget_years:
            if is_finance or (year, found.kind, found.mdkk) not in seen:
                seen.add((year, found.kind, found.mdkk))
                sums[year, found.kind] = sums.get((year, found.kind), Decimal(0)) + found.mdkk
    return sums
