"""The store: landed Parquet files, and the one database through which dbt sees them.

dbt sees one view a dataset, over the files that the ledger calls current, typed by the contract even when there is no
file; superseded and orphaned files stay out because no view names them. Beside the views it sees a table a link
(`links.py`), which the landing process makes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from include.disk import fsync
from include.errors import WarehouseError
from include.landing.contract import PURPOSES, Contract, load_contracts
from include.landing.ledger import Delivery, Ledger, Window
from include.landing.links import SIDES, Link, link_vault_file, load_links
from include.settings import Settings

_SamePersons = Mapping[str, Mapping[int, int]]
"""By municipality, keys that are no person's own, each with the key that is."""

LINKS = "links"
"""The folder of the rows that links bring together, one a link."""

_ATTEMPTS = 5
"""How often links are made anew because deliveries are accepted meanwhile."""


def parquet_file(settings: Settings, contract: Contract, delivery_id: str) -> Path:
    """Where the rows of a delivery land."""
    return settings.landing / contract.dataset / f"{delivery_id[:16]}.parquet"


@contextlib.contextmanager
def dataset_lock(settings: Settings, dataset: str) -> Iterator[None]:
    """Wait until no other process lands or judges this dataset: a task whose worker was killed may still run."""
    folder = settings.landing / dataset
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def make_durable(file: Path) -> None:
    """Force a file and its name to disk, so that the ledger never names what a crash could take back."""
    fsync(file)
    fsync(file.parent)


def landed_columns(contract: Contract) -> dict[str, str]:
    """Name and DuckDB type of every column of a landing view, in order."""
    columns = {column.name: column.landed_type for column in contract.landed_columns}
    return columns | {"municipality_code": "VARCHAR", "delivery_id": "VARCHAR"}


def view_sql(
    settings: Settings, contract: Contract, windows: list[Window], same: Mapping[str, _SamePersons] | None = None
) -> str:
    """The select of a dataset's landing view: typed nothing, and by name the rows of its current deliveries.

    `same` by purpose: a key that came with a number before it was known to have replaced another becomes the person's.
    """
    columns = landed_columns(contract)
    typed = ", ".join(f"null::{kind} as {name}" for name, kind in columns.items())
    parts = [f"select {typed} where false"]
    for window in windows:
        assert window.delivery.parquet_file is not None, "an accepted delivery has landed"
        file = settings.landing / window.delivery.parquet_file
        part = f"select * from read_parquet('{quoted(str(file))}')"
        is_whole = (window.first, window.last) in {
            (None, None),
            (window.delivery.period_from, window.delivery.period_to),
        }
        if not is_whole:
            part += f" where {contract.delivery.column} between date '{window.first}' and date '{window.last}'"
        parts.append(part)
    rows = "\nunion all by name\n".join(parts)
    changed = [column for column in contract.person_columns if (same or {}).get(str(column.purpose))]
    if not changed:
        return rows
    joins, keys = "", []
    for column in changed:
        name = f"same_{column.name}"
        values = ", ".join(
            f"('{quoted(municipality_code)}', {person_key}::uinteger, {same_as}::uinteger)"
            for municipality_code, pairs in (same or {})[str(column.purpose)].items()
            for person_key, same_as in pairs.items()
        )
        joins += (
            f"\nleft join (values {values}) as {name} (municipality_code, person_key, same_as)"
            f"\n    on landed.municipality_code = {name}.municipality_code and landed.{column.name} = {name}.person_key"
        )
        keys.append(f"coalesce({name}.same_as, landed.{column.name}) as {column.name}")
    return f"select landed.* replace ({', '.join(keys)}) from (\n{rows}\n) as landed{joins}"


def linked_columns(link: Link) -> dict[str, str]:
    """Name and DuckDB type of every column of a link's table, in order."""
    return {column.name: column.type for column in link.columns} | {"municipality_code": "VARCHAR"}


