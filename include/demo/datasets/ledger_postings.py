"""The synthetic ledger: postings on account strings in all the forms that Prisme writes, initiatives among them.

An account string has the main form `cost centre(5)-account(9)-activity(6)-art(3)[CPR|TS]-[project]-[6]-[4]`; about
one account in twenty has one of the other forms that occur in Ballerup's ledger. Which activity belongs to which
initiative stands in `include/demo/accounts.py`. Nothing booked is ever changed (bogføringsloven): a mistake is
reversed by a posting with the amount's sign turned.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.demo.accounts import AccountPattern, account_patterns
from include.demo.amounts import danish, hundredths
from include.demo.days import on_a_weekday
from include.demo.deliveries import (
    ALWAYS,
    AS_OF,
    BACKFILL,
    NEVER,
    NIGHTS,
    Calendar,
    Days,
    Delivery,
    Ints,
    by_month,
    by_year,
    counts,
    current_rows,
    danish_dates,
    day,
    extract,
    quoted,
    write_lines,
)
from include.demo.people import dashed, full_names
from include.demo.schools import Size
from include.demo.town import Town
from include.demo.world import World

HEADER = [
    "Bogføringsdato",
    "Bilagsnr",
    "Linjenr",
    "Finanskontoalias",
    "Kontostreng",
    "Tekst",
    "Beløb",
    "CPR-nr",
    "Leverandør",
]
ENCODING = "cp1252"
AFTER = ("budget_agreement",)

_TWICE_ON = NIGHTS[3]

_YEARS: Mapping[Size, tuple[int, ...]] = {"small": (2025, 2026), "city": (2024, 2025, 2026)}
_POSTINGS_A_YEAR: Mapping[Size, int] = {"small": 2_600, "city": 114_000}
_ACCOUNTS: Mapping[Size, int] = {"small": 220, "city": 1_800}
_INITIATIVE_POSTINGS_A_MONTH: Mapping[Size, int] = {"small": 1, "city": 9}
_VARIANTS = 0.05
_REVERSED = 0.003

_KONTI = {
    "322011999": 20,
    "322021999": 4,
    "322041999": 4,
    "322051999": 10,
    "322081999": 6,
    "322081200": 2,
    "525101999": 5,
    "525141200": 9,
    "525141999": 9,
    "525161999": 6,
    "528201001": 3,
    "528211002": 7,
    "528221001": 4,
    "528231002": 3,
    "462851001": 3,
    "462891999": 3,
    "645511002": 8,
    "538521002": 4,
}
"""Hovedkonto, hovedfunktion, funktion, dranst and gruppering, with how often an account has them."""

_ON_A_PERSON = ("528201001", "528211002", "528221001", "528231002")
_ARTS = {"109": 22, "106": 5, "229": 8, "299": 30, "409": 14, "499": 20, "729": 4, "919": 3, "949": 6}
_TAILS = ("", "", "3030", "3032", "3033", "3050", "4039", "5054", "5056", "6062")

_WAGES = ("Løn {month}", "Pension {month}", "Feriepenge – {month}")
_PURCHASES = (
    "Køb af bøger og læremidler",
    "Rengøring; hovedrengøring",
    "Kørsel ’taxa’ til svømning",
    'Faktura "rykker 2"',
    "Måltider – børnehus",
    "Vikar, uge {week}",
    "IT-udstyr … delleverance",
    "Vedligeholdelse, tårn og hegn",
)
_INCOMES = ("Forældrebetaling {month}", "Refusion – mellemkommunal", "Leje af hal")
_FOR_PERSONS = (
    "Aflastning, {name}",
    "Kontaktperson – {month}",
    "Fast støtte vedr. {dashed}",
    "Døgnophold {month}",
)
_SUPPLIERS = (
    "Nordhavens Rengøring A/S",
    "Bøgelund Bogbinderi ApS",
    "Egebjerg Taxa & Bus",
    "Måltidshuset Østerhøj",
    "Vikargården I/S",
    "Lautrup IT – Drift A/S",
    "Tømrerlauget ved Søen",
    "Fællesbageriet ’Kringlen’",
    "",
    "",
)
_MONTHS = (
    "januar",
    "februar",
    "marts",
    "april",
    "maj",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "december",
)

WAGE, PURCHASE, INCOME, PERSON = range(4)
_TEXTS = {WAGE: _WAGES, PURCHASE: _PURCHASES, INCOME: _INCOMES, PERSON: _FOR_PERSONS}


@dataclass
class _Accounts:
    """The account plan: alias and string of each account, what is booked on it, and for which activity it counts."""

    alias: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    activity: list[str] = field(default_factory=list)

    def add(self, konto: str, text: str, kind: int, activity: str) -> int:
        """Add an account; the alias has ten digits and begins with the function, as in Prisme."""
        self.alias.append(f"{konto[1:5]}{len(self.alias) + 100_001:06d}")
        self.text.append(text)
        self.kind.append(kind)
        self.activity.append(activity)
        return len(self.alias) - 1


@dataclass(frozen=True)
class Postings:
    """One record a posting line; amounts in øre."""

    date: Days
    voucher: list[str]
    line: Ints
    account: Ints
    amount: Ints
    child: Ints
    """The child that the posting is about, -1 for none."""
    reversal_of: Ints
    """The record that this one reverses, -1 for none."""
    known_from: Days
    known_until: Days
    seed: Ints
    """A number from which text and supplier follow."""
    accounts: _Accounts
    suppliers: list[str]


def _account_string(rng: np.random.Generator, konto: str, activity: str, art: str, mark: str) -> str:
    """An account string in the main form."""
    cost_center = f"{rng.integers(1_001, 11_008):05d}"
    tail = _TAILS[rng.integers(len(_TAILS))]
    # six digits and four at the end look like a CPR number and are none
    six = f"{91_001 + rng.integers(0, 180):06d}" if tail == "5054" else ""
    return f"{cost_center}-{konto}-{activity}-{art}{mark}--{six}-{tail}"


def _variant(rng: np.random.Generator, konto: str, activity: str, art: str, mark: str) -> str:
    """An account string in one of the other forms that Prisme has; the activity of an initiative is kept."""
    cost_center = f"{rng.integers(1_001, 11_008):05d}"
    number = f"{rng.integers(1, 400):05d}"
    forms = [
        f"{cost_center}-{konto}-{activity}--A30{number[1:]}--",
        f"{cost_center}-{konto}-{activity}-{art}-P{number}--3034",
        f"{cost_center}-{konto}-{activity}-{art}-PR{number[1:]}--",
        f"{cost_center}-{konto}-{activity}-{art}-A30{number[1:]}E--3032",
    ]
    if activity.startswith("0"):
        short = f"0{activity[2:]}"
        forms += [
            f"0{cost_center}-{konto}-{short}-{art}--",
            f"{cost_center}-{konto}-{short}-{art}---",
            f"{cost_center}-{konto}-{short}-{art}---3032",
        ]
        if mark:
            return f"{cost_center}-{konto}-{short}-{art}{mark}---"
    return forms[rng.integers(len(forms))]


def _ordinary_accounts(rng: np.random.Generator, accounts: _Accounts, count: int) -> NDArray[np.float64]:
    """Accounts of the daily running of schools, day care and family services; returns how often each is booked on."""
    konti = rng.choice(list(_KONTI), count, p=np.array(list(_KONTI.values())) / sum(_KONTI.values())).tolist()
    arts = rng.choice(list(_ARTS), count, p=np.array(list(_ARTS.values())) / sum(_ARTS.values())).tolist()
    for konto, drawn in zip(konti, arts, strict=True):
        art, mark = drawn, ""
        if konto in _ON_A_PERSON and drawn not in ("109", "106"):
            art, mark = "529", "CPR"
        elif konto == "322021999" and drawn == "499":
            mark = "TS"
        kind = PERSON if mark == "CPR" else {"1": WAGE, "7": INCOME}.get(art[0], PURCHASE)
        activity = f"0{rng.integers(10_001, 97_200):05d}"
        is_variant = rng.random() < _VARIANTS
        form = _variant if is_variant else _account_string
        text = form(rng, konto, activity, art, mark)
        accounts.add(konto, text, kind, activity)
    weight = rng.gamma(0.7, 1.0, count) + 0.02
    shares: NDArray[np.float64] = weight / weight.sum()
    return shares


def _initiative_accounts(rng: np.random.Generator, accounts: _Accounts, pattern: AccountPattern) -> list[int]:
    """The accounts on which an initiative's money is booked."""
    activity = pattern.activity_number
    if pattern.initiative_type == "anlæg":
        project = f"A301{int(activity) % 1000:03d}"
        main = accounts.add("322013999", f"99004-322013999-{activity}-409-{project}--3034", PURCHASE, activity)
        odd = accounts.add("322013999", f"99004-322013999-{activity}--{project}--", PURCHASE, activity)
        return [main, main, odd]
    if pattern.initiative_id == "3.04":
        text = f"01005-528211002-{activity}-529CPR---"
        return [accounts.add("528211002", text, PERSON, activity)]
    places = []
    for art, kind in (("109", WAGE), ("299", PURCHASE), ("499", PURCHASE)):
        text = _account_string(rng, "322011999", activity, art, "")
        if art == "499" and rng.random() < _VARIANTS * 3:
            text = _variant(rng, "322011999", activity, art, "")
        places.append(accounts.add("322011999", text, kind, activity))
    return places


