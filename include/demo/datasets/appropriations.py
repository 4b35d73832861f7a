"""The synthetic budget in Prisme: what was adopted, and what the council changed in the course of the year.

What an agreement sets aside for an initiative in a year is the adopted budget on the initiative's activity, to the øre;
the other accounts are those of the daily running. Changes come with the decision behind them: carry-overs in April,
supplementary appropriations at the follow-ups and at meetings between them. One of this year's was entered with the
wrong sign at first, one was decided and entered in the last week.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from include.demo.accounts import AccountPattern, account_patterns
from include.demo.amounts import danish, hundredths
from include.demo.deliveries import (
    ALWAYS,
    AS_OF,
    NEVER,
    NIGHTS,
    Calendar,
    Delivery,
    Ints,
    by_year,
    counts,
    current_rows,
    day,
    extract,
    quoted,
)
from include.demo.schools import Size
from include.demo.world import World

AFTER = ("budget_agreement",)
DATASET = "appropriations"
HEADER = [
    "Budgetpostnr",
    "Budgetår",
    "Bevillingstype",
    "Bevillingsramme",
    "Finanskontoalias",
    "Kontostreng",
    "Beslutningsdato",
    "Sagsnr",
    "Budgetopfølgning",
    "Tekst",
    "Beløb",
]
ADOPTED, SUPPLEMENT, CARRIED = "Oprindeligt budget", "Tillægsbevilling", "Overførsel"

_YEARS = (2024, 2025, 2026)
_ACCOUNTS: Mapping[Size, int] = {"small": 120, "city": 1_400}
_VARIANTS = 0.05
_KONTI = ("322011999", "322051999", "525141999", "528211002", "462891999", "645511002")
_ARTS = ("109", "299", "499", "729")
_FRAMES = ("30.30", "30.32", "30.33", "30.34", "40.39", "50.56")
_ADOPTED_ON = (10, 9)
_CARRIED_ON = (4, 28)
_BETWEEN = ((3, 24), (6, 15), (12, 15))
"""Meetings of the council at which something was decided between the follow-ups."""
_FOLLOW_UPS = {"BO1": (5, 26), "BO2": (8, 25), "BO3": (11, 24)}
"""The follow-ups' meetings; what they decide counts from the next follow-up on."""
_CUT_OFFS = {"BO1": (3, 31), "BO2": (6, 30), "BO3": (9, 30), "YE": (12, 31)}
"""The follow-ups' cut-off dates, as the seed `follow_up_calendar` has them for these years."""
_CLOSING = (2, 2)
"""The day of the next year on which a budget year comes a last time."""
_RIGHT_SIGN_ON = NIGHTS[3]
_DECIDED_LAST_WEEK, _ENTERED_LAST_WEEK = NIGHTS[0], NIGHTS[1]

_TEXTS = {
    ADOPTED: ("Vedtaget budget", "Budgetaftale; indsats", "Budget – lønsum"),
    SUPPLEMENT: ("Tillægsbevilling jf. BO’en", 'Finansieres af "råderum"', "Demografiregulering"),
    CARRIED: ("Overført mindreforbrug", "Overførsel – anlæg"),
}


@dataclass(frozen=True)
class _Account:
    """An account: its string and alias, its frame, and the activity by which an initiative claims it."""

    alias: str
    text: str
    frame: str
    activity: str


@dataclass(frozen=True)
class Entry:
    """One record of the budget; the amount in øre."""

    year: int
    kind: str
    account: _Account
    decided: dt.date
    amount: int
    case: str = ""
    follow_up: str = ""
    known_from: np.datetime64 = ALWAYS
    known_until: np.datetime64 = NEVER
    number: str = ""


