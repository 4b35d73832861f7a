"""OS2bos' export of the payments on the synthetic cases, in a version that grows columns from night to night.

What was before the nights comes as version 1, the first two nights as 2, and all later ones as 3.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from include.demo.amounts import hundredths
from include.demo.cases import (
    EFFORTS,
    MEASURES,
    MUNICIPALITIES,
    PRICED_BY_UNIT,
    STEPS,
    TEAMS,
    Cases,
    kroner,
    simulate,
    write_whole,
)
from include.demo.deliveries import Delivery, Ints, day, iso_dates, quoted, told_once
from include.demo.world import World

HEADER = (
    "id,amount,paid_amount,date,paid_date,account_string,account_alias,payment_schedule__payment_id,"
    "payment_schedule__payment_amount,payment_schedule__payment_frequency,recipient_type,recipient_id,recipient_name,"
    "payment_method,payment_cost_type,price_per_unit,units,fictive,activity__details__activity_id,"
    "activity__details__name,activity_start_date,activity_end_date,activity_status,activity_type,section,section_text,"
    "sbsys_id,main_activity_id,main_activity_name,cpr_number,name,target_group,case_worker,team,leader,efforts,"
    "effort_step,scaling_step,paying_municipality,acting_municipality,residence_municipality,mother_cpr,father_cpr"
)
GROWN = {
    1: ",activity_category__category_id,activity_category__name",
    2: ",note",
    3: ",approval_level,approval_user,appropriation_date",
}
"""The columns that came with each later version."""

_NIGHTS_OF_VERSION_2 = 2
_SUPPLEMENT = ("015168", "Støtte til fritidstilbud")
_COMPANIES = ("Egebo Opholdssted ApS", "Familiehuset Åen I/S", 'Botilbuddet "Ørnen"', "Kurs, Støtte & Råd A/S")
_LEVELS = ("egenkompetence", "teammøde", "fagspecialist", "teamleder", "afsnitsleder")
_NOTES = ('{name} skal "flytte"', "Ringet til mor,\naftalt ny betaling", "Se cpr {cpr}")
_WITH_NOTE = 17


def generate(world: World) -> dict[str, Any]:
    """Write the exports of all nights."""
    cases = simulate(world)
    came = world.calendar.dates_of("granted_payments")
    files = [_write(world, cases, night, _version(world, night)) for night in came]
    return told_once(world.inbox, files) | {"figures": _figures(cases, came[-1])}


def _version(world: World, night: dt.date) -> int:
    if night == world.calendar.backfill:
        return 1
    return 2 if night in world.calendar.nights[:_NIGHTS_OF_VERSION_2] else 3


def _account(cases: Cases, activity: int) -> tuple[str, str, str]:
    """Account string, alias, and the form of the string: of payments in cash the department and the kind are stated."""
    measure = MEASURES[cases.activities.measure[activity]]
    if activity % 97 == 5:  # noqa: PLR2004
        return "12345-UKENDT-123", "", "unknown"
    alias = f"BOS{int(cases.activities.measure[activity]) + 1:07d}"
    if activity % 10 == 3:  # noqa: PLR2004
        return f"01005-{measure.account}-{measure.activity}-529CPR---", alias, "main"
    inside = f"{measure.account}-{measure.activity}"
    return (f"12345-{inside}-529" if _method(cases, activity) == "CASH" else f"XXX-{inside}-XXX"), alias, "short"


def _method(cases: Cases, activity: int) -> str:
    recipient = MEASURES[cases.activities.measure[activity]].recipient
    return {"INTERNAL": "INTERNAL", "COMPANY": "INVOICE"}.get(recipient, "SD" if activity % 3 == 0 else "CASH")


def _by_activity(cases: Cases, night: dt.date) -> tuple[list[str], list[str], list[str]]:
    """What is the same in all payments of an activity: the fields before step and scale, after, and of version 3."""
    activities, people = cases.activities, cases.people
    cpr, team, group = cases.cpr_on(night), cases.team_on(night), cases.target_group()
    ends = iso_dates(np.where(activities.end_told <= day(night), activities.last, np.datetime64("NaT", "D")))
    starts, granted = iso_dates(activities.first), iso_dates(activities.granted)
    amounts, prices, units = kroner(activities.amount), kroner(activities.price), kroner(activities.units)
    before, after, approved = [], [], []
    for place, (case, kind, main) in enumerate(
        zip(activities.case.tolist(), activities.measure.tolist(), activities.main.tolist(), strict=True)
    ):
        measure, child = MEASURES[kind], int(cases.child[case])
        is_main, is_unit = main == place, activities.units[place] > 0
        recipient = {
            "PERSON": (people.mother_cpr[child], people.mother_names[child]),
            "COMPANY": (f"{10_000_000 + place * 7_919:08d}", _COMPANIES[place % len(_COMPANIES)]),
            "INTERNAL": ("", "Ballerup Kommune"),
        }[measure.recipient]
        number, name = (measure.activity, measure.name) if is_main else _SUPPLEMENT
        account, alias, _ = _account(cases, place)
        fields = [
            *("", account, alias, str(place + 301), "" if is_unit else amounts[place], measure.frequency),
            *(measure.recipient, *recipient, _method(cases, place), "PER_UNIT" if is_unit else "FIXED"),
            *(prices[place] if is_unit else "", units[place] if is_unit else "", str(place % 41 == 7)),  # noqa: PLR2004
            *(number, name, starts[place], ends[place], "GRANTED", "MAIN_ACTIVITY" if is_main else "SUPPL_ACTIVITY"),
            *(activities.section[place], measure.text, activities.appropriation[place], measure.activity, measure.name),
            *(cpr[case], people.names[child], group[case], cases.workers[(cases.team[case] % len(TEAMS)) * 6]),
            *(team[case], cases.workers[(cases.team[case] % len(TEAMS)) * 6] if team[case] else ""),
            *(EFFORTS[cases.efforts[case]], ""),
        ]
        before.append(",".join(quoted(text, ",") for text in fields))
        fields = [
            *("", "Ballerup", "Ballerup", MUNICIPALITIES[cases.residence[case]], people.mother_cpr[child]),
            *(people.father_cpr[child], measure.category, measure.category_name),
        ]
        after.append(",".join(quoted(text, ",") for text in fields))
        approved.append(f",{_LEVELS[place % len(_LEVELS)]},u{place % 57:04d},{granted[place]}")
    return before, after, approved


def _write(world: World, cases: Cases, night: dt.date, version: int) -> Delivery:
    payments, rows = cases.payments, cases.payments.known(night)
    before, after, approved = _by_activity(cases, night)
    is_paid = (payments.paid_on[rows] <= day(night)).tolist()
    entry = _entries(cases, rows, night)
    steps = [STEPS[step] for step in cases.history.step[entry].tolist()]
    scales = [str(scale or None) for scale in cases.history.scale[entry].tolist()]
    activity = payments.activity[rows].tolist()
    notes = [""] * len(rows)
    if version > 1:
        notes = [f",{note}" for note in _notes(cases, activity, payments.number[rows].tolist(), night)]
    lines = [
        f"{number},{amount},{paid if is_out else ''},{date},{on if is_out else ''}{before[place]}{step},{scale}"
        f"{after[place]}{note}{approved[place] if version > 2 else ''}"  # noqa: PLR2004
        for number, amount, paid, date, on, is_out, place, step, scale, note in zip(
            payments.number[rows].tolist(),
            kroner(payments.amount[rows]),
            kroner(payments.paid_amount[rows]),
            iso_dates(payments.date[rows]),
            iso_dates(payments.paid_on[rows]),
            is_paid,
            activity,
            steps,
            scales,
            notes,
            strict=True,
        )
    ]
    header = HEADER + "".join(columns for grown, columns in GROWN.items() if grown <= version)
    return write_whole(world, "granted_payments", night, version, [header, *lines])


def _notes(cases: Cases, activity: Sequence[int], number: Sequence[int], night: dt.date) -> list[str]:
    cpr = cases.cpr_on(night)
    written = []
    for place, payment in zip(activity, number, strict=True):
        case = int(cases.activities.case[place])
        text = "" if payment % _WITH_NOTE else _NOTES[payment // _WITH_NOTE % len(_NOTES)]
        note = text.format(name=cases.people.names[cases.child[case]], cpr=cpr[case])
        written.append(quoted(note, ",") if text else "")
    return written


def _entries(cases: Cases, rows: Ints, night: dt.date) -> Ints:
    """The entry of the case's history that tells step and scale: on the day of payment, else the present one."""
    paid_on = cases.payments.paid_on[rows]
    return cases.history.at(
        cases.activities.case[cases.payments.activity[rows]], np.where(paid_on <= day(night), paid_on, day(night))
    )