def link_file(settings: Settings, ledger: Ledger, link: Link) -> Path:
    """Where the landing process writes the rows of a link; another name for each content that they can have."""
    contracts = load_contracts()
    told = [link.model_dump(mode="json"), settings.municipality_code, settings.night.isoformat()]
    told += [_current(ledger, contracts[dataset]) for dataset in link.datasets]
    told += [ledger.same_persons(purpose) for purpose in (*map(link.purpose_of, SIDES), link.vault_purpose)]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return settings.landing / LINKS / link.name / f"{digest[:16]}.parquet"


def views_of_link(settings: Settings, ledger: Ledger, link: Link) -> dict[str, str]:
    """By dataset of a link the select of its landing view."""
    same = {purpose: ledger.same_persons(purpose) for purpose in PURPOSES}
    contracts = load_contracts()
    return {
        dataset: view_sql(settings, contracts[dataset], ledger.windows(contracts[dataset]), same)
        for dataset in link.datasets
    }


def write_landing_database(settings: Settings, path: Path) -> None:
    """Write a DuckDB file with a view a dataset, a table a link, and `deliveries`, `datasets`, `landing`; replaces it.

    `landing` has one row: the fingerprint of what is current, and whether it is synthetic (null if nothing is). All is
    of one moment of the ledger. Starts the landing process if a link has not been made of what is current. Raises
    WarehouseError if synthetic and real deliveries are both there, or if links could not be made, LandingFailed if the
    landing process failed.
    """
    from include.landing import linking  # it needs the store itself

    path.unlink(missing_ok=True)
    for _ in range(_ATTEMPTS):
        with Ledger(settings) as ledger, ledger.moment():
            if not any(_is_to_be_made(settings, ledger, link) for link in load_links().values()):
                _write_landing_database(settings, ledger, path)
                return
        linking.make_links(settings)
    raise WarehouseError(
        "deliveries of linked datasets are accepted faster than the links can be made.",
        remedy="start the refresh again when the extracts have ended",
        where=str(settings.landing / LINKS),
    )


def _is_to_be_made(settings: Settings, ledger: Ledger, link: Link) -> bool:
    """Whether a link has rows to bring together and has not brought them together yet."""
    return _can_link(settings, ledger, link) and not link_file(settings, ledger, link).exists()


def _can_link(settings: Settings, ledger: Ledger, link: Link) -> bool:
    """False if a dataset has nothing current, or no row of the link has landed since it was declared."""
    contracts = load_contracts()
    return link_vault_file(settings, link).exists() and all(
        ledger.windows(contracts[dataset]) for dataset in link.datasets
    )


def _write_landing_database(settings: Settings, ledger: Ledger, path: Path) -> None:
    contracts = load_contracts()
    with duckdb.connect(str(path)) as connection:
        current: set[tuple[str, str]] = set()
        same = {purpose: ledger.same_persons(purpose) for purpose in PURPOSES}
        for contract in contracts.values():
            windows = ledger.windows(contract)
            current |= {(contract.dataset, window.delivery.delivery_id) for window in windows}
            connection.execute(f"create view {contract.dataset} as {view_sql(settings, contract, windows, same)}")
        for link in load_links().values():
            columns = ", ".join(f"{name} {kind}" for name, kind in linked_columns(link).items())
            connection.execute(f"create table {link.table} ({columns})")
            if _can_link(settings, ledger, link):
                file = quoted(str(link_file(settings, ledger, link)))
                connection.execute(f"insert into {link.table} by name from read_parquet('{file}')")
        _write_deliveries(connection, [d for d in ledger.deliveries() if d.status != "landed"], current)
        _write_datasets(connection, list(contracts.values()))
        connection.execute("create table landing (fingerprint varchar, is_synthetic boolean)")
        kinds = {d.is_synthetic for d in ledger.deliveries(status="accepted") if (d.dataset, d.delivery_id) in current}
        if len(kinds) > 1:
            raise WarehouseError(
                "the warehouse home holds both synthetic and real deliveries.",
                remedy="give real and synthetic data each a home of its own (WAREHOUSE_HOME)",
                where=str(settings.home),
            )
        connection.execute("insert into landing values (?, ?)", [_fingerprint(ledger), next(iter(kinds), None)])


