"""The synthetic municipality: an inbox with every dataset in its native format, and the truth that was planted in it.

Deterministic: the same size and seed give the same bytes. All that was before 15 June 2026 comes as backfill
deliveries of 12 June, then five nights follow, with registrations that come late, corrections, a month sent again and
a file that is delivered twice under two names. `TRUTH.json` tells what the marts must show; it holds counts and sums
only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from include.demo import absence, enrolments, ledger, referrals, wellbeing
from include.demo.deliveries import AS_OF, BACKFILL, NIGHTS, by_month
from include.demo.school_days import school_days, school_year
from include.demo.schools import Size
from include.settings import SYNTHETIC_MARKER

if TYPE_CHECKING:
    from include.demo.agreement import AgreementTruth

MUNICIPALITY_CODE = "151"
TRUTH_FILE = "TRUTH.json"

_TWICE_ON = NIGHTS[3]
"""On this night the ledger's file comes twice, the second time named after the days instead of the month."""

_CORRECTED_AGREEMENT_ON, _CORRECTED_AGREEMENT_DATE = NIGHTS[2], NIGHTS[1]

Progress = Callable[[str], None]


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
    progress: Progress | None = None,
    truth_file: Path | None = None,
) -> Truth:
    """Fill the folder `inbox`, which must not exist or be empty, with the deliveries of all nights.

    `size` is `small` (two schools, some 370 pupils, two school years) or `city` (Ballerup's schools and pupil numbers,
    three school years). The inbox is made in a folder beside it and renamed at the end, so that a killed generation
    leaves none. `truth_file` is `TRUTH.json` in the inbox's root by default. Raises FileExistsError if the inbox holds
    anything.
    """
    inbox = inbox.absolute()
    if inbox.is_dir() and any(inbox.iterdir()):
        raise FileExistsError(f"{inbox.name} is not empty")
    inbox.parent.mkdir(parents=True, exist_ok=True)
    building = inbox.parent / f".{inbox.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        building.mkdir()
        content, dates = _fill(building, size, seed, progress or (lambda _: None))
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


def _fill(inbox: Path, size: Size, seed: int, progress: Progress) -> tuple[dict[str, Any], dict[str, str]]:
    """Write all datasets; returns the truth, and the day on which each file came."""

    def rng(dataset: int) -> np.random.Generator:
        """A stream of its own for each dataset, so that one does not depend on how much chance another takes."""
        return np.random.default_rng([seed, dataset])

    dates: dict[str, str] = {}
    truth: dict[str, Any] = {
        "as_of": AS_OF.isoformat(),
        "size": size,
        "seed": seed,
        "municipality_code": MUNICIPALITY_CODE,
        "backfill": BACKFILL.isoformat(),
        "nights": [night.isoformat() for night in NIGHTS],
    }

    progress("enrolments")
    town = enrolments.simulate(rng(1), size)
    truth["school_days"] = {
        school_year(year): {
            "all": len(school_days(year)),
            "until_as_of": int((school_days(year) <= np.datetime64(AS_OF, "D")).sum()),
        }
        for year in town.years
    }
    snapshots = enrolments.deliver(town)
    for delivery in snapshots:
        enrolments.write(town, delivery, inbox)
        dates[delivery.path] = delivery.as_of.isoformat()
    truth["enrolments"] = enrolments.truth(town, snapshots)

    progress("absence_days")
    absences = absence.generate(rng(2), town)
    days = absence.deliver(town, absences)
    for delivery in days:
        absence.write(town, absences, delivery, inbox)
        dates[delivery.path] = delivery.as_of.isoformat()
    truth["absence_days"] = absence.truth(town, absences, days)

    progress("referrals")
    register = referrals.generate(rng(3), town)
    referred = referrals.deliver(town, register)
    for delivery in referred:
        referrals.write(town, register, delivery, inbox)
        dates[delivery.path] = delivery.as_of.isoformat()
    truth["referrals"] = referrals.truth(town, register, referred)

    progress("wellbeing_answers")
    measurements = wellbeing.generate(rng(4), town)
    for measurement in measurements:
        wellbeing.write(town, measurement, inbox)
        dates[wellbeing.delivery(measurement).path] = measurement.as_of.isoformat()
    truth["wellbeing_answers"] = wellbeing.truth(town, measurements)

    progress("budget_agreement")
    agreements = _agreements(inbox / "budget_agreement", seed, dates)
    truth["budget_agreement"] = agreements

    progress("ledger_postings")
    postings = ledger.generate(rng(5), town, _adopted(agreements))
    files = ledger.deliver(town, postings)
    for delivery in files:
        ledger.write(town, postings, delivery, inbox)
        dates[delivery.path] = delivery.as_of.isoformat()
    truth["ledger_postings"] = ledger.truth(postings, files)
    _deliver_twice(inbox, dates, truth["ledger_postings"])

    progress("absence_statistics")
    truth["absence_statistics"] = _statistics(inbox / "absence_statistics", rng(6), dates)
    return truth, dict(sorted(dates.items(), key=lambda item: (item[1], item[0])))


