"""Bringing two purposes together as `links.yaml` declares: the landing process's part at the time of a build.

`make_links` starts `python -m include.landing links`, which alone opens the key, and waits for it; `write_links` is its
work. For each link it writes one Parquet file of the landed rows that stand on the night: consents are looked at
first, then the link's vault is asked for the partners of the children who have one, then the rows are joined. The
file's name is a digest of all that its content depends on, so that nobody reads one that is out of date.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from include.landing import process, store
from include.landing.erasures import years_before
from include.landing.ledger import Ledger
from include.landing.links import SIDES, Link, LinkVault, load_links
from include.landing.persons import Key
from include.landing.rotation import settled_key
from include.settings import Settings

ARGUMENT = "links"
"""Stands where a dataset's name stands otherwise; no dataset is called so."""


@dataclass(frozen=True)
class LinksReport:
    """The links whose files were written anew."""

    written: list[str] = field(default_factory=list)


def make_links(settings: Settings) -> None:
    """Write the files of all links in the landing process. Raises LandingFailed."""
    process.run_process(
        settings,
        [ARGUMENT],
        where="the links between purposes",
        remedy="mend the cause and start the refresh again; nothing was changed",
    )


def main(settings: Settings) -> int:
    """The landing process itself, for the links."""
    return process.reporting("linking", lambda: write_links(settings))


def write_links(settings: Settings) -> LinksReport:
    """Write the file of every link that has none of the present landing, and remove older ones.

    Raises WarehouseError if key or vault can't be used.
    """
    settings.prepare()
    with settled_key(settings) as key:
        return LinksReport([link.name for link in load_links().values() if _write(settings, link, key)])


def _write(settings: Settings, link: Link, key: Key) -> bool:
    with (
        store.dataset_lock(settings, f"{store.LINKS}/{link.name}"),
        Ledger(settings) as ledger,
        ledger.moment(),
    ):
        file = store.link_file(settings, ledger, link)
        if file.exists():
            return False
        views = store.views_of_link(settings, ledger, link)
        of_link = {name: ledger.same_persons(link.purpose_of(name)) for name in SIDES}
        same = {name: found.get(settings.municipality_code, {}) for name, found in of_link.items()}
        temporary = file.with_suffix(".tmp")
        temporary.unlink(missing_ok=True)
        # What does not fit in memory fails: nothing of a person is spilled to disk.
        connection = duckdb.connect(
            config={"temp_directory": "", "threads": settings.threads, "memory_limit": settings.memory_limit}
        )
        with contextlib.closing(connection):
            connection.execute(_consented_sql(settings, link, views))
            asked = [one for (one,) in connection.execute("select distinct _key from _consented").fetchall()]
            partners = LinkVault(settings, link, key).partners(asked, same)
            _register(connection, partners)
            connection.execute(
                f"copy ({_linked_sql(settings, link, views)}) to '{store.quoted(str(temporary))}' "
                "(format parquet, compression zstd)"
            )
        store.make_durable(temporary)
        temporary.replace(file)
        store.make_durable(file)
        for other in file.parent.glob("*.parquet"):
            if other != file:
                other.unlink()
    return True


def _consented_sql(settings: Settings, link: Link, views: dict[str, str]) -> str:
    """Make the table `_consented`: the rows of `from` that stand on the night, of children with a consent alone."""
    consent, side, night = link.consent, link.from_, settings.night
    first = years_before(night, link.retention.years)
    return f"""
        create temp table _consented as
        with consents as (
            select {consent.key} as _key, {consent.given} as _given, {consent.ended} as _ended
            from ({views[consent.dataset]}) as consents
            where municipality_code = '{settings.municipality_code}' and ({consent.condition})
        ),
        holding as (
            select _key
            from consents
            where _given <= date '{night}'
            group by _key
            having
                max(_given) filter (where _ended is null or _ended > date '{night}')
                > coalesce(max(_ended) filter (where _ended <= date '{night}'), date '0001-01-01')
        )
        select rows.*, rows.{side.key} as _key
        from holding join ({views[side.dataset]}) as rows on rows.{side.key} = holding._key
        where
            rows.municipality_code = '{settings.municipality_code}'
            and rows.{side.date} between date '{first}' and date '{night}'
            and ({side.condition})
    """


def _linked_sql(settings: Settings, link: Link, views: dict[str, str]) -> str:
    """The declared columns of consented rows whose child has a row in `to` of that day or later, in their own order."""
    side = link.to
    columns = ", ".join(f"({one.expression})::{one.type} as {one.name}" for one in link.columns)
    return f"""
        with followed as (
            select _partners.from_key, max({side.date}) as last_day
            from _partners join ({views[side.dataset]}) as rows on rows.{side.key} = _partners.to_key
            where
                municipality_code = '{settings.municipality_code}'
                and {side.date} <= date '{settings.night}'
                and ({side.condition})
            group by all
        )
        select {columns}, municipality_code
        from _consented join followed on followed.from_key = _consented._key
        where followed.last_day >= _consented.{link.from_.date}
        order by all
    """


def _register(connection: duckdb.DuckDBPyConnection, partners: list[tuple[int, int]]) -> None:
    table = pa.table(
        {
            "from_key": pa.array([one for one, _ in partners], pa.uint32()),
            "to_key": pa.array([other for _, other in partners], pa.uint32()),
        }
    )
    connection.register("_partners", table)
