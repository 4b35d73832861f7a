"""SBSYS' extract of the reviews of the synthetic child cases: planned, held, late, cancelled, put right."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import numpy as np

from include.demo.cases import Cases, simulate, write_whole
from include.demo.deliveries import Delivery, Ints, danish_dates, day, quoted, told_once
from include.demo.people import dashed
from include.demo.world import World

HEADER = (
    "Opfølgningsnr;Sagsnr;CPR-nr;Barnets navn;Sagsbehandler;Team;Opfølgningstype;Status;Planlagt dato;Afholdt dato;"
    "Trin;Skalering;Barnet inddraget;Referat"
)
KINDS = ("Første opfølgning", "Løbende opfølgning", "Afsluttende opfølgning")
STATUSES = ("Planlagt", "Afholdt", "Aflyst")
PLANNED, HELD, CANCELLED = range(3)

_SIXTH_WEEK = 42
_MINUTES = ("", "Mor deltog; {name} ville ikke", 'Aftalt "ny" plan', "Se cpr {dashed} i journalen", "")


def generate(world: World) -> dict[str, Any]:
    """Write the extracts of all nights."""
    cases = simulate(world)
    files = [_write(world, cases, night) for night in world.calendar.dates_of("case_reviews")]
    return told_once(world.inbox, files) | {"figures": _figures(cases, world.calendar.dates_of("case_reviews")[-1])}


def _status(cases: Cases, rows: Ints, night: dt.date) -> Ints:
    """What SBSYS says of the reviews on the evening of `night`."""
    reviews, now = cases.reviews, day(night)
    is_cancelled = np.isnat(reviews.held[rows])
    is_known = np.where(is_cancelled, reviews.planned[rows], reviews.held_told[rows]) <= now
    return np.where(is_known, np.where(is_cancelled, CANCELLED, HELD), PLANNED)


def _write(world: World, cases: Cases, night: dt.date) -> Delivery:
    reviews, history, people = cases.reviews, cases.history, cases.people
    rows = reviews.known(night)
    status = _status(cases, rows, night)
    entry = history.at(reviews.case[rows], reviews.held[rows])
    cpr, team = cases.cpr_on(night), cases.team_on(night)
    of = reviews.case[rows].tolist()
    is_held = (status == HELD).tolist()
    names = [people.names[cases.child[case]] for case in of]
    columns = [
        [reviews.number[row] for row in rows.tolist()],
        [cases.number[case] for case in of],
        [dashed(cpr[case]) for case in of],
        names,
        [cases.workers[(cases.team[case] % 4) * 6] for case in of],
        [team[case] for case in of],
        [KINDS[kind] for kind in reviews.kind[rows].tolist()],
        [STATUSES[code] for code in status.tolist()],
        danish_dates(reviews.planned[rows]),
        danish_dates(np.where(status == HELD, reviews.held[rows], np.datetime64("NaT", "D"))),
        [str(step) if held else "" for step, held in zip(_steps(cases, rows), is_held, strict=True)],
        [str(scale) if held else "" for scale, held in zip(reviews.scale[rows].tolist(), is_held, strict=True)],
        [
            ("Ja" if heard else "Nej") if held else ""
            for heard, held in zip(reviews.is_heard[rows].tolist(), is_held, strict=True)
        ],
        [
            quoted(_MINUTES[place % len(_MINUTES)].format(name=name, dashed=dashed(cpr[case]))) if held else ""
            for place, name, case, held in zip(entry.tolist(), names, of, is_held, strict=True)
        ],
    ]
    lines = [HEADER, *map(";".join, zip(*columns, strict=True))]
    return write_whole(world, "case_reviews", night, None, lines, encoding="utf-8-sig")


def _steps(cases: Cases, rows: Ints) -> list[int]:
    """The step after each review: that of the case on the day, 2 (prevention) while the case has none."""
    entry = cases.history.at(cases.reviews.case[rows], cases.reviews.held[rows])
    steps: list[int] = np.where(cases.history.step[entry] == 0, 2, cases.history.step[entry]).tolist()
    return steps


def _figures(cases: Cases, night: dt.date) -> dict[str, Any]:
    """Reviews by status and by kind and year, days between consecutive reviews of a case, and what was put right."""
    reviews, rows = cases.reviews, cases.reviews.known(night)
    status = _status(cases, rows, night)
    held = rows[status == HELD]
    years = (reviews.held[held].astype("datetime64[Y]").astype(int) + 1970).tolist()
    order = held[np.lexsort((reviews.held[held], reviews.case[held]))]
    same = np.diff(reviews.case[order]) == 0
    days = np.diff(reviews.held[order]).astype(int)[same]
    heard = reviews.is_heard[held]
    return {
        "by_status": [
            {"review_status": STATUSES[code], "reviews": count} for code, count in Counter(status.tolist()).items()
        ],
        "held_by_year": [
            {"year": year, "review_kind": KINDS[kind], "reviews": count}
            for (year, kind), count in Counter(zip(years, reviews.kind[held].tolist(), strict=True)).items()
        ],
        "intervals": [
            {"intervals": len(days), "days": int(days.sum()), "within_target": int((days <= _SIXTH_WEEK).sum())}
        ],
        "scaling": [
            {
                "reviews": len(held),
                "cases": len(np.unique(reviews.case[held])),
                "scale_sum": int(reviews.scale[held].sum()),
                "step_sum": sum(_steps(cases, held)),
                "heard": int(heard.sum()),
            }
        ],
    }
