"""The wellbeing indicators that a stand-in for the ministry's API serves.

Means of all municipalities, of the country and of Ballerup's main schools near the public ones (3.6 for generel
trivsel), pupils, and shares by interval; texts as the ministry writes them. What is about fewer than five pupils is
left out, as it would be: intervals of small municipalities, a year of Læsø, one indicator of a special school, and
nearly all of Christiansø, which is served beside the 98. The figures of 2025/2026 come in May 2026.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from include.demo.deliveries import Ints, Mask
from include.demo.ministry import MUNICIPALITY, WELLBEING, write_answers
from include.demo.municipalities import MUNICIPALITIES
from include.demo.schools import CITY
from include.demo.stand_ins import came_on, file_of
from include.demo.world import World
from include.sources.uddannelsesstatistik import doubled

DATASET = "wellbeing_statistics"
FIRST_START = 2022
RELEASES = (dt.date(2025, 5, 20), dt.date(2026, 5, 19))
"""The days on which the ministry publishes; each adds the school year that is about to end."""

MEAN, SHARE, PUPILS = WELLBEING.measures
GROUPS = ("Mellemtrin", "Udskoling")
INDICATORS = {
    "generel": "Generel trivsel",
    "social": "Social trivsel",
    "faglig": "Faglig trivsel",
    "stoette": "Støtte og inspiration",
    "ro": "Ro og orden",
}
INTERVALS = ("1 til 2", "2,1 til 3", "3,1 til 4", "4,1 til 5")
PLACES = (*MUNICIPALITIES, "Christiansø")

_, NUMBER, GROUP, YEAR, INDICATOR, INTERVAL = WELLBEING.levels
_LEVEL = np.array([3.6, 3.9, 3.6, 3.1, 3.7])
_GROUP_EFFECT = np.array([0.1, -0.1])
_SPREAD = 0.55
_FEWEST_PUPILS = 5
_LARGE, _SMALL = 900, ("Fanø", "Læsø", "Samsø", "Ærø")
_YEARS = tuple(f"{start}/{start + 1}" for start in range(FIRST_START, RELEASES[-1].year))


@dataclass(frozen=True)
class _Figures:
    """Tenths of a point, pupils, and tenths of a per cent; the `…_told` say what the ministry serves of them.

    `means` and `pupils` by place, group, year and indicator, `shares` by interval too; `school_…` by school, year and
    indicator.
    """

    means: Ints
    pupils: Ints
    shares: Ints
    means_told: Mask
    shares_told: Mask
    school_means: Ints
    school_pupils: Ints
    schools_told: Mask


def generate(world: World) -> dict[str, Any]:
    """Write what the stand-in answers, release by release, and tell what stands after the last."""
    figures = _figures(world.rng)
    last_before = max((i for i, release in enumerate(RELEASES) if release <= world.calendar.backfill), default=0)
    for release in RELEASES[last_before:]:
        came = came_on(world.calendar, release)
        file = file_of(DATASET, came, is_first=release is RELEASES[last_before])
        rows = _rows(figures, len(_YEARS) - (RELEASES[-1].year - release.year))
        write_answers(world.inbox / DATASET, WELLBEING, rows, file_name=file.name)
        world.came(str(file), came)
    return {"figures": _truth(figures)}


def _figures(rng: np.random.Generator) -> _Figures:
    shape = (len(PLACES), len(GROUPS), len(_YEARS), len(INDICATORS))
    size = rng.lognormal(np.log(_LARGE), 0.8, len(PLACES))
    size[[PLACES.index(name) for name in _SMALL]] = rng.uniform(25, 60, len(_SMALL))
    pupils = np.rint(size[:, None, None, None] * rng.normal(1.0, 0.04, (*shape[:3], 1))).astype(np.int64)
    pupils = np.broadcast_to(pupils, shape).copy()
    pupils[PLACES.index("Christiansø")] = 3
    pupils[PLACES.index("Christiansø"), 0, 1] = _FEWEST_PUPILS
    pupils[PLACES.index("Læsø"), :, 2] = 4
    level = _LEVEL[None, None, None, :] + _GROUP_EFFECT[None, :, None, None] + rng.normal(0, 0.05, shape)
    means = np.rint(level * 10).astype(np.int64)
    edges = np.array([2.0, 3.0, 4.0])
    below = 1 / (1 + np.exp(-1.7 * (edges - level[..., None]) / _SPREAD))
    parts = np.diff(below, axis=-1, prepend=0.0, append=1.0)
    shares = np.rint(parts * 1000).astype(np.int64)
    means_told = pupils >= _FEWEST_PUPILS
    shares_told = means_told[..., None] & (pupils[..., None] * shares >= _FEWEST_PUPILS * 1000)
    of_school = (len(CITY), len(_YEARS), len(INDICATORS))
    answering = np.array([max(school.pupils.values()) * 0.5 for school in CITY])
    school_pupils = np.rint(answering[:, None, None] * rng.normal(1.0, 0.03, (*of_school[:2], 1))).astype(np.int64)
    schools_told = np.ones(of_school, dtype=bool)
    special = next(place for place, school in enumerate(CITY) if school.district is None)
    schools_told[special, 1, list(INDICATORS).index("ro")] = False
    return _Figures(
        means,
        pupils,
        shares,
        means_told,
        shares_told,
        np.rint((_LEVEL + rng.normal(0, 0.08, of_school)) * 10).astype(np.int64),
        np.broadcast_to(school_pupils, of_school).copy(),
        schools_told,
    )


def _rows(figures: _Figures, years: int) -> list[dict[str, str]]:
    """All that is served of the first `years` school years, as the ministry's rows."""
    rows = []
    names = list(INDICATORS.values())
    for place, group, year, indicator in np.argwhere(figures.means_told[:, :, :years]).tolist():
        key = {MUNICIPALITY: PLACES[place], GROUP: GROUPS[group], YEAR: _YEARS[year], INDICATOR: names[indicator]}
        at = (place, group, year, indicator)
        rows.append(_row(key, {MEAN: _tenths(figures.means[at]), PUPILS: _whole(figures.pupils[at])}))
        for interval in np.flatnonzero(figures.shares_told[at]).tolist():
            by_interval = key | {INTERVAL: INTERVALS[interval]}
            rows.append(_row(by_interval, {SHARE: f"{_tenths(figures.shares[at][interval])} %"}))
    country_means, country_pupils = _country(figures)
    for group, year, indicator in np.ndindex(len(GROUPS), years, len(names)):
        key = {GROUP: GROUPS[group], YEAR: _YEARS[year], INDICATOR: names[indicator]}
        country_mean, of_country = (
            int(country_means[group, year, indicator]),
            int(country_pupils[group, year, indicator]),
        )
        rows.append(_row(key, {MEAN: _tenths(country_mean), PUPILS: _whole(of_country)}))
    for school, year, indicator in np.argwhere(figures.schools_told[:, :years]).tolist():
        key = {MUNICIPALITY: "Ballerup", NUMBER: CITY[school].number, YEAR: _YEARS[year], INDICATOR: names[indicator]}
        mean, pupils = figures.school_means[school, year, indicator], figures.school_pupils[school, year, indicator]
        rows.append(_row(key, {MEAN: _tenths(mean), PUPILS: _whole(pupils)}))
    return rows


