"""Erasing in landing: who leaves is gone from every file, the others stay as they were, and nothing comes back."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
from landing_steps import landed, problems, take_in, write_lines

from include.errors import WarehouseError
from include.landing import erase, judge, process, store
from include.landing.contract import Contract, load_contracts
from include.landing.erasures import Erasures, past, past_condition
from include.landing.ledger import Delivery, Ledger
from include.landing.persons import PersonNumber, Vault, parse_person_number, read_key
from include.settings import PROJECT_ROOT, Settings

CONTRACTS = load_contracts()
ABSENCE, ANSWERS = CONTRACTS["absence_days"], CONTRACTS["wellbeing_answers"]
HEADER = "Personnummer;Institutionsnummer;Dato;Fraværsart;Registreret;Bemærkning"
ANSWERS_HEADER = ";".join(column.source_name for column in ANSWERS.delivered_columns)
FAILING = [serial for serial in range(1, 60) if serial not in {7, 15, 23, 31, 58}]
"""Serials whose numbers fail modulus 11."""
NIGHT = dt.date(2026, 6, 19)
JUNE = "absence_days_2026-06_20260612.csv"


@pytest.fixture
def home(settings: Settings) -> Settings:
    """A home with an inbox of its own, on a fixed night."""
    return settings.model_copy(update={"as_of": NIGHT})


@pytest.fixture
def outside(home: Settings, tmp_path: Path) -> Settings:
    """The same, but the inbox lies outside the home."""
    return home.model_copy(update={"inputs": tmp_path / "inbox"})


def cpr(serial: int) -> str:
    """A number that fails modulus 11 for small serials, as nobody's may be right here."""
    return f"020312-{4000 + serial}"


def number(serial: int) -> PersonNumber:
    found = parse_person_number(cpr(serial))
    assert found is not None
    assert not found.passes_modulus_11, "take another serial: somebody could have this one"
    return found


def row(serial: int, day: str, kind: str = "Sygdom", *, remark: str = "ingen") -> str:
    return f"{cpr(serial)};151003;{day};{kind};;{remark}"


def deliver(settings: Settings, name: str, *rows: str) -> Path:
    return write_lines(settings, f"absence_days/{name}", HEADER, *rows)


def counts(delivery: Delivery) -> tuple[int, int, int, int]:
    assert delivery.row_count == delivery.landed_count + delivery.quarantined_count + delivery.erased_count
    return delivery.row_count, delivery.landed_count, delivery.quarantined_count, delivery.erased_count


def known(settings: Settings, dataset: str = "absence_days") -> list[Delivery]:
    with Ledger(settings) as ledger:
        return ledger.deliveries(dataset)


def vault_size(settings: Settings, purpose: str = "school") -> int:
    return len(Vault(settings, purpose, read_key(settings)).all_keys())


def parquet(settings: Settings, delivery: Delivery) -> list[tuple[Any, ...]]:
    assert delivery.parquet_file is not None
    with duckdb.connect() as connection:
        found = connection.execute(f"from read_parquet('{settings.landing / delivery.parquet_file}')")
        return found.fetchall()


def trace_of(settings: Settings, serial: int, *more: str) -> list[str]:
    """Files under the home that hold the number in any form, or one of the other texts."""
    digits = cpr(serial).replace("-", "")
    forms = [cpr(serial), digits, str(int(digits)), *more]
    found = []
    for path in settings.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if any(form.encode(kind) in content for form in forms for kind in ("utf-8", "cp1252", "utf-16-le")):
                found.append(str(path.relative_to(settings.home)))
    return found


# ---- a person