class _Plan:
    """The account plan: makes accounts and gives each its alias."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._count = 0

    def account(self, konto: str, activity: str, art: str, *, frame: str, form: str = "main") -> _Account:
        """A new account, its string in the main form, or in one that Prisme has beside it."""
        self._count += 1
        cost_center = f"{self._rng.integers(1_001, 11_008):05d}"
        tail = frame.replace(".", "")
        text = {
            "main": f"{cost_center}-{konto}-{activity}-{art}---{tail}",
            "main without frame": f"{cost_center}-{konto}-{activity}-{art}---",
            "person": f"{cost_center}-{konto}-{activity}-{art}CPR---",
            "capital": f"99004-{konto}-{activity}-{art}-A301{int(activity) % 1000:03d}--{tail}",
            "variant": f"{cost_center}-{konto}-{activity}-{art}-P{self._rng.integers(1, 400):05d}--{tail}",
        }[form]
        # the alias begins with the function, as in Prisme; budget accounts have a series of their own
        return _Account(f"{konto[1:5]}{self._count + 700_000:06d}", text, frame, activity)


def _ordinary(rng: np.random.Generator, plan: _Plan, size: Size) -> list[tuple[_Account, int]]:
    """The accounts of the daily running, with what is adopted on each in a year, in whole thousands of kroner."""
    made = []
    for _ in range(_ACCOUNTS[size]):
        art = _ARTS[int(rng.choice(len(_ARTS), p=[0.35, 0.3, 0.25, 0.1]))]
        account = plan.account(
            _KONTI[int(rng.integers(len(_KONTI)))],
            f"0{rng.integers(10_001, 97_200):05d}",
            art,
            frame=_FRAMES[int(rng.integers(len(_FRAMES)))],
            form="variant" if rng.random() < _VARIANTS else "main" if rng.random() < 0.7 else "main without frame",  # noqa: PLR2004
        )
        thousands = max(5, round(float(rng.lognormal(6.3, 1.1))))
        made.append((account, thousands * 100_000 * (-1 if art == "729" else 1)))
    return made


def _of_pattern(plan: _Plan, pattern: AccountPattern) -> list[tuple[_Account, int]]:
    """An initiative's accounts on one activity, with the tenths of its budget that each has."""
    activity = pattern.activity_number
    if pattern.initiative_type == "anlæg":
        return [(plan.account("322013999", activity, "409", frame="30.34", form="capital"), 10)]
    if pattern.initiative_id == "3.04":
        return [(plan.account("528211002", activity, "529", frame="30.32", form="person"), 10)]
    shares = (("109", 6), ("299", 3), ("499", 1))
    return [(plan.account("322011999", activity, art, frame="30.30"), tenths) for art, tenths in shares]


def _set_aside(agreements: Mapping[str, Any]) -> dict[tuple[int, str, int], int]:
    """What each agreement sets aside by initiative and budget year, net of savings, in øre."""
    found: dict[tuple[int, str, int], int] = {}
    for year, agreement in agreements.items():
        for amount in agreement["amounts"]:
            key = (int(year), amount["initiative_id"], int(amount["budget_year"]))
            oere = int(Decimal(amount["amount_mdkk"]) * 100_000_000)
            found[key] = found.get(key, 0) + (oere if amount["amount_kind"] == "expenditure" else -oere)
    return found


