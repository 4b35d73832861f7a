"""The synthetic municipality: an inbox with every dataset in its native format, and the truth that was planted in it.

Deterministic: the same size and seed give the same bytes. All that was before 15 June 2026 comes as backfill
deliveries of 12 June, then five nights follow, with registrations that come late, corrections, a month sent again and
a file that is delivered twice under two names; or the nights of a whole year, with the same week at its end.
`TRUTH.json` tells what the marts must show; it holds counts and sums only.
"""

from __future__ import annotations

import datetime as dt
import importlib
import json
import pkgutil
import shutil
import uuid
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from include.demo import datasets
from include.demo.deliveries import AS_OF, Nights, calendar_of
from include.demo.population import Population
from include.demo.population import simulate as simulate_population
from include.demo.school_days import school_days, school_year
from include.demo.schools import Size
from include.demo.town import Town
from include.demo.town import simulate as simulate_town
from include.demo.world import World
from include.settings import SYNTHETIC_MARKER

MUNICIPALITY_CODE = "151"
TRUTH_FILE = "TRUTH.json"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Filled:
    """An inbox with the deliveries of some datasets: their truth by name, the day each file came, and the people."""

    inbox: Path
    truth: dict[str, Any]
    dates: dict[str, str]
    town: Town
    population: Population


@dataclass(frozen=True)
class Truth:
    """What `generate` planted: the filled inbox, the file that tells the truth, and its content."""

    inbox: Path
    file: Path
    content: dict[str, Any]


def generate(
    inbox: Path,
    *,
    size: Size,
    seed: int = 151,
    nights: Nights = "week",
    progress: Progress | None = None,
    truth_file: Path | None = None,
) -> Truth:
    """Fill the folder `inbox`, which must not exist or be empty, with the deliveries of all nights.

    `size` is `small` (two schools, some 370 pupils, two school years) or `city` (Ballerup's schools and pupil numbers,
    three school years). `nights` is `week` or `year`. The inbox is made in a folder beside it and renamed at the end,
    so that a killed generation leaves none. `truth_file` is `TRUTH.json` in the inbox's root by default. Raises
    FileExistsError if the inbox holds anything.
    """
    inbox = inbox.absolute()
    if inbox.is_dir() and any(inbox.iterdir()):
        raise FileExistsError(f"{inbox.name} is not empty")
    inbox.parent.mkdir(parents=True, exist_ok=True)
    building = inbox.parent / f".{inbox.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        building.mkdir()
        filled = fill(building, size=size, seed=seed, nights=nights, progress=progress)
        content = _told_of_all(filled.town, size, seed, nights) | filled.truth
        dates = dict(sorted(filled.dates.items(), key=lambda item: (item[1], item[0])))
        target = truth_file or building / TRUTH_FILE
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_json(target, content)
        _write_json(building / SYNTHETIC_MARKER, _marker(size, seed, AS_OF, dates))
        if inbox.is_dir():
            inbox.rmdir()
        building.rename(inbox)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return Truth(inbox, truth_file or inbox / TRUTH_FILE, content)


def nights_of(inbox: Path) -> list[dt.date]:
    """The nights of a synthetic inbox after its backfill, in order. Raises FileNotFoundError if it has no marker."""
    dates = {dt.date.fromisoformat(date) for date in _read_marker(inbox)["deliveries"].values()}
    return sorted(dates)[1:]


def copy_until(inbox: Path, target: Path, date: dt.date) -> list[Path]:
    """Copy into the folder `target` all deliveries that came on `date` or before, so that nights can be played.

    What `target` has already stays as it is; its marker says `date` as the business date. Returns the new files.
    Raises FileNotFoundError if `inbox` is not synthetic.
    """
    marker = _read_marker(inbox)
    dates = {path: came for path, came in marker["deliveries"].items() if dt.date.fromisoformat(came) <= date}
    new = []
    for path in dates:
        file = target / path
        if file.exists():
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(inbox / path, file)
        new.append(file)
    _write_json(target / SYNTHETIC_MARKER, marker | {"as_of": date.isoformat(), "deliveries": dates})
    return new


def fill(
    inbox: Path,
    *,
    size: Size = "small",
    seed: int = 151,
    nights: Nights = "week",
    only: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> Filled:
    """Write all datasets, or `only` those named and what they read the truth of, into the folder `inbox`."""
    town = simulate_town(np.random.default_rng([seed, 1]), size)
    filled = Filled(inbox, {}, {}, town, simulate_population(np.random.default_rng([seed, 2]), town))
    modules: dict[str, ModuleType] = {}
    after: dict[str, tuple[str, ...]] = {}
    wanted = [name for _, name, _ in pkgutil.iter_modules(datasets.__path__)] if only is None else list(only)
    for dataset in wanted:
        if dataset not in modules:
            modules[dataset] = importlib.import_module(f"{datasets.__name__}.{dataset}")
            after[dataset] = getattr(modules[dataset], "AFTER", ())
            wanted += after[dataset]
    for dataset in TopologicalSorter(after).static_order():
        if progress:
            progress(dataset)
        world = World(
            inbox=inbox,
            size=size,
            seed=seed,
            # A stream of its own for each dataset: the next one changes no other.
            rng=np.random.default_rng([seed, zlib.crc32(dataset.encode())]),
            town=town,
            population=filled.population,
            calendar=calendar_of(nights),
            truth={name: filled.truth[name] for name in after[dataset]},
            dates=filled.dates,
        )
        filled.truth[dataset] = modules[dataset].generate(world)
    return filled


def _told_of_all(town: Town, size: Size, seed: int, nights: Nights) -> dict[str, Any]:
    calendar = calendar_of(nights)
    return {
        "as_of": AS_OF.isoformat(),
        "size": size,
        "seed": seed,
        "municipality_code": MUNICIPALITY_CODE,
        "backfill": calendar.backfill.isoformat(),
        "nights": [night.isoformat() for night in calendar.nights],
        "school_days": {
            school_year(year): {
                "all": len(school_days(year)),
                "until_as_of": int((school_days(year) <= np.datetime64(AS_OF, "D")).sum()),
            }
            for year in town.years
        },
    }


def _marker(size: Size, seed: int, as_of: dt.date, dates: dict[str, str]) -> dict[str, Any]:
    return {
        "as_of": as_of.isoformat(),
        "size": size,
        "seed": seed,
        "municipality_code": MUNICIPALITY_CODE,
        "note": "Everything in this inbox is made up. No person, posting or answer in it is real.",
        "deliveries": dates,
    }


def _read_marker(inbox: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((inbox / SYNTHETIC_MARKER).read_text("utf-8"))
    return content


def _write_json(file: Path, content: dict[str, Any]) -> None:
    """Write a file as a whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")
    part.replace(file)
