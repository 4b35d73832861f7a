"""Nights and months of the same growing data, attacked with all that was published before.

60 nights of the small municipality, with late and replaced deliveries in them, and 12 months of a city: nothing may be
found by what has changed, and within a month nothing changes at all.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from attacker import Attack, attack, changes_within_a_month, read_declarations, read_registry
from nights import settings_of, stand_ins_of
from replay import Template, build_again, keep_template, land_all, publish_again

from include import night
from include.demo.municipality import copy_until, generate, nights_of
from include.landing.store import write_landing_database
from include.settings import PROJECT_ROOT, Settings
from include.warehouse.content_hash import table_digest
from include.warehouse.release import Release, new_run_id
from include.warehouse.run_folder import RunFolder

pytestmark = pytest.mark.proof

DECLARED = read_declarations(PROJECT_ROOT / "dbt_project")
NIGHTS = 60
MONTHS = 12

log = logging.getLogger(__name__)


@dataclass
class Grown:
    """What each date published, and what the attacker found there."""

    settings: Settings
    attacks: dict[dt.date, Attack] = field(default_factory=dict)
    replaced: int = 0


def template_of(settings: Settings, folder: Path) -> Template:
    """dbt's own build of the night of `settings`."""
    run_id = new_run_id()
    night.build_step(settings, run_id)
    return keep_template(settings, run_id, folder)


def attacked(settings: Settings, release: Release) -> Attack:
    """Attack a release with the registry as it stands; the true school rolls are in its restricted file."""
    return attack(
        release.path / "warehouse.duckdb",
        DECLARED,
        registry=settings.home / "disclosure" / "registry",
        exact=release.path / "restricted" / "warehouse.duckdb",
    )


def figures(file: Path) -> dict[str, str]:
    """A digest of every figure about persons in a protected file."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as protected (read_only)")
        found = {}
        for table, parts in DECLARED.items():
            names = {
                name for part in parts for name in (*part.of("count", "amount", "sum", "mean", "rate"), *part.grid)
            }
            described = connection.execute(f'select column_name from (describe protected.marts."{table}")').fetchall()
            without = {name for (name,) in described if name not in names and name != "hidden_columns"}
            found[table] = table_digest(connection, "protected", table, without=without)
        return found


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """60 nights in a row of the small municipality, landed one by one; each is protected and published."""
    folder = tmp_path_factory.mktemp("nights")
    generate(folder / "all", size="small", nights="year")
    settings = settings_of(folder, folder / "inbox")
    settings.prepare()
    dates = nights_of(folder / "all")[-NIGHTS:]
    grown = Grown(settings)
    template: Template | None = None
    shown: dict[str, str] = {}
    for date in dates:
        copy_until(folder / "all", settings.inbox, date)
        with stand_ins_of(settings.inbox):
            new = land_all(settings)
        template = template or template_of(settings, folder / "template")
        release = publish_again(settings, template)
        now = figures(release.path / "warehouse.duckdb")
        # What shows the same figures as last night is attacked already; a month's first and the last night always are.
        if now != shown or date == dates[-1]:
            grown.attacks[date] = attacked(settings, release)
            log.info("%s: %s deliveries, %s", date, new, told(grown.attacks[date]))
        shown = now
    write_landing_database(settings, folder / "landing.duckdb")
    with duckdb.connect(str(folder / "landing.duckdb"), read_only=True) as connection:
        found = connection.execute("select count(*) from deliveries where not is_current").fetchone()
    grown.replaced = found[0] if found else 0
    return grown


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    """A city at the first of each of twelve months."""
    folder = tmp_path_factory.mktemp("months")
    generate(folder / "inbox", size="city")
    settings = settings_of(folder, folder / "inbox")
    settings.prepare()
    with stand_ins_of(settings.inbox):
        land_all(settings)
    template = template_of(settings, folder / "template")
    grown = Grown(settings)
    for date in first_days(settings.night, MONTHS):
        release = publish_again(settings.model_copy(update={"as_of": date}), template)
        grown.attacks[date] = attacked(settings, release)
        log.info("%s: %s", date, told(grown.attacks[date]))
    return grown


def first_days(last: dt.date, count: int) -> list[dt.date]:
    """The first of the last so many months up to `last`, oldest first."""
    months = [last.year * 12 + last.month - 1 - back for back in range(count)]
    return [dt.date(month // 12, month % 12 + 1, 1) for month in reversed(months)]


def told(found: Attack) -> str:
    return f"{found.unknowns} unknowns, {len(found.recovered)} recovered, {len(found.narrow)} narrow"


def unsafe(grown: Grown) -> Iterator[str]:
    for date, found in grown.attacks.items():
        for finding in found.narrow:
            yield f"{date}: {finding}"


def different_values(settings: Settings) -> int:
    """Cells that had two or more published values over time."""
    history = read_registry(settings.home / "disclosure" / "registry")
    seen: dict[object, set[float]] = defaultdict(set)
    for cell, values in history.items():
        seen[cell] |= {one.value for one in values if one.value is not None}
    return sum(len(values) > 1 for values in seen.values())


def test_what_dbt_compiled_gives_again_what_dbt_gave(nights: Grown, tmp_path: Path) -> None:
    """The last night, by dbt and by its SQL run again."""
    settings = nights.settings
    template = template_of(settings, tmp_path / "template")
    again = RunFolder.of(settings, build_again(settings, template)).build_file
    with duckdb.connect() as connection:
        connection.execute(f"attach '{template.folder}/build/warehouse.duckdb' as built (read_only)")
        connection.execute(f"attach '{again}' as again (read_only)")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'built' and schema_name = 'marts'"
        ).fetchall()
        assert tables
        for (table,) in tables:
            assert table_digest(connection, "built", table) == table_digest(connection, "again", table), table


def test_sixty_nights(nights: Grown) -> None:
    assert list(unsafe(nights)) == []
    assert nights.replaced > 0
    assert different_values(nights.settings) > 0, "what came late has changed nothing, so that nothing was tried"
    assert len({(date.year, date.month) for date in nights.attacks}) >= 3


def test_within_a_month_nothing_moves(nights: Grown) -> None:
    history = read_registry(nights.settings.home / "disclosure" / "registry")
    assert [cell[0] + "." + cell[2] for cell in changes_within_a_month(history)] == []


def test_twelve_months(months: Grown) -> None:
    assert len(months.attacks) == MONTHS
    assert list(unsafe(months)) == []
    assert different_values(months.settings) > 0