def _on_initiatives(
    plan: _Plan, set_aside: Mapping[tuple[int, str, int], int]
) -> list[tuple[_Account, dict[int, int]]]:
    """The accounts of all initiatives with what is adopted on each by budget year; a few have none.

    An initiative with two activities has seven tenths on the first; initiatives that share one have all there.
    """
    activities: dict[str, list[AccountPattern]] = {}
    for pattern in account_patterns():
        activities.setdefault(pattern.activity_number, []).append(pattern)
    homes: dict[tuple[int, str], list[str]] = {}
    for pattern in account_patterns():
        homes.setdefault((pattern.agreement_year, pattern.initiative_id), []).append(pattern.activity_number)
    made = []
    for activity, patterns in activities.items():
        accounts = _of_pattern(plan, patterns[0])
        on_activity: dict[int, int] = {}
        for pattern in patterns:
            own = homes[pattern.agreement_year, pattern.initiative_id]
            tenths = 10 if len(own) == 1 else 7 if own[0] == activity else 3
            for year in _YEARS:
                oere = set_aside.get((pattern.agreement_year, pattern.initiative_id, year), 0)
                on_activity[year] = on_activity.get(year, 0) + oere * tenths // 10
        made += [
            (account, {year: oere * tenths // 10 for year, oere in on_activity.items() if oere})
            for account, tenths in accounts
        ]
    return made


def _case(rng: np.random.Generator, year: int) -> str:
    return f"00.30.{rng.integers(0, 15):02d}-S00-{rng.integers(1, 400)}-{year % 100:02d}"


def _adopted(
    rng: np.random.Generator,
    ordinary: Sequence[tuple[_Account, int]],
    initiatives: Sequence[tuple[_Account, dict[int, int]]],
) -> Iterator[Entry]:
    for year in _YEARS:
        decided, case = dt.date(year - 1, *_ADOPTED_ON), _case(rng, year - 1)
        growth = 1 + (year - _YEARS[0]) * 0.02
        amounts = [(account, round(oere * growth / 100_000) * 100_000) for account, oere in ordinary]
        amounts += [(account, by_year[year]) for account, by_year in initiatives if year in by_year]
        yield from (Entry(year, ADOPTED, account, decided, oere, case=case) for account, oere in amounts)


def _changes(
    rng: np.random.Generator, ordinary: Sequence[_Account], initiatives: Sequence[_Account]
) -> Iterator[Entry]:
    """The year's decisions: carry-overs to the øre, supplements in whole thousands, entered up to four days later."""
    for year in _YEARS:
        meetings = [(CARRIED, "", _CARRIED_ON)]
        meetings += [(SUPPLEMENT, "", date) for date in _BETWEEN]
        meetings += [(SUPPLEMENT, f"{code}-{year}", date) for code, date in _FOLLOW_UPS.items()]
        for kind, follow_up, month_and_day in sorted(meetings, key=lambda item: item[2]):
            decided, case = dt.date(year, *month_and_day), _case(rng, year)
            some = rng.choice(len(ordinary), max(3, len(ordinary) // 25), replace=False).tolist()
            few = rng.choice(len(initiatives), 6, replace=False).tolist()
            entered = day(decided + dt.timedelta(days=int(rng.integers(0, 5))))
            for account in [*(ordinary[place] for place in some), *(initiatives[place] for place in few)]:
                # half of the change of an account that two initiatives share is a whole number of øre
                size = int(rng.integers(20_000, 90_000_000)) // 2 * 2 if kind == CARRIED else 0
                size = size or int(rng.integers(5, 700)) * 100_000
                amount = size if rng.random() < 0.65 else -size  # noqa: PLR2004 - more is added than taken back
                if decided <= AS_OF:
                    yield Entry(year, kind, account, decided, amount, case, follow_up, known_from=entered)


def _simulate(world: World) -> list[Entry]:
    """All entries, numbered by year in the order in which they were entered, with what was corrected."""
    rng = world.rng
    plan = _Plan(rng)
    ordinary = _ordinary(rng, plan, world.size)
    initiatives = _on_initiatives(plan, _set_aside(world.truth["budget_agreement"]["agreements"]))
    accounts = [account for account, _ in initiatives]
    entries = [
        *_adopted(rng, ordinary, initiatives),
        *_changes(rng, [account for account, _ in ordinary], accounts),
        Entry(
            year=AS_OF.year,
            kind=SUPPLEMENT,
            account=next(account for account in accounts if account.activity.startswith(f"9{AS_OF.year % 100}")),
            decided=_DECIDED_LAST_WEEK,
            amount=40_000_000,
            case=_case(rng, AS_OF.year),
            known_from=day(_ENTERED_LAST_WEEK),
        ),
    ]
    running = dict.fromkeys(_YEARS, 0)
    numbered = []
    for entry in sorted(entries, key=lambda one: one.known_from.astype(int).item()):
        running[entry.year] += 1
        numbered.append(replace(entry, number=f"B{entry.year % 100:02d}-{running[entry.year]:05d}"))
    return list(_with_wrong_sign(numbered))


def _with_wrong_sign(entries: Sequence[Entry]) -> Iterator[Entry]:
    """The first change of this year's first follow-up stood there with the wrong sign."""
    wrong = next(entry for entry in entries if entry.follow_up == f"BO1-{AS_OF.year}")
    for entry in entries:
        if entry is wrong:
            yield replace(entry, amount=-entry.amount, known_until=day(_RIGHT_SIGN_ON))
            yield replace(entry, known_from=day(_RIGHT_SIGN_ON))
        else:
            yield entry


def _deliver(calendar: Calendar, entries: Sequence[Entry]) -> list[Delivery]:
    """Every night the running year; at the backfill all years, and each year once more when it is closed."""
    plan = {(year, calendar.backfill) for year in _YEARS if year <= calendar.backfill.year}
    nights = calendar.nights_of(DATASET)
    plan |= {(night.year, night) for night in nights}
    for year in _YEARS:
        closing = dt.date(year + 1, *_CLOSING)
        if closing > calendar.backfill and (later := [night for night in nights if night >= closing]):
            plan.add((year, later[0]))
    known = {
        "days": np.array([f"{entry.year}-01-01" for entry in entries], dtype="datetime64[D]"),
        "known_from": np.array([entry.known_from for entry in entries]),
        "known_until": np.array([entry.known_until for entry in entries]),
    }
    return [
        extract(DATASET, by_year(year), as_of, **known)
        for year, as_of in sorted(plan, key=lambda item: (item[1], item[0]))
    ]


def _write(world: World, entries: Sequence[Entry], delivery: Delivery) -> None:
    """Write an extract: Windows-1252, CRLF, decimal comma, the minus after the number, and a last line with the sum."""
    own = [entries[row] for row in delivery.rows.tolist()]
    lines = [
        [
            entry.number,
            str(entry.year),
            entry.kind,
            entry.account.frame,
            entry.account.alias,
            entry.account.text,
            f"{entry.decided:%d-%m-%Y}",
            entry.case,
            entry.follow_up,
            quoted(_TEXTS[entry.kind][int(entry.number[-2:]) % len(_TEXTS[entry.kind])]),
            danish(entry.amount, minus_after=True),
        ]
        for entry in own
    ]
    total = danish(sum(entry.amount for entry in own), minus_after=True)
    world.write(
        delivery,
        HEADER,
        list(zip(*lines, strict=True)),
        encoding="cp1252",
        newline="\r\n",
        last=f"Total{';' * (len(HEADER) - 1)}{total}",
    )


def generate(world: World) -> dict[str, Any]:
    """Write the extracts of every night."""
    entries = _simulate(world)
    deliveries = _deliver(world.calendar, entries)
    for delivery in deliveries:
        _write(world, entries, delivery)
    return {"deliveries": counts(deliveries), "figures": _figures(entries, current_rows(deliveries))}


def _figures(entries: Sequence[Entry], rows: Ints) -> dict[str, list[dict[str, Any]]]:
    """Sums by year and kind and by frame, each initiative's budget at each follow-up, and what no initiative claims."""
    stand = [entries[row] for row in rows.tolist()]
    by_kind: dict[tuple[int, str], list[int]] = {}
    by_frame: dict[tuple[int, str], int] = {}
    by_activity: dict[tuple[int, str], list[Entry]] = {}
    for entry in stand:
        by_kind.setdefault((entry.year, entry.kind), []).append(entry.amount)
        by_frame[entry.year, entry.account.frame] = by_frame.get((entry.year, entry.account.frame), 0) + entry.amount
        by_activity.setdefault((entry.year, entry.account.activity), []).append(entry)
    initiatives: dict[tuple[int, str, int, str], list[Decimal]] = {}
    claimed: set[tuple[int, str]] = set()
    for pattern in account_patterns():
        for year in _YEARS:
            own = by_activity.get((year, pattern.activity_number), [])
            if not own or not pattern.valid_from <= dt.date(year, 1, 1) <= pattern.valid_to:
                continue
            claimed.add((year, pattern.activity_number))
            for code, cut_off in _CUT_OFFS.items():
                key = (pattern.agreement_year, pattern.initiative_id, year, f"{code}-{year}")
                adopted = sum(entry.amount for entry in own if entry.kind == ADOPTED)
                corrected = sum(entry.amount for entry in own if entry.decided <= dt.date(year, *cut_off))
                sums = initiatives.setdefault(key, [Decimal(0), Decimal(0)])
                sums[0] += adopted * pattern.share
                sums[1] += corrected * pattern.share
    unclaimed = {
        year: sum(
            entry.amount for entry in stand if entry.year == year and (year, entry.account.activity) not in claimed
        )
        for year in _YEARS
    }
    follow_ups: dict[str, list[int]] = {}
    for entry in stand:
        if entry.follow_up:
            follow_ups.setdefault(entry.follow_up, []).append(entry.amount)
    return {
        "by_year_kind": [
            {"budget_year": year, "appropriation_kind": kind, "entries": len(own), "amount_dkk": hundredths(sum(own))}
            for (year, kind), own in by_kind.items()
        ],
        "by_frame": [
            {"budget_year": year, "appropriation_frame": frame, "amount_dkk": hundredths(oere)}
            for (year, frame), oere in by_frame.items()
        ],
        "initiative_budget": [
            {
                "agreement_year": agreement_year,
                "initiative_id": initiative,
                "budget_year": year,
                "follow_up_code": code,
                "adopted_dkk": hundredths(adopted),
                "corrected_dkk": hundredths(corrected),
            }
            for (agreement_year, initiative, year, code), (adopted, corrected) in initiatives.items()
        ],
        "unclaimed": [{"budget_year": year, "amount_dkk": hundredths(oere)} for year, oere in unclaimed.items()],
        "by_follow_up": [
            {"follow_up_code": code, "entries": len(own), "amount_dkk": hundredths(sum(own))}
            for code, own in follow_ups.items()
        ],
    }
