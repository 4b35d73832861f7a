"""K01 to K15 from the native files: budget, cases, absence, anxiety groups and Headspace.

Each function gives the rows of one measure without what `compare.final` adds. Whole numbers, decimals and fractions
alone; no figure passes through a binary fraction.
"""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from second import native
from second.native import MUNICIPALITY, Row, day, exact, person, records, rounded, seed, value_of

# ---- follow-ups


@dataclass(frozen=True)
class FollowUp:
    """A budget follow-up as the calendar has it on the night."""

    code: str
    year: int
    sequence: int
    cut_off: dt.date


@functools.lru_cache(maxsize=8)
def follow_ups(as_of: dt.date) -> tuple[FollowUp, ...]:
    """All follow-ups that the calendar knew on the day, in order: of each its newest row."""
    known: dict[str, tuple[dt.date, FollowUp]] = {}
    for row in records(seed("follow_up_calendar")):
        valid_from, cut_off = day(row["valid_from"]), day(row["data_cut_off_date"])
        if row["municipality_code"] != MUNICIPALITY or valid_from is None or valid_from > as_of or cut_off is None:
            continue
        code = row["follow_up_code"]
        if code not in known or known[code][0] < valid_from:
            found = FollowUp(code, int(row["follow_up_year"]), int(row["follow_up_sequence"]), cut_off)
            known[code] = (valid_from, found)
    return tuple(sorted((found for _, found in known.values()), key=lambda found: found.cut_off))


def with_a_figure(as_of: dt.date) -> list[FollowUp]:
    """Those that are reached, and the first that is not."""
    reached = [found for found in follow_ups(as_of) if found.cut_off <= as_of]
    return [*reached, *[found for found in follow_ups(as_of) if found.cut_off > as_of][:1]]


# ---- budget


def k01(inbox: Path) -> list[Row]:
    """Milestones that are met, of those with a text."""
    initiatives, _ = native.agreements(inbox)
    cut_offs = {found.code: found.cut_off for found in follow_ups(native.as_of(inbox))}
    newest = {}
    for answer in native.status_answers(inbox).sort_values(["answered", "delivery_as_of"]).to_dict("records"):
        newest[answer["follow_up"], answer["key"]] = answer["status"]
    # a later form that asks again for an earlier milestone reports nothing of its own follow-up
    answered = {
        follow_up
        for initiative in initiatives
        for place, (follow_up, has_text) in enumerate(initiative.milestones, start=1)
        if has_text and (follow_up, f"{initiative.key}/{place}") in newest
    }
    units: dict[tuple[str, str, str], list[bool | None]] = defaultdict(list)
    for initiative in initiatives:
        center = _center(initiative.responsible_center)
        for place, (follow_up, has_text) in enumerate(initiative.milestones, start=1):
            is_glad = newest.get((follow_up, f"{initiative.key}/{place}")) == "glad"
            for unit_type, unit_id in (
                ("municipality", MUNICIPALITY),
                ("center", center),
                ("center_and_type", f"{center}/{initiative.initiative_type}"),
            ):
                units[follow_up, unit_type, unit_id].append(is_glad if has_text else None)
    rows = []
    for (follow_up, unit_type, unit_id), milestones in units.items():
        with_text = [is_glad for is_glad in milestones if is_glad is not None]
        without = len(milestones) - len(with_text)
        glad, reason = None, None
        if follow_up not in answered:
            reason = "Ingen status er indberettet / No status has been reported"
        else:
            glad = sum(with_text)
            if without:
                reason = (
                    f"{without} milepælsrækker uden tekst tæller ikke med / "
                    f"{without} milestone rows without a text do not count"
                )
        rows.append(
            Row(
                *("K01", "all", "follow_up", follow_up, cut_offs[follow_up], unit_type, unit_id),
                numerator=exact(glad),
                denominator=exact(len(with_text)),
                value=value_of(glad, len(with_text)),
                open_reason=reason,
            )
        )
    return rows


def _center(name: str) -> str:
    """The code of a centre by the name in an agreement, with or without `Center for`."""
    centers = {
        row["center_name"]: row["center_code"]
        for row in records(seed("center"))
        if row["municipality_code"] == MUNICIPALITY
    }
    return str(centers[name] if name in centers else centers[name.removeprefix("Center for ")])