def _working_days(first: dt.date, last: dt.date) -> Days:
    days: Days = np.arange(day(first), day(last) + 1)
    return days[np.is_busday(days)]


def _ordinary(
    rng: np.random.Generator, accounts: _Accounts, years: tuple[int, ...], size: Size
) -> dict[str, NDArray[Any]]:
    weights = _ordinary_accounts(rng, accounts, _ACCOUNTS[size])
    dates = []
    for year in years:
        last = min(dt.date(year, 12, 31), AS_OF)
        share = ((last - dt.date(year, 1, 1)).days + 1) / 365
        days = _working_days(dt.date(year, 1, 1), last)
        dates.append(np.sort(days[rng.integers(len(days), size=round(_POSTINGS_A_YEAR[size] * share))]))
    date = np.concatenate(dates)
    account = rng.choice(len(weights), len(date), p=weights)
    kind = np.array(accounts.kind)[account]
    kroner = np.select(
        [kind == WAGE, kind == INCOME, kind == PERSON],
        [
            rng.lognormal(10.0, 0.5, len(date)),
            -rng.lognormal(8.0, 1.0, len(date)),
            rng.lognormal(9.0, 0.8, len(date)),
        ],
        rng.lognormal(7.2, 1.4, len(date)),
    )
    return {"date": date, "account": account, "amount": np.rint(kroner * 100).astype(np.int64)}