def test_a_person_leaves_and_everybody_else_stays_as_they_were(home: Settings) -> None:
    deliver(
        home, JUNE, *(row(serial, f"{day:02}-06-2026", remark=f"om {serial}") for serial in (1, 2, 3) for day in (1, 2))
    )
    deliver(home, "absence_days_2026-05_20260612.csv", row(3, "04-05-2026"))
    untouched, before = take_in(home, "absence_days")
    rows = parquet(home, before)
    assert before.parquet_file is not None
    file = home.landing / before.parquet_file
    kept_key = Vault(home, "school", read_key(home)).known_keys([number(1), number(3)])
    (digest,) = _digests(home, number(2))
    (gone_key,) = Vault(home, "school", read_key(home)).known_keys([number(2)])[number(2).digits]
    described = _described(file)

    report = erase.erase_person(home, number(2))

    assert [dataclasses.astuple(one) for one in report.datasets] == [("absence_days", 1, 2, 0)]
    assert (report.persons, report.files, report.remains, report.elsewhere) == (1, 1, [], {})
    other, after = known(home)
    assert counts(after) == (6, 4, 0, 2)
    assert counts(other) == counts(untouched) == (1, 1, 0, 0)
    person = [column.name for column in ABSENCE.landed_columns].index("person_key")
    assert parquet(home, after) == [one for one in rows if one[person] != gone_key], "same rows, same order"
    assert _described(file) == described, "same columns, types and compression"
    assert Vault(home, "school", read_key(home)).known_keys([number(1), number(2), number(3)]) == kept_key
    assert not trace_of(home, 2, "om 2")
    vault = (home.vault / "151_school.sqlite").read_bytes()
    assert digest not in vault
    assert [path.name for path in (home.inbox / "absence_days").iterdir()] == ["absence_days_2026-05_20260612.csv"]
    with duckdb.connect() as connection:
        everywhere = f"select count(*) from read_parquet('{home.landing}/*/*.parquet') where person_key = {gone_key}"
        assert connection.execute(everywhere).fetchone() == (0,)


def _digests(settings: Settings, *numbers: PersonNumber) -> list[bytes]:
    keys = set().union(*Vault(settings, "school", read_key(settings)).known_keys(list(numbers)).values())
    with contextlib.closing(sqlite3.connect(settings.vault / "151_school.sqlite")) as connection:
        return [digest for digest, key in connection.execute("select digest, person_key from person") if key in keys]