def _deliver_twice(inbox: Path, dates: dict[str, str], truth: dict[str, Any]) -> None:
    """One night's ledger file comes again with the same bytes under another name."""
    label, first, last = by_month(AS_OF.year, AS_OF.month)
    path = f"ledger_postings/ledger_postings_{label}_{_TWICE_ON:%Y%m%d}.csv"
    again = f"ledger_postings/ledger_postings_{first:%Y%m%d}-{last:%Y%m%d}_{_TWICE_ON:%Y%m%d}.csv"
    shutil.copyfile(inbox / path, inbox / again)
    dates[again] = _TWICE_ON.isoformat()
    truth["delivered_twice"] = {again: path}


def _agreements(folder: Path, seed: int, dates: dict[str, str]) -> dict[str, Any]:
    """The budget agreements of three years, and a corrected one of the last."""
    from include.demo.agreement import write_agreement

    def rng(year: int) -> np.random.Generator:
        """A correction starts from the same state as what it corrects."""
        return np.random.default_rng([seed, year])

    documents = [
        (write_agreement(folder, 2024, "pdf", rng=rng(2024)), BACKFILL),
        (write_agreement(folder, 2025, "txt", rng=rng(2025)), BACKFILL),
        (write_agreement(folder, 2026, "txt", rng=rng(2026)), BACKFILL),
    ]
    corrected = write_agreement(folder, 2026, "txt", revision=1, date=_CORRECTED_AGREEMENT_DATE, rng=rng(2026))
    documents.append((corrected, _CORRECTED_AGREEMENT_ON))
    newest = {document.agreement_year: document for document, _ in documents}
    files = {}
    for document, came in documents:
        path = f"{folder.name}/{document.path.name}"
        dates[path] = came.isoformat()
        rows = len(document.initiatives)
        files[path] = {
            "rows": rows,
            "current_rows": rows if newest[document.agreement_year] is document else 0,
            "agreement_year": document.agreement_year,
            "document_date": document.document_date.isoformat(),
        }
    return {"deliveries": files, "agreements": {str(year): _agreement(document) for year, document in newest.items()}}


def _adopted(agreements: dict[str, Any]) -> dict[tuple[int, str], float]:
    """What each agreement sets aside for an initiative in its own year, in million kroner."""
    return {
        (int(year), amount["initiative_id"]): float(amount["amount_mdkk"])
        for year, agreement in agreements["agreements"].items()
        for amount in agreement["amounts"]
        if amount["budget_year"] == int(year) and amount["amount_kind"] == "expenditure"
    }


def _agreement(document: AgreementTruth) -> dict[str, Any]:
    """What the newest document of a year says: its initiatives, milestones and amounts."""
    return {
        "document_date": document.document_date.isoformat(),
        "case_number": document.case_number,
        "initiatives": [dataclasses.asdict(initiative) for initiative in document.initiatives],
        "milestones": [dataclasses.asdict(milestone) for milestone in document.milestones],
        "amounts": [
            dataclasses.asdict(amount) | {"amount_mdkk": str(amount.amount_mdkk)} for amount in document.amounts
        ],
    }


def _statistics(folder: Path, rng: np.random.Generator, dates: dict[str, str]) -> dict[str, Any]:
    """The figures that a stand-in for the ministry's API serves."""
    from include.demo.ministry import STUB_ANSWERS, write_statistics

    planted = write_statistics(folder, rng)
    dates[f"{folder.name}/{STUB_ANSWERS}"] = BACKFILL.isoformat()
    records = planted.records()
    statuses = [str(record["value_status"]) for record in records]
    return {
        "rows": len(records),
        "by_status": {status: statuses.count(status) for status in sorted(set(statuses))},
        "ballerup": [record for record in records if record["municipality_name"] == "Ballerup"],
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