@dataclass(frozen=True)
class Economy:
    """An initiative of a follow-up's year at the follow-up: kroner spent, budget as it stands, months of spending.

    There is no budget where no entry of the year was ever made; one that is decided later is 0 until then.
    """

    key: str
    follow_up: FollowUp
    spent: Decimal
    corrected: Decimal | None
    months: int


@dataclass(frozen=True)
class Claim:
    """Postings whose part of the account matches belong by a share to an initiative, for some days."""

    initiative: str
    field: str
    pattern: re.Pattern[str]
    first: dt.date
    last: dt.date
    share: Fraction


@functools.lru_cache(maxsize=1)
def _claims() -> tuple[Claim, ...]:
    found = []
    for row in records(seed("initiative_account")):
        if row["municipality_code"] != MUNICIPALITY:
            continue
        pattern = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in row["account_pattern"])
        first = day(row["valid_from"])
        assert first is not None
        found.append(
            Claim(
                f"{row['agreement_year']}/{row['initiative_id']}",
                row["account_field"],
                re.compile(pattern),
                first,
                day(row["valid_to"]) or dt.date.max,
                Fraction(row["share"]),
            )
        )
    return tuple(found)


def _parts(account: str) -> Mapping[str, str]:
    """What an account string `cost centre-account-activity-art…` names; nine digits are the account."""
    parts = account.split("-")
    place = next((at for at, part in enumerate(parts) if re.fullmatch(r"\d{9}", part)), None)
    if place is None:
        return {}
    named = {"account_number": parts[place]}
    if place:
        named["cost_center"] = parts[place - 1]
    if place + 1 < len(parts):
        named["activity_number"] = parts[place + 1]
    return named


@functools.cache
def _claims_on(account: str) -> tuple[Claim, ...]:
    parts = _parts(account)
    return tuple(claim for claim in _claims() if claim.pattern.fullmatch(parts.get(claim.field, "")))


def _claimed(account: str, first: dt.date, last: dt.date) -> Iterator[tuple[str, Fraction]]:
    """The initiatives that claim an account on any of the days, each with its share."""
    for claim in _claims_on(account):
        if claim.first <= last and claim.last >= first:
            yield claim.initiative, claim.share


def _covered(inbox: Path) -> frozenset[dt.date]:
    """The days that some file of the ledger covers and that had come when it was made."""
    covered = set()
    for delivery in native.deliveries(inbox, "ledger_postings"):
        first, last = delivery.days
        last = min(last, delivery.as_of)
        covered |= {first + dt.timedelta(days=later) for later in range((last - first).days + 1)}
    return frozenset(covered)


def _whole_months(covered: frozenset[dt.date], year: int, until: dt.date) -> int:
    """How many months of a year, from January on, are covered to their last day without a gap, up to a day."""
    count = 0
    for end in native.months(dt.date(year, 1, 1), dt.date(year, 12, 31)):
        days = {end.replace(day=number) for number in range(1, end.day + 1)}
        if end > until or not days <= covered:
            break
        count += 1
    return count