def _described(file: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        columns = connection.execute(f"select name, type, converted_type from parquet_schema('{file}')").fetchall()
        packed = f"select distinct path_in_schema, compression from parquet_metadata('{file}') order by all"
        return [*columns, *connection.execute(packed).fetchall()]


def test_what_is_noted_of_it_leads_to_nobody(home: Settings) -> None:
    deliver(home, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026", remark="hemmeligt"))
    take_in(home, "absence_days")
    keys = Vault(home, "school", read_key(home)).known_keys([number(2)])
    (digest,) = _digests(home, number(2))
    erase.erase_person(home, number(2))
    with Erasures(home) as erasures:
        (proof,) = erasures.proofs()
    assert (proof.purpose, proof.dataset, proof.landed_rows, proof.quarantined_rows) == ("person", "absence_days", 1, 0)
    assert proof.deliveries == (known(home)[0].delivery_id,)
    assert proof.asked_at.utcoffset() == dt.timedelta()
    with contextlib.closing(sqlite3.connect(home.erasures_file)) as connection:
        values = [
            value
            for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall()
            for one in connection.execute(f"select * from {table}").fetchall()
            for value in one
        ]
    said = " ".join(map(str, values))
    (key,) = keys[number(2).digits]
    for trace in (number(2).digits, cpr(2), str(key), digest.hex(), "hemmeligt"):
        assert trace not in said
    assert 3 in values, "the line of the file is what is kept"


def test_another_person_of_whom_nothing_is_known_changes_nothing(home: Settings) -> None:
    deliver(home, JUNE, row(1, "01-06-2026"))
    before = take_in(home, "absence_days")
    report = erase.erase_person(home, number(2))
    assert (report.datasets, report.persons, report.files) == ([], 0, 0)
    assert known(home) == before
    with Erasures(home) as erasures:
        (proof,) = erasures.proofs()
        assert not erasures.is_open()
        assert erasures.barrier() is None, "no release need go"
    assert (proof.state, proof.dataset) == ("finished", None)


def test_a_quarantined_row_is_erased_as_well(home: Settings) -> None:
    deliver(
        home, JUNE, row(1, "01-06-2026"), row(2, "31-06-2026"), row(3, "31-06-2026"), row(2, "03-06-2026"), row(2, "x")
    )
    (before,) = take_in(home, "absence_days")
    assert counts(before) == (5, 2, 3, 0)
    report = erase.erase_person(home, number(2))
    assert [dataclasses.astuple(one) for one in report.datasets] == [("absence_days", 1, 1, 2)]
    assert counts(known(home)[0]) == (5, 1, 1, 3)
    assert problems(home, "absence_days") == [(4, "absence_date", "type")], "the place of the other row stays"


def test_files_that_nobody_has_taken_in_stop_it_before_it_begins(home: Settings) -> None:
    deliver(home, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026"))
    before = take_in(home, "absence_days")
    waiting = deliver(home, "absence_days_2026-06_20260613.csv", row(2, "02-06-2026"))
    with pytest.raises(WarehouseError, match="not been taken in; nothing is erased") as raised:
        erase.erase_person(home, number(2))
    assert "`warehouse extract school_absence`" in raised.value.remedy
    assert waiting.exists()
    assert known(home) == before
    assert vault_size(home) == 2


@pytest.mark.parametrize("kind", ["hidden", "half", "wide", "name", "packed"])
def test_what_is_no_delivery_and_holds_the_number_is_named(home: Settings, kind: str) -> None:
    deliver(home, JUNE, row(2, "01-06-2026"))
    take_in(home, "absence_days")
    folder = home.inbox / "absence_days"
    files = {"hidden": ".x.csv", "half": "x.csv.part", "wide": "y.part", "name": f"{cpr(2)}.part", "packed": ".x.xlsx"}
    file = folder / files[kind]
    match kind:
        case "wide":
            file.write_bytes(cpr(2).encode("utf-16-le"))
        case "packed":
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("sheet.xml", f"<v>{int(number(2).digits)}</v>")
        case "name":
            file.write_text("nothing", "utf-8")
        case _:
            file.write_text(f"a;{number(2).digits};b", "utf-8")
    report = erase.erase_person(home, number(2))
    assert report.remains == [str(file.relative_to(home.home))]
    file.unlink()
    assert erase.erase_person(home, number(2)).remains == []


def test_a_file_that_names_the_person_for_another_is_removed_and_the_other_row_stays(home: Settings) -> None:
    """A remark, or a parent's number: it never landed, so nothing of the row is erased."""
    deliver(home, JUNE, row(1, "01-06-2026", remark=f"bror til {cpr(2)}"))
    before = take_in(home, "absence_days")
    report = erase.erase_person(home, number(2))
    assert (report.datasets, report.files) == ([], 1)
    assert known(home) == before
    assert not trace_of(home, 2)


def test_a_person_who_had_another_number_leaves_with_both(home: Settings) -> None:
    """A vault may know two numbers of one person: the rows of both have the same key."""
    deliver(home, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026"), row(3, "01-06-2026"))
    (delivery,) = take_in(home, "absence_days")
    keys = Vault(home, "school", read_key(home)).known_keys([number(2), number(3)])
    assert delivery.parquet_file is not None
    with contextlib.closing(sqlite3.connect(home.vault / "151_school.sqlite")) as connection, connection:
        # As a vault with replaced numbers has it: two digests, one key.
        rows = connection.execute("select * from person").fetchall()
        connection.execute("drop table person")
        connection.execute("create table person (digest blob primary key, person_key integer, status text)")
        (old,), (new,) = keys[number(3).digits], keys[number(2).digits]
        merged = [(digest, new if key == old else key, status) for digest, key, status in rows]
        connection.executemany("insert into person values (?, ?, ?)", merged)
    file = home.landing / delivery.parquet_file
    with duckdb.connect() as connection:
        connection.execute(f"create table t as from read_parquet('{file}')")
        connection.execute(f"update t set person_key = {new} where person_key = {old}")
        connection.execute(f"copy t to '{file}' (format parquet, compression zstd)")
    later = deliver(home, "absence_days_2026-05_20260612.csv", row(3, "04-05-2026"))
    take_in(home, "absence_days")
    report = erase.erase_person(home, number(2))
    assert [dataclasses.astuple(one) for one in report.datasets] == [("absence_days", 2, 3, 0)]
    assert not later.exists()
    assert not trace_of(home, 2)
    assert not trace_of(home, 3)
    assert vault_size(home) == 1


def test_answers_leave_and_the_others_keep_their_shuffled_order(home: Settings) -> None:
    rows = [_answer(serial, question) for serial in range(1, 6) for question in range(1, 21)]
    write_lines(home, "wellbeing_answers/wellbeing_answers_2025-2026_20260617.csv", ANSWERS_HEADER, *rows)
    (before,) = take_in(home, "wellbeing_answers")
    assert counts(before) == (100, 100, 0, 0)
    order = parquet(home, before)
    gone = Vault(home, "trivsel", read_key(home)).known_keys([number(2)])[number(2).digits]
    report = erase.erase_person(home, number(2))
    assert [(one.dataset, one.landed) for one in report.datasets] == [("wellbeing_answers", 20)]
    (after,) = known(home, "wellbeing_answers")
    assert parquet(home, after) == [one for one in order if gone.isdisjoint(one)]
    assert len(parquet(home, after)) == 80


def _answer(serial: int, question: int, year: str = "2025/2026") -> str:
    return f"{year};151003;2;{cpr(serial)};{serial};K;{question};1"


# ---- nobody comes back


def again(settings: Settings) -> Delivery:
    """The landing is lost, ledger included, and filled again from the inbox."""
    shutil.rmtree(settings.landing)
    (delivery,) = take_in(settings, "absence_days")
    return delivery


def test_a_lost_landing_that_is_filled_again_leaves_the_erased_lines_out(outside: Settings) -> None:
    rows = [row(1, "01-06-2026"), row(2, "01-06-2026"), row(3, "31-06-2026"), "a;b", row(2, "x"), row(1, "02-06-2026")]
    file = deliver(outside, JUNE, *rows)
    (before,) = take_in(outside, "absence_days")
    assert counts(before) == (6, 3, 3, 0)
    report = erase.erase_person(outside, number(2))
    assert (report.elsewhere, report.files) == ({"absence_days": 1}, 0), "that inbox is somebody else's"
    assert file.exists()
    erased = counts(known(outside)[0])
    assert erased == (6, 2, 2, 2)
    places = problems(outside, "absence_days")
    assert places == [(4, "absence_date", "type"), (5, None, "row_form")]

    assert counts(again(outside)) == erased
    assert problems(outside, "absence_days") == places, "the other rows keep their lines"
    assert vault_size(outside) == 2, "1 and 3: nobody got a key anew"
    assert landed(outside, "select count(*), count(distinct person_key) from absence_days") == [(2, 1)]


def test_the_same_bytes_under_another_period_leave_the_erased_lines_out(outside: Settings) -> None:
    deliver(outside, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026"))
    take_in(outside, "absence_days")
    erase.erase_person(outside, number(2))
    deliver(outside, "absence_days_20260601-20260614_20260614.csv", row(1, "01-06-2026"), row(2, "01-06-2026"))
    *_, copied = take_in(outside, "absence_days")
    assert len(known(outside)) == 2
    assert counts(copied) == (2, 1, 0, 1)
    assert vault_size(outside) == 1


def test_a_new_delivery_with_the_person_lands_under_a_key_that_nothing_connects_with_the_old_one(
    outside: Settings,
) -> None:
    deliver(outside, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026"))
    take_in(outside, "absence_days")
    old = Vault(outside, "school", read_key(outside)).known_keys([number(2)])
    erase.erase_person(outside, number(2))
    deliver(
        outside, "absence_days_2026-06_20260613.csv", row(1, "01-06-2026"), row(2, "01-06-2026"), row(1, "02-06-2026")
    )
    *_, new = take_in(outside, "absence_days")
    assert counts(new) == (3, 3, 0, 0)
    assert Vault(outside, "school", read_key(outside)).known_keys([number(2)]) != old


@pytest.mark.parametrize("is_readable", [True, False])
def test_a_rejected_delivery_does_not_bring_the_person_back(outside: Settings, is_readable: bool) -> None:
    file = deliver(outside, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026"))
    if not is_readable:
        file.write_text(f"Nr;Dato\n{cpr(2)};01-06-2026\n", "utf-8")
    process.take_in(outside, ABSENCE)
    with Ledger(outside) as ledger:
        for one in ledger.deliveries(status="landed"):
            ledger.decide(one, is_accepted=False, notes=[], problems=[])
            (outside.landing / str(one.parquet_file)).unlink()
    assert known(outside)[0].status == "rejected"
    erase.erase_person(outside, number(2))
    process.take_in(outside, ABSENCE, retry_rejected=True)
    (delivery,) = known(outside)
    if is_readable:
        assert (delivery.status, counts(delivery)) == ("landed", (2, 1, 0, 1))
        assert vault_size(outside) == 1
    else:
        assert delivery.status == "rejected"
        with Ledger(outside) as ledger:
            assert "held rows that were erased" in ledger.problems()[0].reason
        assert vault_size(outside) == 0


def test_without_its_file_a_delivery_can_never_land_again(outside: Settings) -> None:
    rows = [row(1, "01-06-2026"), row(2, "01-06-2026")]
    file = deliver(outside, JUNE, *rows)
    take_in(outside, "absence_days")
    file.unlink()
    erase.erase_person(outside, number(2))
    assert counts(known(outside)[0]) == (2, 1, 0, 1)
    deliver(outside, JUNE, *rows)
    shutil.rmtree(outside.landing)
    process.take_in(outside, ABSENCE)
    (delivery,) = known(outside)
    assert delivery.status == "rejected"


def test_the_same_delivery_in_the_home_s_own_inbox_is_removed_again(home: Settings) -> None:
    rows = [row(1, "01-06-2026"), row(2, "01-06-2026")]
    deliver(home, JUNE, *rows)
    take_in(home, "absence_days")
    erase.erase_person(home, number(2))
    copied = deliver(home, JUNE, *rows)
    assert process.land(home, "absence_days").deliveries == 0
    assert not copied.exists()
    assert counts(known(home)[0]) == (2, 1, 0, 1)
    assert not trace_of(home, 2)


def test_the_same_deliveries_with_other_rows_are_published_anew(home: Settings) -> None:
    deliver(home, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026"))
    take_in(home, "absence_days")
    before = store.fingerprint(home)
    erase.erase_person(home, number(2))
    assert store.fingerprint(home) != before


def test_a_delivery_of_which_nothing_is_left_is_not_judged(home: Settings) -> None:
    deliver(home, JUNE, row(2, "01-06-2026"))
    process.take_in(home, ABSENCE)
    erase.erase_person(home, number(2))
    (verdict,) = judge.judge(home, "school_absence")
    assert verdict.is_accepted
    assert verdict.checks == 0
    assert counts(known(home)[0]) == (1, 0, 0, 1)
    assert landed(home, "select count(*) from absence_days") == [(0,)]


def test_a_delivery_with_erased_lines_passes_its_suite(outside: Settings) -> None:
    file = deliver(outside, JUNE, *(row(serial, f"{1 + serial % 5:02}-06-2026") for serial in FAILING))
    process.take_in(outside, ABSENCE)
    erase.erase_person(outside, number(2))
    (verdict,) = judge.judge(outside, "school_absence")
    assert verdict.is_accepted, verdict.critical
    assert verdict.checks > 5
    assert file.exists()


# ---- killed


@pytest.mark.parametrize("place", ["rewritten", "accounted", "files", "vault"])
def test_what_was_killed_finishes(home: Settings, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    class Killed(BaseException):
        pass

    def end(*_: object, **__: object) -> None:
        raise Killed

    for month in ("05", "06"):
        deliver(home, f"absence_days_2026-{month}_20260612.csv", row(1, f"01-{month}-2026"), row(2, f"02-{month}-2026"))
    take_in(home, "absence_days")
    with monkeypatch.context() as patch:
        match place:
            case "rewritten":
                patch.setattr(Erasures, "account", end)
            case "accounted":
                patch.setattr(erase, "_remove", end)
            case "files":
                patch.setattr(Vault, "remove", end)
            case "vault":
                patch.setattr(Erasures, "landing_done", end)
        with pytest.raises(Killed):
            erase.erase_person(home, number(2))
    assert not list(home.landing.rglob("*.tmp"))
    with Erasures(home) as erasures:
        assert [proof.state for proof in erasures.proofs()][-1] == "broke off"

    report = erase.erase_person(home, number(2))

    assert report.broke_off == [1]
    assert [counts(one) for one in known(home)] == [(2, 1, 0, 1)] * 2
    assert not trace_of(home, 2)
    assert vault_size(home) == 1
    with Erasures(home) as erasures:
        proofs = erasures.proofs()
        assert sum(proof.landed_rows for proof in proofs) == 2, "each row is told once"
        assert proofs[0].state == "continued by 2"
        assert proofs[-1].state == "open", "releases may hold the rows, whichever attempt took them"


def test_a_half_written_file_is_nothing(home: Settings) -> None:
    deliver(home, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026"))
    (delivery,) = take_in(home, "absence_days")
    assert delivery.parquet_file is not None
    left = (home.landing / delivery.parquet_file).with_suffix(".tmp")
    left.write_bytes(b"PAR1half")
    erase.erase_person(home, number(2))
    assert not left.exists()
    assert counts(known(home)[0]) == (2, 1, 0, 1)


# ---- retention


def contract_of(dataset: str, years: int) -> Contract:
    contract = CONTRACTS[dataset]
    return contract.model_copy(update={"retention": contract.retention.model_copy(update={"years": years})})


@pytest.mark.parametrize(
    ("night", "years", "first"),
    [("2026-06-19", 5, "2021-06-19"), ("2028-02-29", 5, "2023-02-28"), ("2028-02-29", 4, "2024-02-28")],
)
def test_the_first_day_within_retention(night: str, years: int, first: str) -> None:
    found = past(contract_of("absence_days", years), dt.date.fromisoformat(night))
    assert found == dt.date.fromisoformat(first)


def test_what_is_counted_from_a_date_and_what_from_the_delivery() -> None:
    before = dt.date(2021, 6, 19)
    late, early = dt.date(2021, 6, 19), dt.date(2021, 6, 18)
    assert past_condition(ABSENCE, before, late) == "absence_date < date '2021-06-19'"
    assert past_condition(ABSENCE, before, early) == "true"
    assert past_condition(ANSWERS, before, late) is None
    assert past_condition(ANSWERS, before, early) == "true"


def test_every_contract_counts_from_a_date_that_lands() -> None:
    for contract in CONTRACTS.values():
        content = contract.model_dump()
        with pytest.raises(ValueError, match="counted_from"):
            Contract.model_validate({**content, "retention": {"years": 5, "counted_from": "municipality_code"}})


def old_and_new(settings: Settings) -> None:
    deliver(settings, "absence_days_20210101-20210630_20210701.csv", row(1, "18-06-2021"), row(2, "19-06-2021"))
    deliver(settings, "absence_days_20200801-20210618_20210618.csv", row(3, "05-08-2020"), row(2, "31-06-2021"))
    deliver(settings, JUNE, row(1, "01-06-2026"))


def test_rows_past_their_retention_leave_and_who_has_none_left_leaves_the_vault(home: Settings) -> None:
    old_and_new(home)
    take_in(home, "absence_days")
    planned = erase.erase_past_retention(home, dry_run=True)
    assert planned.erasure_id is None
    assert [counts(one) for one in known(home)] == [(2, 1, 1, 0), (2, 2, 0, 0), (1, 1, 0, 0)]
    report = erase.erase_past_retention(home)
    assert report.datasets == planned.datasets
    assert [dataclasses.astuple(one) for one in report.datasets] == [("absence_days", 2, 2, 1)]
    assert [counts(one) for one in known(home)] == [(2, 0, 0, 2), (2, 1, 0, 1), (1, 1, 0, 0)]
    assert landed(home, "select list(absence_date order by absence_date) from absence_days") == [
        ([dt.date(2021, 6, 19), dt.date(2026, 6, 1)],)
    ]
    assert (report.persons, vault_size(home)) == (1, 2), "3 has no row left, 1 and 2 have"
    assert problems(home, "absence_days") == [], "places in a file that is past its retention say nothing any more"
    assert [path.name for path in (home.inbox / "absence_days").iterdir()] == [JUNE]
    with Erasures(home) as erasures:
        assert [(proof.purpose, proof.landed_rows) for proof in erasures.proofs()] == [("retention", 2)]


def test_a_second_time_nothing_is_too_old(home: Settings) -> None:
    old_and_new(home)
    take_in(home, "absence_days")
    erase.erase_past_retention(home)
    before = known(home)
    report = erase.erase_past_retention(home)
    assert (report.datasets, report.persons, report.files) == ([], 0, 0)
    assert known(home) == before


def test_what_was_too_old_does_not_come_back_with_the_next_delivery(home: Settings) -> None:
    old_and_new(home)
    take_in(home, "absence_days")
    erase.erase_past_retention(home)
    again_ = deliver(home, "absence_days_20210101-20210630_20260618.csv", row(1, "18-06-2021"), row(2, "20-06-2021"))
    take_in(home, "absence_days")
    *_, newest = known(home)
    assert counts(newest) == (2, 1, 0, 1)
    assert vault_size(home) == 2
    process.land(home, "absence_days")
    assert not again_.exists(), "it holds what is too old, and has landed"


def test_answers_of_a_year_that_is_too_old_leave_whole(home: Settings) -> None:
    write_lines(
        home,
        "wellbeing_answers/wellbeing_answers_2019-2020_20200617.csv",
        ANSWERS_HEADER,
        *(_answer(serial, question, "2019/2020") for serial in range(1, 6) for question in range(1, 21)),
    )
    take_in(home, "wellbeing_answers")
    report = erase.erase_past_retention(home)
    assert [(one.dataset, one.landed) for one in report.datasets] == [("wellbeing_answers", 100)]
    assert vault_size(home, "trivsel") == 0
    assert landed(home, "select count(*) from wellbeing_answers") == [(0,)]


def test_a_rejected_file_goes_when_its_period_is_too_old(home: Settings) -> None:
    old = deliver(home, "absence_days_20200801-20210618_20210618.csv", "a;b")
    new = deliver(home, JUNE, "a;b")
    process.take_in(home, ABSENCE)
    assert {one.status for one in known(home)} == {"rejected"}
    erase.erase_past_retention(home)
    assert (old.exists(), new.exists()) == (False, True)
    assert [counts(one)[3] for one in known(home)] == [1, 0]


# ---- the process


def start(settings: Settings, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "include.landing", "erase", *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, **settings.environment()},
        input=said,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_number_comes_by_standard_input_and_is_told_nowhere(home: Settings) -> None:
    deliver(home, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026"))
    take_in(home, "absence_days")
    ended = start(home, "person", str(os.getpid()), said=f"{cpr(2)}\n")
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["datasets"] == [{"dataset": "absence_days", "deliveries": 1, "landed": 1, "quarantined": 0}]
    for said in (ended.stdout, ended.stderr):
        assert cpr(2) not in said
        assert number(2).digits not in said
    assert not trace_of(home, 2)


def test_a_terminal_does_not_show_what_is_typed(home: Settings) -> None:
    deliver(home, JUNE, row(2, "01-06-2026"))
    take_in(home, "absence_days")
    command = [sys.executable, "-m", "include.landing", "erase", "person", str(os.getpid())]
    environment = {**os.environ, **home.environment()}
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(PROJECT_ROOT)
        os.execve(command[0], command, environment)  # noqa: S606 - arguments of our own
    shown = b""
    try:
        while b"CPR number (not shown): " not in shown:
            shown += os.read(terminal, 1000)
        os.write(terminal, f"{cpr(2)}\n".encode())
        with contextlib.suppress(OSError):  # Linux says so when the other end is closed
            while more := os.read(terminal, 1000):
                shown += more
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert b'"landed": 1' in shown
    assert cpr(2).encode() not in shown
    assert number(2).digits.encode() not in shown


@pytest.mark.parametrize("said", ["", "020312", "020312-400X1", "310211-4000"])
def test_what_is_no_number_is_refused_and_not_repeated(home: Settings, said: str) -> None:
    ended = start(home, "person", str(os.getpid()), said=f"{said}\n")
    assert ended.returncode == 1
    assert "this is no CPR number" in ended.stderr
    assert not said or said not in ended.stderr + ended.stdout
    with Erasures(home) as erasures:
        assert erasures.proofs() == []


def test_it_does_not_go_on_without_its_caller(home: Settings) -> None:
    deliver(home, JUNE, row(2, "01-06-2026"))
    before = take_in(home, "absence_days")
    assert start(home, "person", "1", said=f"{cpr(2)}\n").returncode == 1
    assert known(home) == before


def test_a_ledger_from_before_is_brought_up_to_date(home: Settings) -> None:
    deliver(home, JUNE, row(1, "01-06-2026"), row(2, "01-06-2026"))
    take_in(home, "absence_days")
    with contextlib.closing(sqlite3.connect(home.ledger_file)) as connection, connection:
        connection.execute("alter table delivery drop column erased_count")
    assert counts(known(home)[0]) == (2, 2, 0, 0)
    erase.erase_person(home, number(2))
    assert counts(known(home)[0]) == (2, 1, 0, 1)