def _on_initiatives(
    rng: np.random.Generator,
    accounts: _Accounts,
    years: tuple[int, ...],
    size: Size,
    adopted: Mapping[tuple[int, str], float],
) -> dict[str, NDArray[Any]]:
    """What the initiatives have spent: some postings each month, the months alike but for chance.

    About what was set aside, some more and some less; what an agreement sets no money aside for is paid all the same.
    """
    months = np.arange(np.datetime64(f"{years[0]}-01", "M"), np.datetime64(AS_OF, "M") + 1)
    per_month = _INITIATIVE_POSTINGS_A_MONTH[size]
    parts: list[dict[str, NDArray[Any]]] = []
    shared: set[str] = set()
    for pattern in account_patterns():
        if pattern.activity_number in shared:
            continue
        shared.add(pattern.activity_number)
        places = np.array(_initiative_accounts(rng, accounts, pattern))
        a_year = rng.uniform(1.5, 9.0) if pattern.initiative_type == "anlæg" else rng.uniform(0.3, 2.4)
        sharing = [one for one in account_patterns() if one.activity_number == pattern.activity_number]
        given = [gift for one in sharing if (gift := adopted.get((one.agreement_year, one.initiative_id)))]
        if given:
            # who shares an account equally spends no more on it than the smallest of them was given
            a_year = min(given) / float(pattern.share) * rng.uniform(0.7, 1.15)
        own = np.repeat(months[months >= np.datetime64(pattern.valid_from, "M")], per_month)
        date = np.minimum(own.astype("datetime64[D]") + rng.integers(0, 28, len(own)), day(AS_OF))
        kroner = a_year * 1e6 / 12 / per_month * rng.lognormal(0, 0.4, len(own))
        amount = np.rint(kroner * 100).astype(np.int64)
        if pattern.share != 1:
            amount -= amount % 2  # so that half of it is a whole number of øre
        account = places[rng.integers(len(places), size=len(own))]
        parts.append({"date": np.busday_offset(date, 0, roll="backward"), "account": account, "amount": amount})
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    inside = columns["date"] >= np.datetime64(f"{years[0]}-01-01", "D")
    return {name: values[inside] for name, values in columns.items()}