def fingerprint(settings: Settings) -> str:
    """SHA-256 over the current deliveries and keys that are one person's: the same means the same rows in all views.

    And in the tables of links, of which a night later more may have begun and other consents hold.
    """
    with Ledger(settings) as ledger, ledger.moment():
        return _fingerprint(ledger)


def _fingerprint(ledger: Ledger) -> str:
    digest = hashlib.sha256()
    for contract in load_contracts().values():
        for line in _current(ledger, contract):
            digest.update(line.encode())
    for purpose in (*PURPOSES, *(link.vault_purpose for link in load_links().values())):
        if same := ledger.same_persons(purpose):
            digest.update(json.dumps([purpose, same]).encode())
    return digest.hexdigest()


def _current(ledger: Ledger, contract: Contract) -> list[str]:
    """One line a window of a dataset: what its view holds."""
    return sorted(
        f"{contract.dataset} {window.delivery.delivery_id} {window.first} {window.last}"
        # The same delivery has other rows once some are erased.
        + (f" without {window.delivery.erased_count}\n" if window.delivery.erased_count else "\n")
        for window in ledger.windows(contract)
    )


def _write_deliveries(
    connection: duckdb.DuckDBPyConnection, deliveries: list[Delivery], current: set[tuple[str, str]]
) -> None:
    schema = pa.schema(
        [
            ("delivery_id", pa.string()),
            ("dataset", pa.string()),
            ("domain", pa.string()),
            ("file_name", pa.string()),
            ("as_of", pa.date32()),
            ("period_label", pa.string()),
            ("period_from", pa.date32()),
            ("period_to", pa.date32()),
            ("received_at", pa.timestamp("us")),
            ("delivery_status", pa.string()),
            ("is_current", pa.bool_()),
            ("row_count", pa.int64()),
            ("landed_count", pa.int64()),
            ("quarantined_count", pa.int64()),
            ("notes", pa.list_(pa.string())),
        ]
    )
    rows = [
        {
            "delivery_id": d.delivery_id,
            "dataset": d.dataset,
            "domain": d.domain,
            "file_name": d.file_name,
            "as_of": d.as_of,
            "period_label": d.period_label,
            "period_from": d.period_from,
            "period_to": d.period_to,
            "received_at": d.received_at.replace(tzinfo=None),
            "delivery_status": d.status,
            "is_current": (d.dataset, d.delivery_id) in current,
            "row_count": d.row_count,
            "landed_count": d.landed_count,
            "quarantined_count": d.quarantined_count,
            "notes": d.notes,
        }
        for d in deliveries
    ]
    _write_table(connection, "deliveries", pa.Table.from_pylist(rows, schema=schema))


def _write_datasets(connection: duckdb.DuckDBPyConnection, contracts: list[Contract]) -> None:
    schema = pa.schema(
        [
            ("dataset", pa.string()),
            ("domain", pa.string()),
            ("title_da", pa.string()),
            ("title_en", pa.string()),
            ("source", pa.string()),
            ("owner", pa.string()),
            ("rhythm", pa.string()),
            ("period_kind", pa.string()),
            ("stale_after_days", pa.int32()),
            ("about_persons", pa.bool_()),
        ]
    )
    rows = [
        {
            "dataset": c.dataset,
            "domain": c.domain,
            "title_da": c.title.da,
            "title_en": c.title.en,
            "source": c.source,
            "owner": c.owner,
            "rhythm": c.rhythm.expected,
            "period_kind": c.delivery.period,
            "stale_after_days": c.rhythm.stale_after_days,
            "about_persons": c.about_persons,
        }
        for c in contracts
    ]
    _write_table(connection, "datasets", pa.Table.from_pylist(rows, schema=schema))


def _write_table(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    connection.register("_rows", table)
    connection.execute(f"create table {name} as from _rows")
    connection.unregister("_rows")


def quoted(value: str) -> str:
    """The inside of an SQL string."""
    return value.replace("'", "''")