def _country(figures: _Figures) -> tuple[Ints, Ints]:
    """Tenths of a point and pupils of the country by group, year and indicator: of all pupils, also where few are."""
    pupils = figures.pupils.sum(axis=0)
    return np.rint((figures.means * figures.pupils).sum(axis=0) / pupils).astype(np.int64), pupils


def _row(key: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    return {doubled(level): member for level, member in key.items()} | values


def _tenths(number: int) -> str:
    return f"{number // 10},{number % 10}"


def _whole(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _truth(figures: _Figures) -> dict[str, list[dict[str, Any]]]:
    """What the newest answer says, left-out cells included."""
    counted = {
        ("country", "mean"): {"published": figures.means[0].size},
        ("country", "pupils"): {"published": figures.means[0].size},
        ("municipality", "mean"): _statuses(figures.means_told),
        ("municipality", "pupils"): _statuses(figures.means_told),
        ("municipality", "share"): _statuses(figures.shares_told.reshape(*figures.means_told.shape[:3], -1)),
        ("school", "mean"): _statuses(figures.schools_told[:, None]),
        ("school", "pupils"): _statuses(figures.schools_told[:, None]),
    }
    by_status = [
        {"place_level": level, "measure_code": measure, "value_status": status, "cells": cells}
        for (level, measure), statuses in counted.items()
        for status, cells in statuses.items()
        if cells
    ]
    ballerup = PLACES.index("Ballerup")
    codes = list(INDICATORS)
    means = [
        {
            "grade_group": GROUPS[group],
            "school_year": _YEARS[year],
            "indicator": codes[indicator],
            "mean": f"{figures.means[ballerup, group, year, indicator] / 10:.3f}",
        }
        for group, year, indicator in np.ndindex(figures.means.shape[1:])
    ]
    shares = [
        {"grade_group": GROUPS[group], "answer_interval": INTERVALS[interval], "share": f"{share / 10:.3f}"}
        for (group, interval), share in np.ndenumerate(figures.shares[ballerup, :, -1, 0])
        if figures.shares_told[ballerup, group, -1, 0, interval]
    ]
    country_means, country_pupils = _country(figures)
    country = [
        {
            "grade_group": GROUPS[group],
            "school_year": _YEARS[year],
            "indicator": codes[indicator],
            "mean": f"{country_means[group, year, indicator] / 10:.3f}",
            "pupils": f"{country_pupils[group, year, indicator]}.000",
        }
        for group, year, indicator in np.ndindex(country_means.shape)
    ]
    schools = [
        {
            "institution_number": CITY[school].number,
            "school_year": _YEARS[year],
            "indicator": codes[indicator],
            "mean": f"{figures.school_means[school, year, indicator] / 10:.3f}",
            "pupils": f"{figures.school_pupils[school, year, indicator]}.000",
        }
        for school, year, indicator in np.argwhere(figures.schools_told).tolist()
    ]
    told = np.where(figures.means_told, figures.pupils, 0)[..., 0].sum(axis=(0, 1))
    pupils = [
        {"school_year": year, "pupils": f"{number}.000"} for year, number in zip(_YEARS, told.tolist(), strict=True)
    ]
    return {
        "cells_by_status": by_status,
        "means_of_ballerup": means,
        "intervals_of_ballerup": shares,
        "country": country,
        "schools": schools,
        "pupils_by_year": pupils,
    }


def _statuses(told: Mask) -> dict[str, int]:
    """Cells by status, from what is served by place, group, year and everything else.

    A place of which nothing is served is not there. The others have pupils in a group from a year before the first to
    a year after the last of which anything is served: a cell of these years that is not served is suppressed, any other
    is missing. All else is served of somebody.
    """
    told = told[told.any(axis=(1, 2, 3))]
    years: Mask = np.any(told, axis=3)
    from_first = np.logical_or.accumulate(years, axis=2)
    to_last = np.logical_or.accumulate(years[:, :, ::-1], axis=2)[:, :, ::-1]
    has_pupils: Mask = from_first & to_last
    has_pupils[:, :, :-1] |= years[:, :, 1:]
    has_pupils[:, :, 1:] |= years[:, :, :-1]
    suppressed = ~told & has_pupils[..., None]
    return {
        "published": int(told.sum()),
        "suppressed": int(suppressed.sum()),
        "missing": int((~told & ~suppressed).sum()),
    }