def _reversals(rng: np.random.Generator, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Postings booked by mistake and taken back within two weeks; one of them on the third night."""
    count = len(columns["date"])
    wrong = np.flatnonzero((rng.random(count) < _REVERSED) & (columns["date"] < day(BACKFILL) - 20))
    back = np.busday_offset(columns["date"][wrong], rng.integers(1, 10, len(wrong)), roll="forward")
    in_june = np.flatnonzero(columns["date"] == day(dt.date(2026, 6, 9)))[:1]
    wrong = np.concatenate([wrong, in_june])
    return {
        "date": np.concatenate([back, np.full(len(in_june), day(NIGHTS[2]))]),
        "account": columns["account"][wrong],
        "amount": -columns["amount"][wrong],
        "reversal_of": wrong,
    }


def generate(world: World) -> dict[str, Any]:
    """Write the extracts of all nights; one of them comes twice, the second time under another name."""
    postings = simulate(world.rng, world.town, _adopted(world.truth["budget_agreement"]))
    deliveries = deliver(world.town, postings, world.calendar)
    for delivery in deliveries:
        write(world.town, postings, delivery, world.inbox)
        world.came(delivery.path, delivery.as_of)
    found = truth(postings, deliveries)
    _deliver_twice(world, found)
    return found


def _deliver_twice(world: World, truth: dict[str, Any]) -> None:
    """One night's file comes again with the same bytes, named after the days instead of the month."""
    label, first, last = by_month(AS_OF.year, AS_OF.month)
    path = f"ledger_postings/ledger_postings_{label}_{_TWICE_ON:%Y%m%d}.csv"
    again = f"ledger_postings/ledger_postings_{first:%Y%m%d}-{last:%Y%m%d}_{_TWICE_ON:%Y%m%d}.csv"
    shutil.copyfile(world.inbox / path, world.inbox / again)
    world.came(again, _TWICE_ON)
    truth["delivered_twice"] = {again: path}


def _adopted(agreements: dict[str, Any]) -> dict[tuple[int, str], float]:
    """What each agreement sets aside for an initiative in its own year, in million kroner."""
    return {
        (int(year), amount["initiative_id"]): float(amount["amount_mdkk"])
        for year, agreement in agreements["agreements"].items()
        for amount in agreement["amounts"]
        if amount["budget_year"] == int(year) and amount["amount_kind"] == "expenditure"
    }


def simulate(rng: np.random.Generator, town: Town, adopted: Mapping[tuple[int, str], float]) -> Postings:
    """All postings to the last night, in the order of their dates and vouchers.

    `adopted`: what an agreement of a year sets aside for an initiative in that year, in million kroner.
    """
    accounts = _Accounts()
    years = _YEARS[town.size]
    parts = [_ordinary(rng, accounts, years, town.size), _on_initiatives(rng, accounts, years, town.size, adopted)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    booked = len(columns["date"])
    back = _reversals(rng, columns)
    reversal_of = np.concatenate([np.full(booked, -1), back.pop("reversal_of")])
    columns = {name: np.concatenate([values, back[name]]) for name, values in columns.items()}
    count = len(columns["date"])
    person = np.array(accounts.kind)[columns["account"]] == PERSON
    # a name that Windows-1252 lacks can't stand in the ledger
    writable = np.array([child for child, name in enumerate(town.names) if _is_writable(name)])
    child = np.where(person, writable[rng.integers(len(writable), size=count)], -1)
    text_seed = rng.integers(0, 1 << 20, count)
    again = reversal_of >= 0
    child[again] = child[reversal_of[again]]
    order = np.argsort(columns["date"], kind="stable")
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    date = columns["date"][order]
    voucher, line = _vouchers(rng, date)
    # in the running month some postings are dated back by a few days
    late = rng.choice([0, 1, 2, 3, 4], count, p=[0.96, 0.015, 0.01, 0.01, 0.005])
    known_from = np.where((date >= np.datetime64("2026-06-01", "D")), on_a_weekday(date + late), ALWAYS)
    return Postings(
        date=date,
        voucher=voucher,
        line=line,
        account=columns["account"][order],
        amount=columns["amount"][order],
        child=child[order],
        reversal_of=np.where(reversal_of[order] >= 0, place[reversal_of[order]], -1),
        known_from=np.where(known_from <= day(BACKFILL), ALWAYS, known_from),
        known_until=np.full(count, NEVER),
        seed=text_seed[order],
        accounts=accounts,
        suppliers=[name for name in full_names(rng, rng.random(400) < 0.5) if _is_writable(name)],  # noqa: PLR2004
    )


def _is_writable(name: str) -> bool:
    try:
        name.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def _vouchers(rng: np.random.Generator, date: Days) -> tuple[list[str], Ints]:
    """Vouchers of one to six lines: numbers of nine digits (year and a running number), and line numbers."""
    years = date.astype("datetime64[Y]").astype(int) + 1970
    starts = rng.random(len(date)) < 0.4  # noqa: PLR2004
    starts[0] = True
    starts[1:] |= date[1:] != date[:-1]
    first = np.flatnonzero(starts)
    number = np.cumsum(starts)
    line: Ints = np.arange(len(date)) - np.repeat(first, np.diff(np.r_[first, len(date)])) + 1
    first_of_year = {year: int(number[years == year][0]) for year in np.unique(years).tolist()}
    base = np.array([first_of_year[year] for year in range(years.min(), years.max() + 1)])
    running = number - base[years - years.min()] + 1
    return [f"{value:09d}" for value in (years % 100 * 10_000_000 + running).tolist()], line


def deliver(town: Town, postings: Postings, calendar: Calendar) -> list[Delivery]:
    """A file a calendar year, and each night the month to date, with the first night of a month the month before."""
    plan = [(by_year(year), calendar.backfill) for year in _YEARS[town.size] if year <= calendar.backfill.year]
    before = calendar.backfill
    for night in calendar.nights_of("ledger_postings"):
        if night.month != before.month:
            plan.append((by_month(before.year, before.month), night))
        plan.append((by_month(night.year, night.month), night))
        before = night
    known = {"days": postings.date, "known_from": postings.known_from, "known_until": postings.known_until}
    return [extract("ledger_postings", period, as_of, **known) for period, as_of in plan]


def write(town: Town, postings: Postings, delivery: Delivery, inbox: Path) -> None:
    """Write a file: Windows-1252, CRLF, decimal comma, and a last line with the sum."""
    rows = delivery.rows
    minus_after = delivery.first.month != delivery.last.month
    places = postings.account[rows].tolist()
    accounts = postings.accounts
    amounts = postings.amount[rows].tolist()
    children = postings.child[rows].tolist()
    texts, suppliers = _texts(town, postings, rows)
    write_lines(
        inbox / delivery.path,
        HEADER,
        [
            danish_dates(postings.date[rows]),
            [postings.voucher[row] for row in rows.tolist()],
            map(str, postings.line[rows].tolist()),
            [accounts.alias[place] for place in places],
            [accounts.text[place] for place in places],
            texts,
            [danish(amount, minus_after=minus_after) for amount in amounts],
            [dashed(town.cpr[child]) if child >= 0 else "" for child in children],
            suppliers,
        ],
        encoding=ENCODING,
        newline="\r\n",
        last=f"Total;;;;;;{danish(sum(amounts), minus_after=minus_after)};;",
    )


def _texts(town: Town, postings: Postings, rows: Ints) -> tuple[list[str], list[str]]:
    """Posting text and supplier of each row, as fields."""
    kinds = np.array(postings.accounts.kind)[postings.account[rows]].tolist()
    months = (postings.date[rows].astype("datetime64[M]").astype(int) % 12).tolist()
    forms = {kind: [quoted(text) for text in texts] for kind, texts in _TEXTS.items()}
    texts, suppliers = [], []
    for kind, month, seed, child, back in zip(
        kinds,
        months,
        postings.seed[rows].tolist(),
        postings.child[rows].tolist(),
        postings.reversal_of[rows].tolist(),
        strict=True,
    ):
        if back >= 0:
            text = f"Tilbageført bilag {postings.voucher[back]} – fejlpostering"
        else:
            text = forms[kind][seed % len(forms[kind])]
            if "{" in text:
                text = text.format(
                    month=_MONTHS[month],
                    week=month * 4 + 1 + seed % 4,
                    name=town.names[child],
                    dashed=dashed(town.cpr[child]),
                )
        texts.append(text)
        if kind == PERSON:
            suppliers.append(postings.suppliers[seed % len(postings.suppliers)])
        else:
            suppliers.append(_SUPPLIERS[seed // 8 % len(_SUPPLIERS)] if kind == PURCHASE else "")
    return texts, suppliers


def _is_by_person(account: str) -> bool:
    """Whether postings on this account string are kept by person: its art bears the mark CPR or TS."""
    return any(part.endswith(("CPR", "TS")) for part in account.split("-"))


def truth(postings: Postings, deliveries: list[Delivery]) -> dict[str, Any]:
    """Sums in kroner by initiative and month, what no initiative claims, and totals, to the øre.

    `by_person` names the initiatives and years with money on accounts that are kept by person.
    """
    rows = current_rows(deliveries)
    activity = np.array(postings.accounts.activity)[postings.account[rows]]
    date, amount = postings.date[rows], postings.amount[rows]
    month = date.astype("datetime64[M]")
    is_claimed = np.zeros(len(rows), dtype=bool)
    is_by_person = np.array([_is_by_person(text) for text in postings.accounts.text])[postings.account[rows]]
    by_person: set[tuple[int, str, int]] = set()
    sums: dict[tuple[int, str, str], Decimal] = {}
    for pattern in account_patterns():
        valid = (date >= day(pattern.valid_from)) & (date <= day(pattern.valid_to))
        mine = (activity == pattern.activity_number) & valid
        is_claimed |= mine
        for value in np.unique(month[mine]):
            key = (pattern.agreement_year, pattern.initiative_id, str(value))
            oere = Decimal(int(amount[mine & (month == value)].sum())) * pattern.share
            sums[key] = sums.get(key, Decimal(0)) + oere
        for year in np.unique(date[mine & is_by_person].astype("datetime64[Y]")):
            by_person.add((pattern.agreement_year, pattern.initiative_id, int(str(year))))
    years = date.astype("datetime64[Y]")
    nights = {}
    for night in sorted({delivery.as_of for delivery in deliveries}):
        known = current_rows([delivery for delivery in deliveries if delivery.as_of <= night])
        nights[night.isoformat()] = {
            "postings": len(known),
            "amount_dkk": hundredths(int(postings.amount[known].sum())),
        }
    return {
        "deliveries": counts(deliveries),
        "after_night": nights,
        "by_initiative_month": [
            {
                "agreement_year": year,
                "initiative_id": initiative,
                "year": int(value[:4]),
                "month": int(value[5:]),
                "amount_dkk": hundredths(total),
            }
            for (year, initiative, value), total in sorted(sums.items())
        ],
        "by_person": [
            {"agreement_year": year, "initiative_id": initiative, "year": booked}
            for year, initiative, booked in sorted(by_person)
        ],
        "unclaimed_by_month": {
            str(value): hundredths(int(amount[~is_claimed & (month == value)].sum())) for value in np.unique(month)
        },
        "by_year": {str(value): hundredths(int(amount[years == value].sum())) for value in np.unique(years)},
        "unclaimed": hundredths(int(amount[~is_claimed].sum())),
        "total": hundredths(int(amount.sum())),
    }
