"""OS2bos' export of the synthetic child cases: every entry in the history of each case, all of it each night."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import numpy as np

from include.demo.cases import EFFORTS, MUNICIPALITIES, STEPS, Cases, simulate, write_whole
from include.demo.deliveries import Delivery, Ints, day, iso_dates, quoted, told_once
from include.demo.world import World

HEADER = (
    "id,history_id,history_date,cpr_number,case_sbsys_id,name,target_group,case_worker,team,leader,efforts,effort_step,"
    "scaling_step,paying_municipality,acting_municipality,residence_municipality,mother_cpr,father_cpr"
)


def generate(world: World) -> dict[str, Any]:
    """Write the exports of all nights."""
    cases = simulate(world)
    files = [_write(world, cases, night) for night in world.calendar.dates_of("cases")]
    return told_once(world.inbox, files) | {"figures": _figures(cases, world.calendar.dates_of("cases")[-1])}


def known(cases: Cases, night: dt.date) -> Ints:
    """The entries that OS2bos exports on the evening of `night`."""
    now, history = day(night), cases.history
    rows: Ints = np.flatnonzero((history.date <= now) & (cases.known_until[history.case] > now))
    return rows


def _write(world: World, cases: Cases, night: dt.date) -> Delivery:
    history, people, rows = cases.history, cases.people, known(cases, night)
    cpr, team, group = cases.cpr_on(night), cases.team_on(night), cases.target_group()
    of = history.case[rows].tolist()
    workers = [
        cases.workers[(cases.team[case] % 4) * 6 + worker]
        for case, worker in zip(of, history.worker[rows].tolist(), strict=True)
    ]
    columns = [
        [str(case + 1) for case in of],
        [str(number) for number in history.number[rows].tolist()],
        [
            f"{date}T{_clock(microsecond)}+00:00"
            for date, microsecond in zip(iso_dates(history.date[rows]), history.microsecond[rows].tolist(), strict=True)
        ],
        [cpr[case] for case in of],
        [cases.number[case] for case in of],
        [quoted(people.names[cases.child[case]], ",") for case in of],
        [group[case] for case in of],
        workers,
        [team[case] for case in of],
        [cases.workers[(cases.team[case] % 4) * 6] if team[case] else "" for case in of],
        [quoted(EFFORTS[cases.efforts[case]], ",") for case in of],
        [STEPS[step] for step in history.step[rows].tolist()],
        ["" if scale == 0 else str(scale) for scale in history.scale[rows].tolist()],
        ["Ballerup"] * len(of),
        ["Ballerup"] * len(of),
        [MUNICIPALITIES[cases.residence[case]] for case in of],
        [people.mother_cpr[cases.child[case]] for case in of],
        [people.father_cpr[cases.child[case]] for case in of],
    ]
    return write_whole(world, "cases", night, 0, [HEADER, *map(",".join, zip(*columns, strict=True))])


def _clock(microsecond: int) -> str:
    """A time of day as Python writes it: microseconds only where there are any."""
    seconds, rest = divmod(microsecond, 1_000_000)
    return dt.time(seconds // 3600, seconds // 60 % 60, seconds % 60, rest).isoformat()


def _figures(cases: Cases, night: dt.date) -> dict[str, Any]:
    """Entries by month, cases by team and by step, and moves from step to step, as they stand in the end."""
    history, rows = cases.history, known(cases, night)
    of, step = history.case[rows], history.step[rows]
    is_last = np.r_[np.diff(of) > 0, True]
    same = np.flatnonzero((np.diff(of) == 0) & (np.diff(step) != 0))
    moves = Counter(zip(step[same].tolist(), step[same + 1].tolist(), strict=True))
    team, group = cases.team_on(night), cases.target_group()
    latest = of[is_last].tolist()
    by_team = Counter((team[case] or None, group[case]) for case in latest)
    residence = Counter(MUNICIPALITIES[cases.residence[case]] for case in latest)
    return {
        "entries": [
            {
                "entries": len(rows),
                "cases": len(latest),
                "children": len(set(cases.child[latest].tolist())),
                "scaled": int((history.scale[rows] > 0).sum()),
                "scale_sum": int(history.scale[rows].sum()),
            }
        ],
        "entries_by_month": [
            {"month": month, "entries": count}
            for month, count in Counter(history.date[rows].astype("datetime64[M]").astype(str).tolist()).items()
        ],
        "cases_by_team": [
            {"team_name": name, "target_group": target, "cases": count} for (name, target), count in by_team.items()
        ],
        "cases_by_step": [
            {"effort_step": place or None, "cases": count} for place, count in Counter(step[is_last].tolist()).items()
        ],
        "moves": [
            {"from_step": before or None, "to_step": after, "moves": count} for (before, after), count in moves.items()
        ],
        "cases_by_residence": [
            {"residence_municipality": None if name == "None" else name, "cases": count}
            for name, count in residence.items()
        ],
    }