def _figures(cases: Cases, night: dt.date) -> dict[str, Any]:
    """Payments and amounts by year and account, by section, step and form of account; what was paid otherwise."""
    payments, activities, rows = cases.payments, cases.activities, cases.payments.known(night)
    activity = payments.activity[rows]
    is_paid = payments.paid_on[rows] <= day(night)
    amount = np.where(is_paid, payments.paid_amount[rows], payments.amount[rows])
    accounted = np.where(is_paid, payments.paid_on[rows], payments.date[rows])
    years = (accounted.astype("datetime64[Y]").astype(int) + 1970).tolist()
    forms = [_account(cases, place)[2] for place in range(len(activities.case))]
    functions = [
        None if form == "unknown" else MEASURES[kind].account[:5]
        for form, kind in zip(forms, activities.measure.tolist(), strict=True)
    ]
    child = cases.child[activities.case[activity]]
    section = np.array(activities.section)[activity]
    keys = [(year, functions[place]) for year, place in zip(years, activity.tolist(), strict=True)]
    off = is_paid & (payments.paid_amount[rows] != payments.amount[rows])
    step = cases.history.step[_entries(cases, rows, night)]
    return {
        "by_year_and_function": [
            {
                "year": year,
                "function_number": function,
                "payments": len(chosen),
                "amount_dkk": hundredths(int(amount[chosen].sum())),
            }
            for (year, function), chosen in _groups(keys).items()
        ],
        "by_section": [
            {
                "section_key": str(key),
                "payments": int((section == key).sum()),
                "children": len(np.unique(child[section == key])),
                "appropriations": len({activities.appropriation[place] for place in activity[section == key].tolist()}),
                "first_start": str(activities.first[activity[section == key]].min()),
            }
            for key in np.unique(section)
        ],
        "paid": [
            {
                "is_paid": bool(flag),
                "payments": int((is_paid == flag).sum()),
                "expected_amount_dkk": hundredths(int(payments.amount[rows][is_paid == flag].sum())),
                "amount_dkk": hundredths(int(amount[is_paid == flag].sum())),
            }
            for flag in np.unique(is_paid).tolist()
        ],
        "paid_otherwise": [
            {
                "payments": int(off.sum()),
                "difference_dkk": hundredths(int((payments.paid_amount - payments.amount)[rows][off].sum())),
            }
        ],
        "by_step": [
            {"effort_step": place or None, "payments": count} for place, count in Counter(step.tolist()).items()
        ],
        "by_account_form": [
            {"account_form": form, "payments": count}
            for form, count in Counter(forms[place] for place in activity.tolist()).items()
        ],
        "by_price": [
            {
                "payment_cost_type": kind,
                "payments": int(chosen.sum()),
                "fictive": int((activity[chosen] % 41 == 7).sum()),  # noqa: PLR2004
                "units": hundredths(int(activities.units[activity[chosen]].sum())),
            }
            for kind, chosen in (
                ("PER_UNIT", activities.units[activity] > 0),
                ("FIXED", activities.units[activity] == 0),
            )
        ],
        "first_preventive": _first_preventive(cases, activity),
    }


def _groups(keys: Sequence[Any]) -> dict[Any, Ints]:
    """The places of each key."""
    places: dict[Any, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return {key: np.array(found) for key, found in places.items()}


def _first_preventive(cases: Cases, activity: Ints) -> list[dict[str, Any]]:
    """By year, the children whose first preventive activity in the export began then, and their age in days."""
    activities = cases.activities
    first: dict[int, np.datetime64] = {}
    for place in np.unique(activity).tolist():
        if 1 <= activities.measure[place] <= PRICED_BY_UNIT + 1:
            child = int(cases.child[activities.case[place]])
            first[child] = min(first.get(child, activities.first[place]), activities.first[place])
    found: dict[int, list[int]] = {}
    for child, start in first.items():
        found.setdefault(int(str(start)[:4]), []).append(int((start - cases.people.born[child]).astype(int)))
    return [{"year": year, "children": len(days), "days": sum(days)} for year, days in found.items()]