@functools.lru_cache(maxsize=8)
def economy(inbox: Path) -> tuple[Economy, ...]:
    """Every initiative with accounts at the follow-ups of its agreement's year that have whole months of spending."""
    as_of = native.as_of(inbox)
    postings = [
        (date, row["Kontostreng"], amount)
        for row in records(native.current(inbox, "ledger_postings"))
        if (date := day(row["Bogføringsdato"])) and (amount := native.amount(row["Beløb"])) is not None
    ]
    spent: dict[str, dict[tuple[int, int], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for date, account, amount in postings:
        for initiative, share in _claimed(account, date, date):
            spent[initiative][date.year, date.month] += rounded(Fraction(amount) * share, 2)
    entries: dict[tuple[str, int], list[tuple[dt.date, Decimal]]] = defaultdict(list)
    for row in records(native.current(inbox, "appropriations")):
        year, decided, amount = int(row["Budgetår"]), day(row["Beslutningsdato"]), native.amount(row["Beløb"])
        assert decided is not None
        assert amount is not None
        for initiative, share in _claimed(row["Kontostreng"], dt.date(year, 1, 1), dt.date(year, 12, 31)):
            entries[initiative, year].append((decided, rounded(Fraction(amount) * share, 2)))
    initiatives, _ = native.agreements(inbox)
    with_accounts = {claim.initiative for claim in _claims()}
    covered = _covered(inbox)
    found = []
    for follow_up in with_a_figure(as_of):
        # Of the night's own month the last day is not over, whatever a file says that it covers.
        months = _whole_months(covered, follow_up.year, min(follow_up.cut_off, as_of - dt.timedelta(days=1)))
        if not months:
            continue
        for initiative in initiatives:
            if initiative.agreement_year != follow_up.year or initiative.key not in with_accounts:
                continue
            of_year = entries.get((initiative.key, follow_up.year), [])
            decided_by_then = [amount for decided, amount in of_year if decided <= follow_up.cut_off]
            found.append(
                Economy(
                    initiative.key,
                    follow_up,
                    sum((spent[initiative.key][follow_up.year, month] for month in range(1, months + 1)), Decimal(0)),
                    sum(decided_by_then, Decimal(0)) if of_year else None,
                    months,
                )
            )
    return tuple(found)


def _economy_row(measure: str, part: str, found: Economy) -> Row:
    return Row(
        *(measure, part, "follow_up", found.follow_up.code, found.follow_up.cut_off, "initiative", found.key),
        numerator=exact(found.spent),
        denominator=exact(found.corrected),
        is_incomplete=found.months < found.follow_up.cut_off.month,
    )


def _told(row: Row) -> Row:
    """A row without a value says why."""
    return replace(row, open_reason=native.SOME_REASON) if row.value is None and row.open_reason is None else row


def k02(inbox: Path) -> list[Row]:
    """Whether the budget of an initiative holds; a saving has to come month by month."""
    rows = []
    for found in economy(inbox):
        row = _economy_row("K02", "all", found)
        value = None
        if found.corrected is not None:
            allowed = Fraction(found.corrected)
            if found.corrected < 0:
                allowed = allowed * found.months / 12
            value = Decimal(int(Fraction(found.spent) <= allowed))
        rows.append(_told(replace(row, value=value)))
    return rows


def k03(inbox: Path) -> list[Row]:
    """What an initiative has spent of its budget."""
    return [
        _told(replace(_economy_row("K03", "all", found), value=value_of(found.spent, found.corrected)))
        for found in economy(inbox)
    ]


def k07(inbox: Path) -> list[Row]:
    """How far spending has shifted to prevention since the baseline year."""
    functions = ("52820", "52821", "52822", "52823", "52824")
    cells: dict[int, dict[str, Decimal]] = defaultdict(dict)
    years = set()
    for cell in records(native.accounts(inbox)):
        if (cell["table"], cell["place"], cell["account_kind"]) != ("REGK31", MUNICIPALITY, "1"):
            continue
        if (cell["art"], cell["price_unit"]) != ("TOT", "LOBM") or cell["function"] not in functions:
            continue
        years.add(int(cell["year"]))
        if cell["value"] not in {"..", cell["suppressed"]}:
            number = native.amount(cell["value"])
            assert number is not None
            cells[int(cell["year"])][cell["function"]] = number
    baseline = int(_setting("K07_baseline_year"))
    shares = {
        year: value_of(cells[year]["52821"], sum(cells[year].values()))
        for year in years
        if len(cells[year]) == len(functions)
    }
    rows = []
    for year in sorted(years):
        row = Row("K07", "all", "year", str(year), dt.date(year, 12, 31), "municipality", MUNICIPALITY)
        if year not in shares:
            rows.append(replace(row, open_reason="Et regnskabstal mangler / An accounts figure is missing"))
            continue
        share, before = shares[year], shares.get(baseline)
        value = None if share is None or before is None else share - before
        rows.append(
            replace(
                row,
                numerator=exact(cells[year]["52821"]),
                denominator=exact(sum(cells[year].values())),
                value=value,
                open_reason=(
                    "Dokumentet siger ikke, om 2 pct. er procentpoint eller relativt / "
                    "The document does not say whether 2 per cent are points or relative"
                ),
            )
        )
    return rows


def _setting(name: str) -> Decimal:
    found = [
        row
        for row in records(seed("measure_setting"))
        if row["setting_name"] == name and row["municipality_code"] == MUNICIPALITY
    ]
    return Decimal(max(found, key=lambda row: row["valid_from"])["setting_value"])


def k09(inbox: Path) -> list[Row]:
    """Initiative 3.04: spending of the adopted investment, and the adopted saving that nobody can see realised."""
    families = [found for found in native.agreements(inbox)[0] if found.initiative_id == "3.04"]
    adopted = {found.key: {kind: amount * 1_000_000 for kind, amount in found.amounts.items()} for found in families}
    rows = []
    for found in economy(inbox):
        if found.key in adopted:
            invested = adopted[found.key].get("expenditure")
            row = _economy_row("K09", "expenditure", found)
            rows.append(_told(replace(row, denominator=exact(invested), value=value_of(found.spent, invested))))
    unseen = (
        "Kassedata viser netto; den realiserede besparelse står ikke for sig / "
        "The ledger shows net; the realised saving does not stand by itself"
    )
    rows += [
        Row(
            *("K09", "saving", "follow_up", follow_up.code, follow_up.cut_off, "initiative", initiative.key),
            denominator=exact(adopted[initiative.key]["saving"]),
            open_reason=unseen,
        )
        for initiative in families
        for follow_up in follow_ups(native.as_of(inbox))
        if "saving" in adopted[initiative.key] and follow_up.year == initiative.agreement_year
    ]
    return rows


# ---- cases


@dataclass(frozen=True)
class Entry:
    """A line in the history of a case."""

    changed: dt.datetime
    history: int
    child: str
    team: str | None
    step: int | None


class Histories:
    """The cases, each with its entries in order, and what stood on a day."""

    def __init__(self, inbox: Path) -> None:
        found: dict[str, list[Entry]] = defaultdict(list)
        for row in records(native.current(inbox, "cases")):
            step = re.match(r"Trin (\d)|(\d)$", row["effort_step"].strip())
            child = person(row["cpr_number"])
            assert child is not None
            entry = Entry(
                dt.datetime.fromisoformat(row["history_date"]).astimezone(dt.UTC),
                int(row["history_id"]),
                child,
                row["team"].strip() or None,
                int(step[1] or step[2]) if step else None,
            )
            found[row["case_sbsys_id"]].append(entry)
        self.cases = {
            case: sorted(entries, key=lambda entry: (entry.changed, entry.history)) for case, entries in found.items()
        }
        self._days = {case: [entry.changed.date() for entry in entries] for case, entries in self.cases.items()}

    def on(self, case: str, date: dt.date) -> Entry | None:
        """The newest entry of a case by the end of a day (UTC)."""
        place = bisect_right(self._days[case], date)
        return self.cases[case][place - 1] if place else None

    @property
    def first_day(self) -> dt.date:
        """The day of the oldest entry of all."""
        return min(days[0] for days in self._days.values())


def _granted(inbox: Path) -> Iterator[tuple[str, dt.date, dt.date | None, str]]:
    """Child, first day, last day and section of each granted activity's payments."""
    for row in records(native.current(inbox, "granted_payments")):
        if row["activity_status"] != "GRANTED":
            continue
        child = person(row["cpr_number"])
        start = day(row["activity_start_date"]) or day(row["date"])
        if child and start:
            yield child, start, day(row["activity_end_date"]), row["section"]


def _staffing(inbox: Path) -> list[dict[str, str]]:
    return [{str(name): str(text) for name, text in row.items()} for row in records(native.current(inbox, "staffing"))]


def _staffed_months(inbox: Path) -> list[dt.date]:
    """The month ends for which there is any row."""
    return sorted({native.days_of(row["Måned"])[1] for row in _staffing(inbox)})


def k04(inbox: Path) -> list[Row]:
    """Open child cases for each full-time caseworker."""
    as_of, histories = native.as_of(inbox), Histories(inbox)
    teams = {
        row["team_name"]
        for row in records(seed("team"))
        if row["has_child_cases"] == "true" and row["municipality_code"] == MUNICIPALITY
    }
    activities: dict[str, set[tuple[dt.date, dt.date | None]]] = defaultdict(set)
    for child, start, end, _ in _granted(inbox):
        activities[child].add((start, end))
    equivalents: dict[tuple[dt.date, str], Decimal] = defaultdict(Decimal)
    for row in _staffing(inbox):
        if row["Stilling"] == "Socialrådgiver" and row["Team"] in teams:
            number = native.amount(row["Årsværk"])
            assert number is not None
            equivalents[native.days_of(row["Måned"])[1], row["Team"]] += number
    rows = []
    for end in _staffed_months(inbox):
        if end > as_of:
            continue
        open_cases: dict[tuple[str, str], list[str]] = defaultdict(list)
        for case in histories.cases:
            entry = histories.on(case, end)
            if entry is None:
                continue
            if any(start <= end and (last is None or last >= end) for start, last in activities[entry.child]):
                open_cases["municipality", MUNICIPALITY].append(entry.child)
                if entry.team in teams:
                    open_cases["team", entry.team].append(entry.child)
        staffed = {team: equivalents[end, team] for team in teams if (end, team) in equivalents}
        whole = sum(staffed.values(), Decimal(0)) if staffed else None
        units = {("municipality", MUNICIPALITY): whole}
        units |= {("team", team): staffed.get(team) for team in teams if team in staffed or open_cases["team", team]}
        for (unit_type, unit_id), denominator in units.items():
            children = open_cases[unit_type, unit_id]
            if not children and denominator is None:
                continue
            rows.append(
                Row(
                    *("K04", "all", "month", native.month(end), end, unit_type, unit_id),
                    numerator=exact(len(children)),
                    denominator=exact(denominator),
                    value=value_of(len(children), denominator),
                    person_count=len(set(children)),
                )
            )
    return rows


def k05(inbox: Path) -> list[Row]:
    """Mean days between two held reviews of a case."""
    as_of = native.as_of(inbox)
    held: dict[str, list[tuple[dt.date, str, str, str]]] = defaultdict(list)
    for row in records(native.current(inbox, "case_reviews")):
        date, child = day(row["Afholdt dato"]), person(row["CPR-nr"])
        if row["Status"] == "Afholdt" and date and child:
            held[row["Sagsnr"]].append((date, row["Opfølgningsnr"], row["Team"].strip(), child))
    units: dict[tuple[dt.date, str, str], list[tuple[int, str]]] = defaultdict(list)
    for reviews in held.values():
        reviews.sort()
        for (before, *_), (date, _, team, child) in itertools.pairwise(reviews):
            if date > as_of:
                continue
            days = (date - before).days
            units[native.month_end(date), "municipality", MUNICIPALITY].append((days, child))
            if team:
                units[native.month_end(date), "team", team].append((days, child))
    return [
        Row(
            *("K05", "all", "month", native.month(end), end, unit_type, unit_id),
            numerator=exact(sum(days for days, _ in intervals)),
            denominator=exact(len(intervals)),
            value=value_of(sum(days for days, _ in intervals), len(intervals)),
            person_count=len({child for _, child in intervals}),
        )
        for (end, unit_type, unit_id), intervals in units.items()
    ]


def k06(inbox: Path) -> list[Row]:
    """Cases that have moved down and up the ladder of efforts since 1 January of the follow-up's year."""
    as_of, histories = native.as_of(inbox), Histories(inbox)
    reason = (
        "Dokumentet siger ikke, om 'tre' og 'fem' sager lægges sammen / "
        "The document does not say whether 'three' and 'five' cases add up"
    )
    rows = []
    for follow_up in with_a_figure(as_of):
        if follow_up.year < histories.first_day.year:
            continue
        pairs: dict[tuple[int, int], int] = defaultdict(int)
        for case in histories.cases:
            before = histories.on(case, dt.date(follow_up.year, 1, 1))
            after = histories.on(case, min(follow_up.cut_off, as_of))
            if before and after and before.step is not None and after.step is not None:
                pairs[before.step, after.step] += 1
        down = sum(count for (start, end), count in pairs.items() if end < start)
        up = sum(count for (start, end), count in pairs.items() if end > start)
        figures = [
            ("municipality", MUNICIPALITY, part, count, sum(pairs.values()))
            for part, count in (("down", down), ("up", up), ("net", down - up))
        ]
        figures += [
            ("step_pair", f"{start}/{end}", "down" if end < start else "up", count, count)
            for (start, end), count in pairs.items()
            if start != end
        ]
        rows += [
            Row(
                *("K06", part, "follow_up", follow_up.code, follow_up.cut_off, unit_type, unit_id),
                numerator=exact(count),
                value=rounded(count),
                person_count=persons,
                open_reason=reason,
            )
            for unit_type, unit_id, part, count, persons in figures
        ]
    return rows


def k08(inbox: Path) -> list[Row]:
    """Caseworkers hired in the project, of those promised."""
    as_of, promised = native.as_of(inbox), _setting("K08_hired_target")
    hired: dict[dt.date, int] = dict.fromkeys(_staffed_months(inbox), 0)
    for row in _staffing(inbox):
        if row["Projekt"] == "FM" and row["Stilling"] == "Socialrådgiver":
            hired[native.days_of(row["Måned"])[1]] += native.whole(row["Ansatte"]) or 0
    return [
        Row(
            *("K08", "all", "month", native.month(end), end, "municipality", MUNICIPALITY),
            numerator=exact(count),
            denominator=exact(promised),
            value=value_of(count, promised),
        )
        for end, count in hired.items()
        if end <= native.month_end(as_of)
    ]


_YEARS_BACK = 2


def _age_at_first(inbox: Path, measure: str, kind: str) -> list[Row]:
    """Mean age at the first start of an activity whose section is of this kind on that day."""
    as_of = native.as_of(inbox)
    sections: dict[str, list[tuple[dt.date, dt.date]]] = defaultdict(list)
    for row in records(seed("law_section")):
        if row["section_kind"] == kind:
            sections[row["section_key"]].append(
                (day(row["valid_from"]) or dt.date.min, day(row["valid_to"]) or dt.date.max)
            )
    first: dict[str, dt.date] = {}
    for child, start, _, section in _granted(inbox):
        if any(begin <= start <= end for begin, end in sections.get(section, [])):
            first[child] = min(start, first.get(child, start))
    # The export goes back to 1 January two years before; of what began earlier it has only what is still paid for.
    exported = native.data_as_of(inbox, "granted_payments") or as_of
    ages: dict[int, list[int]] = defaultdict(list)
    for child, start in first.items():
        born = native.birth_date(child)
        assert born is not None
        if start.year <= as_of.year:
            ages[start.year].append((start - born).days)
    return [
        Row(
            *(measure, "all", "year", str(year), dt.date(year, 12, 31), "municipality", MUNICIPALITY),
            numerator=exact(sum(days)),
            denominator=exact(len(days)),
            value=rounded(Fraction(sum(days), len(days)) / Fraction("365.25")),
            person_count=len(days),
            is_incomplete=year < exported.year - _YEARS_BACK,
            open_reason=(
                "Gennemsnittet for 2016 findes ikke i leverancerne / The mean of 2016 is not in the deliveries"
            ),
        )
        for year, days in ages.items()
    ]


def k10(inbox: Path) -> list[Row]:
    """Mean age at the first preventive effort."""
    return _age_at_first(inbox, "K10", "preventive")


def k11(inbox: Path) -> list[Row]:
    """Mean age at the first examination."""
    return _age_at_first(inbox, "K11", "examination")


# ---- school absence


@functools.lru_cache(maxsize=1)
def _school_days() -> Mapping[str, tuple[dt.date, ...]]:
    """The school days of each school year: Monday to Friday of the term without the holidays."""
    terms, free = {}, defaultdict(set)
    for row in records(seed("school_calendar")):
        first, last = day(row["first_date"]), day(row["last_date"])
        assert first is not None
        assert last is not None
        if row["municipality_code"] != MUNICIPALITY:
            continue
        days = [first + dt.timedelta(days=later) for later in range((last - first).days + 1)]
        if row["period_kind"] == "term":
            terms[row["school_year"]] = days
        else:
            free[row["school_year"]] |= set(days)
    return {
        year: tuple(date for date in days if date.weekday() < 5 and date not in free[year])
        for year, days in terms.items()
    }


Cell = tuple[str, str]
"""Unit type and unit."""


class Absence:
    """Of each pupil the school days of each cell, planned and passed, and the days of absence in it."""

    def __init__(self, inbox: Path) -> None:
        self.as_of = native.as_of(inbox)
        self._main = {
            row["institution_number"]: row["main_institution_number"]
            for row in records(seed("institution"))
            if row["municipality_code"] == MUNICIPALITY
        }
        self._stage = {row["grade_level"]: row["school_stage"] for row in records(seed("school_stage"))}
        kinds = {row["absence_kind"]: row["absence_kind_code"] for row in records(seed("absence_kind"))}
        absent: dict[str, list[tuple[dt.date, str, str]]] = defaultdict(list)
        for row in records(native.current(inbox, "absence_days")):
            child, date = person(row["Personnummer"]), day(row["Dato"])
            assert child is not None
            assert date is not None
            absent[child].append((date, self._main[row["Institutionsnummer"]], kinds[row["Fraværsart"]]))
        self.planned: dict[tuple[str, str], dict[Cell, set[dt.date]]] = defaultdict(lambda: defaultdict(set))
        self.missed: dict[tuple[str, str], dict[Cell, dict[dt.date, str]]] = defaultdict(lambda: defaultdict(dict))
        for row in records(native.current(inbox, "enrolments")):
            child, first, last = person(row["Personnummer"]), day(row["Indskrevet fra"]), day(row["Indskrevet til"])
            assert child is not None
            assert first is not None
            all_days = _school_days()[row["Skoleår"]]
            days = set(all_days[bisect_left(all_days, first) : bisect_right(all_days, last or dt.date.max)])
            school = self._main[row["Institutionsnummer"]]
            away = {date: kind for date, at_school, kind in absent[child] if at_school == school and date in days}
            for cell in self._cells(school, row["Klassetrin"]):
                self.planned[row["Skoleår"], child][cell] |= days
                self.missed[row["Skoleår"], child][cell] |= away

    def _cells(self, school: str, grade: str) -> list[Cell]:
        stage = self._stage.get(str(int(grade)))
        cells = [("municipality", MUNICIPALITY), ("school", school)]
        return cells + ([("stage", stage), ("school_and_stage", f"{school}/{stage}")] if stage else [])

    def has_begun(self, days: Iterable[dt.date]) -> bool:
        """Whether any of the days has come."""
        return any(date <= self.as_of for date in days)


@functools.lru_cache(maxsize=2)
def _absence(inbox: Path) -> Absence:
    return Absence(inbox)


_quarter_end = functools.cache(native.quarter_end)


@functools.cache
def _limit(name: str, date: dt.date) -> Fraction:
    rows = [row for row in records(seed("threshold")) if row["threshold_name"] == name]
    valid = [row for row in rows if (day(row["valid_from"]) or dt.date.min) <= date]
    return Fraction(max(valid, key=lambda row: row["valid_from"])["threshold_value"])


def k12(inbox: Path) -> list[Row]:
    """Pupils who have missed more than a tenth of the year's school days at their school, of all pupils."""
    absence = _absence(inbox)
    pupils: dict[tuple[str, Cell], int] = defaultdict(int)
    high: dict[tuple[str, Cell], int] = defaultdict(int)
    for (year, child), cells in absence.planned.items():
        limit = _limit("high_absence_share", native.school_year_end(year))
        for cell, planned in cells.items():
            if not absence.has_begun(planned):
                continue
            pupils[year, cell] += 1
            missed = sum(date <= absence.as_of for date in absence.missed[year, child][cell])
            high[year, cell] += missed > limit * len(planned)
    return [
        Row(
            *("K12", "all", "school_year", year, native.school_year_end(year), *cell),
            numerator=exact(high[year, cell]),
            denominator=exact(count),
            value=value_of(high[year, cell], count),
            person_count=count,
            is_incomplete=_school_days()[year][-1] > absence.as_of,
        )
        for (year, cell), count in pupils.items()
    ]


def k13(inbox: Path) -> list[Row]:
    """Pupils with unlawful absence of so large a part of a quarter that somebody has to be told."""
    absence = _absence(inbox)
    parts = {"notify": "unlawful_notify_share", "warn": "unlawful_warn_share"}
    pupils: dict[tuple[dt.date, Cell], int] = defaultdict(int)
    found: dict[tuple[str, dt.date, Cell], int] = defaultdict(int)
    # a quarter is incomplete until its last school day has come
    last_days = {_quarter_end(date): date for days in _school_days().values() for date in sorted(days)}
    for (year, child), cells in absence.planned.items():
        for cell, planned in cells.items():
            if cell[0] not in {"municipality", "school"}:
                continue
            due: dict[dt.date, list[dt.date]] = defaultdict(list)
            for date in planned:
                due[_quarter_end(date)].append(date)
            for end, days in due.items():
                if not absence.has_begun(days):
                    continue
                pupils[end, cell] += 1
                missed = sum(
                    kind == "unlawful" and _quarter_end(date) == end and date <= absence.as_of
                    for date, kind in absence.missed[year, child][cell].items()
                )
                for part, name in parts.items():
                    found[part, end, cell] += missed >= _limit(name, end) * len(days)
    return [
        Row(
            *("K13", part, "quarter", native.quarter(end), end, *cell),
            numerator=exact(found[part, end, cell]),
            value=rounded(found[part, end, cell]),
            person_count=count,
            is_incomplete=last_days[end] > absence.as_of,
        )
        for (end, cell), count in pupils.items()
        for part in parts
    ]


# ---- anxiety groups and Headspace

_MONTHS_OF_A_YEAR = 12


def k14(inbox: Path) -> list[Row]:
    """Participants of the anxiety groups, of those expected."""
    as_of = native.as_of(inbox)
    came: dict[int, int] = defaultdict(int)
    expected: dict[int, int] = defaultdict(int)
    for row in records(native.current(inbox, "activities")):
        first = day(row["Fra"])
        if row["Aktivitetstype"] != "Angstgruppe" or row["Status"] == "Aflyst" or first is None or first > as_of:
            continue
        came[first.year] += native.whole(row["Deltagere"]) or 0
        expected[first.year] += native.whole(row["Forventede deltagere"]) or 0
    return [
        Row(
            *("K14", "all", "year", str(year), dt.date(year, 12, 31), "municipality", MUNICIPALITY),
            numerator=exact(count),
            denominator=exact(expected[year]),
            value=value_of(count, expected[year]),
            person_count=count,
        )
        for year, count in came.items()
    ]


def k15(inbox: Path) -> list[Row]:
    """Enquiries of the young at Headspace."""
    as_of = native.as_of(inbox)
    counts: dict[tuple[str, str, dt.date], int] = defaultdict(int)
    delivered: dict[int, set[int]] = defaultdict(set)
    for row in records(native.current(inbox, "anonymous_contacts")):
        first, end = native.days_of(row["Måned"])
        if row["Sted"] != "Headspace" or row["Aldersgruppe"] not in {"12-15", "16-18", "19-25"} or first > as_of:
            continue
        number = native.whole(row["Henvendelser"]) or 0
        counts["month", native.month(end), end] += number
        counts["year", str(end.year), dt.date(end.year, 12, 31)] += number
        delivered[end.year].add(end.month)
    return [
        Row(
            *("K15", "all", period_type, period, end, "municipality", MUNICIPALITY),
            numerator=exact(count),
            value=rounded(count),
            is_incomplete=period_type == "year" and len(delivered[end.year]) < _MONTHS_OF_A_YEAR,
            open_reason=("Succesmålet for henvendelser er ikke oplyst / The target for enquiries is not stated"),
        )
        for (period_type, period, end), count in counts.items()
    ]


MEASURES_A: Mapping[str, Callable[[Path], list[Row]]] = {
    "K01": k01,
    "K02": k02,
    "K03": k03,
    "K04": k04,
    "K05": k05,
    "K06": k06,
    "K07": k07,
    "K08": k08,
    "K09": k09,
    "K10": k10,
    "K11": k11,
    "K12": k12,
    "K13": k13,
    "K14": k14,
    "K15": k15,
}
