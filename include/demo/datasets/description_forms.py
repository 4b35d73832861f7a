"""The synthetic description forms that day-care writes before school start.

The platform exports all of them every night, each with the consent that it shows. A form is sent to school when there
is a consent; the day of the last one sent does not go back when the consent is withdrawn, which is why `consents`
decides and not the form.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.days import numbered
from include.demo.deliveries import (
    AS_OF,
    NEVER,
    Calendar,
    Days,
    Delivery,
    Ints,
    by_whole,
    counts,
    day,
    extract,
    iso_dates,
    quoted,
)
from include.demo.early_years import (
    DAYCARE_TO_SCHOOL,
    NO_DAY,
    SCHOOLS,
    Consents,
    Table,
    Texts,
    consents_of,
    figure,
    forms_of,
    homes_of,
    numbers_on,
    of,
    standing_table,
    text_of,
    to_put_right,
    with_mistakes,
    yes_no,
)
from include.demo.houses import HOUSES_OF
from include.demo.world import World

HEADER = [
    "Skema-id",
    "Barnets CPR",
    "Barnets navn",
    "Børnehus",
    "Udfyldt",
    "Skoleparat",
    "Sendt til skole",
    "Samtykke",
    "Samtykkedato",
    "Barnets styrker",
    "Opmærksomhedspunkter",
]
READY = ("Ja", "Nej", "Uafklaret")
YES, NO, UNSETTLED = range(3)
_SETTLED_LATER = 0.05
_STRENGTHS = ("Glad for at tegne; god til tal", "{name} leger med alle", "Nysgerrig", "Hjælper de små")
_ATTENTION = ("", "", "Svært ved at vente", 'Siger ofte "jeg kan ikke"', "Søskende: se skema for cpr {cpr}")


@dataclass(frozen=True)
class Registered:
    """One record a version of a form, `form` the same for all. `sent` is the day on which it goes to school."""

    form: Ints
    child: Ints
    date: Days
    house: Texts
    ready: Ints
    sent: Days
    school: Texts
    known_from: Days
    known_until: Days


def generate(world: World) -> dict[str, Any]:
    """Write the extracts of all nights; returns the truth."""
    consents = consents_of(world)
    forms = simulate(world, consents)
    deliveries = deliver(forms, world.calendar)
    for delivery in deliveries:
        _write(world, forms, consents, delivery)

    def shown(rows: Ints, as_of: dt.date) -> Table:
        return _shown(world, forms, consents, rows, as_of)

    table = standing_table(deliveries, shown)
    return {"deliveries": counts(deliveries), "figures": figures(table, consents)}


def simulate(world: World, consents: Consents) -> Registered:
    """All forms, in the order of their days."""
    rng, forms = world.rng, forms_of(world)
    count = len(forms.child)
    district = homes_of(world).districts_on(forms.child, forms.date)
    house = np.array(
        [f"{code}-{1 + child % HOUSES_OF[code]:02d}" for code, child in zip(district, forms.child, strict=True)]
    )
    first_consent = np.full(len(world.population.cpr), NEVER)
    to_school = consents.transition == DAYCARE_TO_SCHOOL
    np.minimum.at(first_consent, consents.child[to_school], consents.given[to_school])
    consent = first_consent[forms.child]
    sent = np.maximum(consent, forms.date) + rng.integers(2, 15, count)
    registered = Registered(
        form=np.arange(count),
        child=forms.child,
        date=forms.date,
        house=house,
        ready=rng.choice(3, count, p=[0.87, 0.08, 0.05]),
        sent=np.where(consent < NEVER, sent, NO_DAY),
        school=np.array([SCHOOLS[code] for code in district.tolist()]),
        known_from=forms.date + rng.choice(6, count, p=[0.7, 0.15, 0.06, 0.04, 0.03, 0.02]),
        known_until=np.full(count, NEVER),
    )
    rows, put_right = to_put_right(rng, vars(registered), _SETTLED_LATER, (10, 60))
    columns, before = with_mistakes(vars(registered), rows, put_right)
    columns["ready"][before] = np.where(registered.ready[rows] == UNSETTLED, YES, UNSETTLED)
    return Registered(**columns)


def deliver(forms: Registered, calendar: Calendar) -> list[Delivery]:
    """All that is known, before the nights and every night."""
    known = {"days": forms.date, "known_from": forms.known_from, "known_until": forms.known_until}
    return [
        extract("description_forms", by_whole(as_of), as_of, **known)
        for as_of in calendar.dates_of("description_forms")
    ]


def _shown(world: World, forms: Registered, consents: Consents, rows: Ints, as_of: dt.date) -> Table:
    """The records as the platform has them on the evening of `as_of`, each with the consent that holds."""
    child = forms.child[rows]
    holding = consents.holding(as_of)
    consent_date = np.array([holding.get(one, NO_DAY) for one in child.tolist()], dtype="datetime64[D]")
    return {
        "form": forms.form[rows],
        "child": child,
        "cpr": np.array(numbers_on(world.population, child, as_of)),
        "daycare_house_code": forms.house[rows],
        "form_date": forms.date[rows],
        "school_ready": text_of(forms.ready[rows], READY),
        "is_ready": forms.ready[rows] == YES,
        "school_number": np.where(forms.sent[rows] <= day(as_of), forms.school[rows], ""),
        "has_consent": ~np.isnat(consent_date),
        "consent_date": consent_date,
    }


def _write(world: World, forms: Registered, consents: Consents, delivery: Delivery) -> None:
    """Write a file: UTF-8 with BOM, CRLF, ISO dates, CPR numbers as ten digits."""
    table = _shown(world, forms, consents, delivery.rows, delivery.as_of)
    _, first = np.unique(forms.form, return_index=True)
    numbers = numbered("PBS", forms.date[first])
    children, people = table["child"].tolist(), table["cpr"].tolist()
    names = [world.population.names[child] for child in children]
    world.write(
        delivery,
        HEADER,
        [
            [numbers[one] for one in table["form"].tolist()],
            people,
            names,
            table["daycare_house_code"].tolist(),
            iso_dates(table["form_date"]),
            table["school_ready"].tolist(),
            table["school_number"].tolist(),
            yes_no(table["has_consent"]).tolist(),
            iso_dates(table["consent_date"]),
            [
                quoted(_STRENGTHS[child % len(_STRENGTHS)].format(name=name))
                for child, name in zip(children, names, strict=True)
            ],
            [
                quoted(_ATTENTION[child % len(_ATTENTION)].format(cpr=number))
                for child, number in zip(children, people, strict=True)
            ],
        ],
        encoding="utf-8-sig",
        newline="\r\n",
    )


def figures(table: Table, consents: Consents) -> dict[str, Any]:
    """Forms by house, by readiness and consent, by month, and those that a school may see on the last day."""
    by_month = {**table, "month": table["form_date"].astype("datetime64[M]")}
    holding = np.isin(table["child"], list(consents.holding(AS_OF)))
    return {
        "by_house": figure(
            table, ["daycare_house_code"], distinct="cpr", ready=table["is_ready"], with_consent=table["has_consent"]
        ),
        "by_readiness_and_school": figure(table, ["school_ready", "school_number"], with_consent=table["has_consent"]),
        "by_month": figure(by_month, ["month"], with_consent=table["has_consent"]),
        "shareable": figure(of(table, holding), ["school_number", "school_ready"], distinct="cpr"),
        "sent_and_not_shareable": figure(of(table, ~holding & (table["school_number"] != "")), ["school_number"]),
    }
