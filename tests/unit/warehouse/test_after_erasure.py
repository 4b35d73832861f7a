"""After an erasure: old releases and private builds go, editions say what they lost, and nothing is passed over."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include import night
from include.errors import Refused, WarehouseError
from include.landing import erase
from include.landing.contract import load_contracts
from include.landing.erase import ErasedDataset, ErasureReport
from include.landing.erasures import Erasures
from include.landing.ledger import Ledger
from include.operations.run_log import steps
from include.operations.status import status
from include.settings import Settings
from include.warehouse import after_erasure
from include.warehouse.release import current, publish, releases, rollback
from include.warehouse.run_folder import new_run_id, run_id_at

Run = Callable[[str], Path]
DELIVERY = "ab" * 32


def record(settings: Settings, *, rows: int = 2) -> None:
    """A delivery of which an erasure could take rows."""
    with Ledger(settings) as ledger:
        ledger.record(
            load_contracts()["cases"],
            DELIVERY,
            "cases_0_20260619.csv",
            status="accepted",
            period=None,
            as_of=dt.date(2026, 6, 19),
            row_count=rows,
            landed_count=rows,
            parquet_file=None,
            key_id=None,
            is_synthetic=False,
        )


def erased(settings: Settings, *, done: bool = True, rows: int = 1) -> int:
    """What the landing process notes when it has taken rows of the delivery."""
    with Ledger(settings) as ledger:
        delivery = ledger.known("cases", DELIVERY)
    assert delivery is not None
    with Erasures(settings) as erasures:
        erasure_id = erasures.begin("person")
        erasures.account(erasure_id, delivery, delivery.landed_count - rows, file_id=DELIVERY, lines=[2])
        if done:
            erasures.landing_done(erasure_id)
    return erasure_id


@pytest.fixture
def landing_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the landing process: it takes one row the first time, and finds nothing the second."""
    calls: list[int] = []

    def run(settings: Settings, purpose: str, *, dry_run: bool = False) -> ErasureReport:
        calls.append(1)
        if len(calls) > 1:
            with Erasures(settings) as erasures:
                erasures.landing_done(erasures.begin("person"))
            return ErasureReport("person", 2)
        return ErasureReport("person", erased(settings), [ErasedDataset("cases", 1, 1, 0)], persons=1)

    monkeypatch.setattr(erase, "run", run)


def test_ids_of_runs_sort_by_their_moments() -> None:
    before = new_run_id()
    moment = run_id_at(dt.datetime.now(dt.UTC))
    assert before < moment < new_run_id()


def test_no_rollback_leads_behind_an_erasure(run: Run, settings: Settings) -> None:
    old = publish(settings, run(new_run_id()).name)
    record(settings)
    erased(settings)
    new = publish(settings, run(new_run_id()).name)
    with pytest.raises(Refused, match="made before an erasure, with rows that must not be read again"):
        rollback(settings, old.release_id)
    assert current(settings) == new
    assert after_erasure.remove_outdated(settings) == [old.release_id]
    assert releases(settings) == [new]
    with pytest.raises(Refused, match="made before an erasure"):
        rollback(settings, old.release_id)
    assert rollback(settings, new.release_id).is_current
    newer = publish(settings, run(new_run_id()).name)
    rollback(settings, new.release_id)
    assert {one.release_id for one in releases(settings)} == {new.release_id, newer.release_id}


def test_an_erasure_that_took_no_row_leaves_the_releases(run: Run, settings: Settings) -> None:
    old = publish(settings, run(new_run_id()).name)
    with Erasures(settings) as erasures:
        erasures.landing_done(erasures.begin("retention"))
        assert not erasures.is_open()
    publish(settings, run(new_run_id()).name)
    assert after_erasure.outdated(settings) == []
    assert rollback(settings, old.release_id).is_current


def test_what_readers_get_is_never_removed(run: Run, settings: Settings) -> None:
    old = publish(settings, run(new_run_id()).name)
    record(settings)
    erased(settings)
    with pytest.raises(Refused, match="readers still get a release from before the erasure"):
        after_erasure.remove_outdated(settings)
    assert current(settings) == old


def test_private_builds_go_and_a_judgement_under_way_stays(settings: Settings) -> None:
    settings.prepare()
    for name in ("20260619T013000Z-000001", "20260619T013000Z-000002", "batch-cases-x"):
        (settings.staging / name / "build").mkdir(parents=True)
    (settings.staging / "leftover.partial").write_text("x")
    after_erasure.remove_private_builds(settings)
    assert [path.name for path in settings.staging.iterdir()] == ["batch-cases-x"]


# ---- editions


def edition(settings: Settings, name: str, *delivery_ids: str, dataset: str = "cases") -> Path:
    folder = settings.editions / name
    folder.mkdir(parents=True)
    (folder / "warehouse.duckdb").write_bytes(b"figures")
    (folder / "restricted").mkdir()
    (folder / "restricted" / "warehouse.duckdb").write_bytes(b"exact figures")
    listed = [{"dataset": dataset, "file": "x.csv", "delivery_id": one, "as_of": None} for one in delivery_ids]
    (folder / "manifest.json").write_text(json.dumps({"edition": name, "deliveries": listed, "tables": {"t": 3}}))
    (folder / "manifest.json").chmod(0o644)
    return folder


