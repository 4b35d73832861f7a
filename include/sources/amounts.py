"""Amounts in Danish running text: how much, which budget year, expenditure or saving, and whether it counts.

What counts is an amount that the agreement gives an initiative for one budget year. Everything else that looks like
one is found too and says why it doesn't count:

- `history`: it belongs to a year before the agreement ("15 mio. kr. i budgetaftale 2016")
- `transfer`: it is moved between years and part of a sum that is stated ("overført 9,5 mio. kr. fra 2016 til 2017")
- `several_years`: a sum over years ("10 mio. kr. de næste 4 år")
- `part`: it is said to be part of another amount ("heraf 0,5 mio. kr.")
- `part_of_total`: the text also states the total of the same year and kind ("samlet budget 2017 er på ...", "i alt",
  "herefter"; "den samlede indsats" is no total)
- `unit_price`: it is a price ("400 kr. pr. elev")
- `no_new_money`: it is an overspend or underspend, or is paid within the frame that is there ("merforbruget på 0,5 mio.
  kr. finansieres inden for rammen")
- `change`: old and new size of something ("fra 5 mio. kr. til 8 mio. kr.")
- `too_small`: it is less than 1,000 kroner, the smallest unit that amounts are kept in
- `no_year`: it is named without a year, and nothing tells which: in descriptions thresholds, frames, what was set aside
  before; in a finance line an amount beside a year that is not its own

In the finance line an amount without a year is the agreement year's, or has the year that stands at the end of its
coordination ("2,0 mio. kr. i drift og 5,0 mio. kr. i anlæg i 2017"); in a description it counts only with its year. Two
years in a row ("i 2017 og 2018") have the amount each; "i 2018 og frem" is 2018's, no end being agreed.

There are two kinds. `saving` is what eases the budget: a saving, an income, a reduction of the budget; `expenditure` is
everything else, a loss of income included. An amount's kind is told by what stands directly after it ("1,5 mio. kr. i
besparelse"), by the words between the amount before and it, by the rest of its own clause, else it is that of the
amount before. What money is for doesn't tell ("3,0 mio. kr. til at reducere fraværet").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

Kind = Literal["expenditure", "saving"]
Reason = Literal[
    "history",
    "transfer",
    "several_years",
    "part",
    "part_of_total",
    "unit_price",
    "no_new_money",
    "change",
    "too_small",
    "no_year",
]

SMALLEST = Decimal("0.001")
"""The smallest amount that can be kept, in million kroner."""

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

_ITEM = re.compile(r"\s*(?:[•*–-]|\d+\)|[a-z][.)])\s")
_SENTENCES = re.compile(r"(?<=[.!?;])(?<!\bca\.)(?<!\bevt\.)(?<!\bpr\.)(?<!\bnr\.)(?<!\bjf\.)\s+(?=[A-ZÆØÅ])")
_YEAR = r"(?<![\d/])(20\d\d)(?![\d/]\d)"
_YEARS_IN_A_ROW = _YEAR + r"((?:\s*(?:,|og|samt)\s+20\d\d(?![\d/,]))*)"
_PAPER = r"(?:budgetaftalen?|budgettet|budget|aftale\s+om\s+budget|investeringsoversigten)"
_IN = r"\b(?:i|fra)\s+(?:" + _PAPER + r"\s+(?:for\s+)?)?"
_FOLLOWS = re.compile(
    r"\s*(?:kr\.?\s*)?(?:(?:årligt|om året|hvert år|pr\.\s*år)\s*)?(?:af\s*)?" + _IN + _YEARS_IN_A_ROW, re.IGNORECASE
)
_LATER = re.compile(r"[^,;]*?" + _IN + _YEARS_IN_A_ROW, re.IGNORECASE)
_BEFORE = re.compile(
    r"(?:"
    + _IN
    + r"|\b(?:budget\w*|\w*(?:invester|bespar|indtægt|udgift|reduktion)\w*|anlæg|drift)\s+)"
    + _YEARS_IN_A_ROW
    + r"[^,;]*$",
    re.IGNORECASE,
)
_ANY_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
_PERIOD = re.compile(r"(20\d\d)\s*[-–]\s*(20\d\d)")
_YEARLY = re.compile(r"\b(?:årligt|årlig|om året|hvert år|pr\.\s*år)\b", re.IGNORECASE)
_OVER_YEARS = re.compile(r"\b(?:de|det)\s+(?:næste|kommende)\s+(?:\w+\s+)?år\b|\bover\s+\w+\s+år\b", re.IGNORECASE)
_TRANSFER = re.compile(r"\boverfør\w*\b", re.IGNORECASE)
_BETWEEN_YEARS = re.compile(r"\bfra\s+20\d\d\s+til\s+20\d\d\b", re.IGNORECASE)
_PART = re.compile(r"\b(?:heraf|deraf)\b", re.IGNORECASE)
_ABOUT = r"(?:(?:ca\.|omkring|op til|mindst|højst|yderligere|samlet|netto|i alt)\s+)*"
_TOTAL = re.compile(
    r"\b(?:i alt|herefter)\b"
    r"|\bsamle(?:t|de)\s+(?:\w+\s+)?\w*(?:budget|ramme|bevilling|beløb|sum)(?:tet|men|en|et|n)?\b"
    r"|\bsamle(?:t|de)\s+\w*(?:udgift|investering|besparelse)(?:en|n)?\b"
    r"|\bsamlet(?:\s+set)?(?:\s+(?:afsættes|anvendes|spares|bevilges|investeres)(?:\s+der)?)?:?\s*$",
    re.IGNORECASE,
)
_IN_ALL = re.compile(r"\s*i alt\b(?!\s+til\b)", re.IGNORECASE)
_UNIT_PRICE = re.compile(
    r"\s*(?:/\s*\w|(?:pr\.?|per)\s+(?!år\b|\d)\w|(?:til|for)\s+hver\b|om\s+(?:dagen|ugen|måneden)\b|i\s+timen\b)",
    re.IGNORECASE,
)
_DEVIATION = re.compile(r"\b(?:mer|mindre)forbrug\w*", re.IGNORECASE)
_WITHIN_FRAME = re.compile(
    r"(?:\s*,\s*(?:der|som)\b)?[^,;]*?\b(?:finansier|afhold|dækk|hold)\w*\b[^,;]*?\binden\s+for\b"
    r"[^,;]*?(?:ramme|budget|bevilling)",
    re.IGNORECASE,
)
_SAVES = (
    r"\w*besparels\w*|bespar(?:es|er|et)|spar(?:e|es|er|ede|et)|mindreudgift\w*|effektiviser\w*"
    r"|(?!mindre)\w*indtægt\w*|\w*provenu\w*"
)
_SPENDS = (
    r"afsæt\w*|afsat\w*|sættes|sætter|\w*invest\w*|anvend\w*|\w*bevil\w*|\w*udgift\w*|mindreindtægt\w*|koster"
    r"|budget\w*\s+(?:forhøj|øg|hæv|udvid)\w*"
)
_KIND = re.compile(rf"\b(?:(?P<saving>{_SAVES})|(?P<expenditure>{_SPENDS}))\b", re.IGNORECASE)
_ALLOCATED = re.compile(r"\b(?:afsæt\w*|afsat\w*|sættes|sætter|bevil\w*)\b", re.IGNORECASE)
# A reduction tells only where the amount is its size: "budgettet nedsættes med", "en reduktion af rammen på".
_REDUCED = re.compile(
    r"\b(?:(?:(?:reducer|nedsæt|nedskriv|sænk|beskær|mindsk|formindsk|fald)\w*|sæt\w*\s+ned)"
    r"\b(?:\s+[^\s,;]+){0,6}?\s+med"
    r"|(?<!\btil\s)(?<!\bfor\s)\w*(?:reduktion|nedsættelse|nedskrivning)\w*(?:\s+[^\s,;]+){0,6}?(?:\s+(?:på|med|20\d\d)|:))"
    r":?\s*" + _ABOUT + "$",
    re.IGNORECASE,
)
_DIRECTLY = re.compile(
    r"\s*(?:(?:i|som|af)\s+)?(?:en\s+)?(?:(?:årlig|varig|samlet)\w*\s+)?(?:drifts|anlægs|netto)?"
    r"(?:(?P<saving>besparelser?|spares|(?:mer)?indtægt(?:er)?|mindreudgift(?:er)?|(?:mindre|lavere)(?=\s*(?:i\s+20|end\b|[.,;]|$)))"
    r"|(?P<expenditure>investering(?:er)?|afsættes|investeres|anvendes|bevilges|(?:mer)?udgift(?:er)?))\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\b(?:til|for|i|på|af|ved|fra)\s+(?:at\s+)?(?:(?!(?:en|et|den)\b)[^\W\d]+\s+)?$", re.IGNORECASE)
_ASIDE_CAN_STAND = re.compile(_SAVES + r"|\w*invest\w*|\w*udgift\w*", re.IGNORECASE)
_PURPOSE = re.compile(r"\b(?:til|for\s+at|så)\b", re.IGNORECASE)
_CLAUSE_ENDS = re.compile(r"[,;:(]|\b(?:og|samt|mens|men)\b", re.IGNORECASE)
_IN_COORDINATION = re.compile(r"(?:[,;+]|\b(?:og|samt|plus)\b)\s*" + _ABOUT + "$", re.IGNORECASE)
_SHARES_YEAR = re.compile(
    r"(?:[,;]|\b(?:og|samt|mens)\b)\s+(?:en\s+)?\w*(?:besparels|indtægt|udgift|invest)\w*\s+(?:(?:er|på)\s+)?"
    + _ABOUT
    + "$",
    re.IGNORECASE,
)
_NEXT_YEAR = re.compile(r"(?:,|\b(?:og|samt|mens|men)\b)\s+i\s+20\d\d\b[^,;]*$", re.IGNORECASE)
_FROM = re.compile(r"\bfra\s*$", re.IGNORECASE)
_TO = re.compile(r"\s*til\s*", re.IGNORECASE)


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
    heading = ""
    for line in text.split("\n"):
        if is_finance and line.rstrip().endswith(":") and not _UNIT.search(line):
            heading = line.strip() + " "
            continue
        for sentence in _SENTENCES.split(line):
            mentions += _in_sentence(heading + sentence, agreement_year, is_finance)
        if not _ITEM.match(line):
            heading = ""
    totals = {(year, found.kind) for found in mentions if found.is_total for year in found.budget_years}
    return [
        replace(found, budget_years=(), reason="part_of_total")
        if found.budget_years
        and not found.is_total
        and all((year, found.kind) in totals for year in found.budget_years)
        else found
        for found in mentions
    ]


@dataclass(frozen=True)
class _Place:
    """An amount in its sentence: `before` and `after` reach to the amounts beside it, `head` is its own of `before`."""

    value: Decimal
    before: str
    head: str
    after: str
    is_last: bool

    @property
    def is_coordinated(self) -> bool:
        """True if it has no words of its own before it: "... og 1,0 mio. kr."."""
        return bool(_IN_COORDINATION.search(self.before))


def _in_sentence(sentence: str, agreement_year: int, is_finance: bool) -> list[Mention]:
    places = _in_context(sentence, is_finance)
    mentions: list[Mention] = []
    for number, place in enumerate(places):
        last = mentions[-1] if mentions else None
        kind: Kind = "saving" if place.value < 0 else _kind(place, last.kind if last else None)
        years, reason = _years(sentence, place, agreement_year)
        if reason == "no_year" and is_finance:
            carried = last.budget_years if last else ()
            if not carried and not any(found.budget_years for found in mentions):
                carried = _years_at_the_end(sentence, places[number:], agreement_year)
            if last and last.reason == "part" and place.is_coordinated:
                reason = "part"
            elif carried or not _ANY_YEAR.search(sentence):
                years, reason = carried or (agreement_year,), None
        if years and abs(place.value) < SMALLEST:
            years, reason = (), "too_small"
        earlier = sum((found.mdkk for found in mentions if found.budget_years), Decimal(0))
        is_sum = bool(earlier) and earlier == abs(place.value) and _IN_ALL.match(place.after)
        is_total = bool(years) and bool(is_sum or _TOTAL.search(place.head))
        mentions.append(Mention(abs(place.value), kind, years, reason, is_total))
    for number in range(1, len(places)):
        if _FROM.search(places[number - 1].before) and _TO.fullmatch(places[number].before):
            for which in (number - 1, number):
                mentions[which] = replace(mentions[which], budget_years=(), reason="change", is_total=False)
    return mentions


def _in_context(sentence: str, is_finance: bool) -> list[_Place]:
    places = _places(sentence, is_finance)
    found: list[_Place] = []
    own = 0  # where what belongs to the amount before ends: its year, a kind, "i alt" directly after it
    for number, (start, end, value) in enumerate(places):
        previous = places[number - 1][1] if number else 0
        is_last = number + 1 == len(places)
        after = sentence[end:] if is_last else sentence[end : places[number + 1][0]]
        found.append(_Place(value, sentence[previous:start], sentence[own:start], after, is_last))
        year = _FOLLOWS.match(after)
        kind = _DIRECTLY.match(after, year.end() if year else 0)
        total = re.match(r"\s*i alt\b", after)
        own = end + max(match.end() if match else 0 for match in (year, kind, total))
    return found


def _years_at_the_end(sentence: str, places: Sequence[_Place], agreement_year: int) -> tuple[int, ...]:
    """The years that a coordination states at its end, for all of it."""
    for place in places[1:]:
        if not place.is_coordinated and not _SHARES_YEAR.search(place.before):
            break
        years, reason = _years(sentence, place, agreement_year)
        if reason != "no_year":
            return years
    return ()


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


def _kind(place: _Place, last: Kind | None) -> Kind:
    """What stands directly after the amount, else before it, else in the rest of its clause; else as the last one."""
    year = _FOLLOWS.match(place.after)
    if (word := _DIRECTLY.match(place.after)) or (word := _DIRECTLY.match(place.after, year.end() if year else 0)):
        return _kind_of(word)
    if not (last and place.is_coordinated):
        if _REDUCED.search(place.head):
            return "saving"
        words = list(_KIND.finditer(place.head))
        told = [word for word in words if not _is_aside(word)] or words
        if told:
            return _kind_of(told[-1])
    clause = _CLAUSE_ENDS.split(place.after, maxsplit=1)
    tails = [clause[0]] if len(clause) > 1 or place.is_last else []
    if not last and place.is_last:
        tails.append(place.after)
    for tail in tails:
        told = [word for word in _KIND.finditer(_PURPOSE.split(tail, maxsplit=1)[0]) if not _is_aside(word)]
        if told:
            return _kind_of(told[0])
    return last or "expenditure"


def _kind_of(word: re.Match[str]) -> Kind:
    return "saving" if word["saving"] else "expenditure"


def _is_aside(word: re.Match[str]) -> bool:
    """True if it tells what money is for or about: "til at spare", "i besparelser", "på udgifterne"."""
    return bool(_ASIDE_CAN_STAND.fullmatch(word[0]) and _ASIDE.search(word.string, 0, word.start()))


def _years(sentence: str, place: _Place, agreement_year: int) -> tuple[tuple[int, ...], Reason | None]:
    """The budget years that an amount counts for, or why it counts for none."""
    reason: Reason = "no_year"
    years: tuple[int, ...] = ()
    before, after = place.before, place.after
    if not place.is_last:
        after = _NEXT_YEAR.sub("", after)
    if _UNIT_PRICE.match(after):
        reason = "unit_price"
    elif _is_no_new_money(place):
        reason = "no_new_money"
    elif _TRANSFER.search(before) and _BETWEEN_YEARS.search(after):
        reason = "transfer"
    elif _PART.search(before):
        reason = "part"
    elif period := _PERIOD.search(after) or _PERIOD.search(before):
        reason = "several_years"
        if _YEARLY.search(sentence):
            years = tuple(range(int(period[1]), int(period[2]) + 1))
    elif (
        found := _FOLLOWS.match(after)
        or _BEFORE.search(place.head)
        or _LATER.match(after)
        or (None if place.head == before else _BEFORE.search(before))
    ):
        years = (int(found[1]), *(int(year) for year in _ANY_YEAR.findall(found[2])))
    elif _OVER_YEARS.search(after) or _OVER_YEARS.search(before):
        reason = "several_years"
    if not years:
        return (), reason
    if current := tuple(year for year in years if year >= agreement_year):
        return current, None
    return (), "history"


def _is_no_new_money(place: _Place) -> bool:
    deviation = _DEVIATION.search(place.head)
    if deviation and not _KIND.search(place.head, deviation.end()):
        return True
    within = None if place.is_coordinated else _WITHIN_FRAME.match(place.after)
    return bool(within) and not _ALLOCATED.search(place.head) and not _ALLOCATED.search(within[0] if within else "")


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
