"""What a run is made from, as its own landing file says it: one moment of the ledger, which moves on meanwhile."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from include.errors import Refused
from include.settings import Settings
from include.warehouse.database import connect
from include.warehouse.run_folder import RunFolder


@dataclass(frozen=True)
class CurrentDelivery:
    """A delivery whose rows the run is made of; `delivery_id` is 64 hex digits, `notes` are warnings about it."""

    dataset: str
    file_name: str
    delivery_id: str
    as_of: dt.date | None
    period_label: str | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Landed:
    """What lies in `staging/<run_id>/landing.duckdb`.

    `fingerprint` is the SHA-256 over what is current, `is_synthetic` whether it is made up (None if there is none).
    """

    fingerprint: str
    is_synthetic: bool | None
    deliveries: tuple[CurrentDelivery, ...]


def read_landed(settings: Settings, folder: RunFolder) -> Landed:
    """Read what a run's landing file says of itself.

    Raises WarehouseError if it does not say it, or if made-up and real deliveries are in it together.
    """
    with connect(folder.landing_file, read_only=True, scratch=folder.scratch, settings=settings) as connection:
        rows = connection.execute(
            "select dataset, file_name, delivery_id, as_of, period_label, notes from main.deliveries "
            "where is_current order by dataset, as_of, period_label, delivery_id"
        ).fetchall()
        said = connection.execute("select fingerprint, is_synthetic from main.landing").fetchall()
    deliveries = tuple(
        CurrentDelivery(dataset, file, delivery_id, as_of, period, tuple(notes or ()))
        for dataset, file, delivery_id, as_of, period, notes in rows
    )
    return Landed(fingerprint=said[0][0], is_synthetic=said[0][1], deliveries=deliveries)


def decided_synthetic(settings: Settings, landed: Landed) -> bool:
    """Whether the run is about made-up data: what has landed says it, and only where nothing has, the inbox.

    Raises Refused if the inbox that is set says otherwise: a release must not call made-up figures real.
    """
    if not landed.deliveries or landed.is_synthetic is None:
        return settings.is_synthetic
    if landed.is_synthetic != settings.is_synthetic:
        kinds = ("synthetic", "real") if landed.is_synthetic else ("real", "synthetic")
        raise Refused(
            f"what has landed is {kinds[0]}, and the inbox says that it is {kinds[1]}",
            where=str(settings.home),
            remedy="set WAREHOUSE_INPUTS to the inbox that the deliveries came from, or take another WAREHOUSE_HOME: "
            "made-up and real data each have a home of their own",
        )
    return landed.is_synthetic