def manifest(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return content


def test_an_edition_says_which_of_its_inputs_have_lost_rows(settings: Settings) -> None:
    touched = edition(settings, "BO2-2026-1", DELIVERY[:16], "cd" * 8)
    whole = edition(settings, "BO1-2026-1", "cd" * 8)
    namesake = edition(settings, "BO1-2026-2", DELIVERY[:16], dataset="consents")
    others = {folder: (folder / "manifest.json").read_bytes() for folder in (whole, namesake)}
    before = manifest(touched)
    assert after_erasure.mark_editions(settings, [("cases", DELIVERY)]) == ["BO2-2026-1"]
    assert manifest(touched) == {**before, "erased_inputs": [{"dataset": "cases", "delivery_id": DELIVERY[:16]}]}
    assert {folder: (folder / "manifest.json").read_bytes() for folder in others} == others
    # Exact figures were made with the erased rows; protected ones are anonymous and stay.
    assert sorted(path.name for path in touched.iterdir()) == ["manifest.json", "warehouse.duckdb"]
    assert all((folder / "restricted" / "warehouse.duckdb").is_file() for folder in (whole, namesake))
    assert (touched / "warehouse.duckdb").read_bytes() == b"figures"
    assert (touched / "manifest.json").stat().st_mode & 0o777 == 0o644
    assert after_erasure.mark_editions(settings, [("cases", DELIVERY)]) == [], "it says so already"


def test_inputs_that_are_erased_later_are_added(settings: Settings) -> None:
    folder = edition(settings, "BO2-2026-1", DELIVERY[:16], "cd" * 8)
    after_erasure.mark_editions(settings, [("cases", DELIVERY)])
    after_erasure.mark_editions(settings, [("cases", DELIVERY), ("cases", "cd" * 32)])
    assert [one["delivery_id"] for one in manifest(folder)["erased_inputs"]] == [DELIVERY[:16], "cd" * 8]


def test_without_editions_there_is_nothing_to_mark(settings: Settings) -> None:
    assert after_erasure.mark_editions(settings, [("cases", DELIVERY)]) == []


# ---- all of it


@pytest.mark.usefixtures("landing_process")
def test_a_refresh_that_fails_is_told_with_what_remains_and_the_next_try_finishes(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = publish(settings, run(new_run_id()).name)
    record(settings)
    marked = edition(settings, "BO2-2026-1", DELIVERY[:16])

    def fails(*_: object) -> None:
        raise Refused("a gate said no.", remedy="correct it", where="schema marts")

    monkeypatch.setattr(night, "refresh_plain", fails)
    with pytest.raises(Refused, match="landing, vault and inbox are erased, but no release could be made") as raised:
        night.erase(settings, "person", lambda line: None)
    assert f"a gate said no. What remains: {old.release_id}" in raised.value.reason
    assert "start the erasure again" in raised.value.remedy
    assert raised.value.where == "schema marts"
    assert manifest(marked)["erased_inputs"]
    with Erasures(settings) as erasures:
        assert [proof.state for proof in erasures.proofs()] == ["open"]
    acts = [act for act in status(settings).to_act if act.where.startswith("erasure")]
    assert [(act.where, act.remedy) for act in acts] == [
        ("erasure 1 (person)", "start it again: `warehouse erase person`")
    ]

    said: list[str] = []
    monkeypatch.setattr(night, "refresh_plain", lambda *_: publish(settings, run(new_run_id()).name))
    night.erase(settings, "person", said.append)
    new = current(settings)
    assert new is not None
    assert releases(settings) == [new]
    assert f"releases from before, removed: {old.release_id}" in said
    with Erasures(settings) as erasures:
        proofs = erasures.proofs()
    assert [(proof.state, proof.release_id) for proof in proofs] == [("finished", new.release_id), ("finished", None)]
    assert not [act for act in status(settings).to_act if act.where.startswith("erasure")]
    assert [step.outcome for step in steps(settings) if step.name == "erase_person"] == ["failed", "succeeded"]


@pytest.mark.usefixtures("landing_process")
def test_a_release_that_a_night_made_meanwhile_will_do(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(settings, run(new_run_id()).name)
    record(settings)

    def fails(*_: object) -> None:
        raise WarehouseError("the disk is full.", remedy="make room")

    monkeypatch.setattr(night, "refresh_plain", fails)
    with pytest.raises(WarehouseError, match="no release could be made"):
        night.erase(settings, "person", lambda line: None)
    new = publish(settings, run(new_run_id()).name)
    night.erase(settings, "person", lambda line: None)
    assert releases(settings) == [new]


@pytest.mark.usefixtures("landing_process")
def test_a_home_without_a_release_needs_none(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    record(settings)
    monkeypatch.setattr(night, "refresh_plain", lambda *_: pytest.fail("nothing was published"))
    night.erase(settings, "person", lambda line: None)
    with Erasures(settings) as erasures:
        assert not erasures.is_open()


@pytest.mark.usefixtures("landing_process")
def test_while_a_refresh_holds_the_lock_nothing_is_erased(settings: Settings) -> None:
    record(settings)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom include.settings import Settings\nfrom include.warehouse.lock import refresh_lock\n"
            "with refresh_lock(Settings()):\n    print('held', flush=True)\n    sys.stdin.read()",
        ],
        env={**os.environ, **settings.environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(WarehouseError, match="another refresh is under way"):
            night.erase(settings, "person", lambda line: None)
        with Erasures(settings) as erasures:
            assert erasures.proofs() == []
    finally:
        holder.kill()
        holder.wait()


def test_files_that_still_hold_the_number_are_no_success(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.prepare()
    monkeypatch.setattr(
        erase, "run", lambda *_, **__: ErasureReport("person", 1, remains=["inbox/cases/.cases_0_20260619.csv.x"])
    )
    with pytest.raises(WarehouseError, match=r"still stands in 1 file\(s\): inbox/cases/.cases_0_20260619.csv.x"):
        night.erase(settings, "person", lambda line: None)
