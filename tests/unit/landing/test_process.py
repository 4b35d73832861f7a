"""Landing a delivery: rows in = landed + quarantined, periods replace each other, nothing personal stays behind."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import stat
from pathlib import Path

import duckdb
import pytest
from landing_steps import kept_files, landed, problems, take_in, write_lines

from include.errors import WarehouseError
from include.landing import process, store
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.settings import SYNTHETIC_MARKER, Settings

ABSENCE = load_contracts()["absence_days"]
ENROLMENTS_HEADER = ";".join(column.source_name for column in load_contracts()["enrolments"].columns)
HEADER = "Personnummer;Institutionsnummer;Dato;Fraværsart;Registreret;Bemærkning"


def cpr(serial: int) -> str:
    return "0203" + "12" + f"-{4000 + serial}"


def row(serial: int, day: str, kind: str = "Sygdom", *, registered: str = "", remark: str = "ingen") -> str:
    return f"{cpr(serial)};151003;{day};{kind};{registered};{remark}"


def deliver(settings: Settings, name: str, *rows: str, header: str = HEADER, dataset: str = "absence_days") -> Path:
    return write_lines(settings, f"{dataset}/{name}", header, *rows)


def test_good_rows_land_without_persons(settings: Settings) -> None:
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"), row(2, "01-06-2026", "Ulovligt"))
    (delivery,) = take_in(settings, ABSENCE)
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (2, 2, 0)
    rows = landed(settings, "select * exclude (person_key, delivery_id) from absence_days order by all")
    day = dt.date(2026, 6, 1)
    assert rows == [("151003", day, "Sygdom", None, "151"), ("151003", day, "Ulovligt", None, "151")]
    (types,) = landed(settings, "select list(column_type order by column_name) from (describe absence_days)")
    assert types == (["DATE", "VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR", "UINTEGER", "DATE"],)
    everything = b"".join(file.read_bytes() for file in kept_files(settings))
    for trace in (cpr(1), cpr(1).replace("-", ""), "ingen"):
        assert trace.encode() not in everything


def test_bad_rows_go_to_quarantine_by_line_and_column(settings: Settings) -> None:
    deliver(
        settings,
        "absence_days_2026-06_20260612.csv",
        row(1, "01-06-2026"),
        row(2, "31-06-2026"),
        row(3, "02-06-2026", "Skulk"),
        row(4, "02-06-2026", registered="01-06-2026"),
        "310211-4000;15100;02-06-2026;Sygdom;;",
        ";151003;02-06-2026;Sygdom;;",
        "a;b",
        row(5, "02-07-2026"),
        row(1, "01-06-2026"),
        row(6, "03-06-2026"),
        row(6, "03-06-2026", "Lovligt"),
    )
    (delivery,) = take_in(settings, ABSENCE)
    assert (delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (11, 1, 10)
    assert problems(settings, "absence_days") == [
        (3, "absence_date", "type"),
        (4, "absence_kind", "allowed"),
        (5, "registered_date", "registered_after_absence"),
        (6, "institution_number", "pattern"),
        (6, "person_key", "person_number"),
        (7, "person_key", "required"),
        (8, None, "row_form"),
        (9, "absence_date", "inside_the_period"),
        (10, "person_key, absence_date", "unique_key"),
        (11, "person_key, absence_date", "unique_key"),
        (12, "person_key, absence_date", "unique_key"),
    ]


def test_no_message_holds_a_value(settings: Settings) -> None:
    secret = "hemmelig" + "værdi"
    deliver(
        settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"), row(2, secret, secret, registered=secret)
    )
    take_in(settings, ABSENCE)
    with Ledger(settings) as ledger:
        told = [problem.sentence for problem in ledger.problems()]
    assert len(told) == 3
    assert all(secret not in line and "Remedy: " in line and "line 3" in line for line in told)


def test_the_same_delivery_twice_is_one(settings: Settings) -> None:
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"))
    first = take_in(settings, ABSENCE)
    deliver(settings, "absence_days_2026-06_20260613.csv", row(1, "01-06-2026"))
    again = take_in(settings, ABSENCE)
    assert again == [dataclasses.replace(first[0], as_of=dt.date(2026, 6, 13))], "one delivery, as new as its last name"
    assert take_in(settings, ABSENCE) == again


@pytest.mark.parametrize("at_once", [False, True])
def test_a_correction_that_is_taken_back_stands_no_longer(settings: Settings, at_once: bool) -> None:
    for day, kind in ((12, "Sygdom"), (13, "Ulovligt"), (14, "Sygdom")):
        deliver(settings, f"absence_days_2026-06_202606{day}.csv", row(1, "01-06-2026", kind))
        if not at_once:
            take_in(settings, ABSENCE)
    assert len(take_in(settings, ABSENCE)) == 2
    assert landed(settings, "select absence_kind from absence_days") == [("Sygdom",)]
    newest = landed(settings, "select max(as_of)::text from deliveries")
    assert newest == [("2026-06-14",)]


def test_the_same_rows_for_other_days_say_something_else(settings: Settings) -> None:
    """Day 13 is covered by the second alone, and what came between them no longer stands."""
    deliver(settings, "absence_days_20260601-20260612_20260612.csv", row(1, "05-06-2026"))
    deliver(settings, "absence_days_20260602-20260612_20260613.csv", row(1, "05-06-2026"), row(2, "08-06-2026"))
    deliver(settings, "absence_days_20260602-20260613_20260614.csv", row(1, "05-06-2026"))
    assert len(take_in(settings, ABSENCE)) == 3
    assert landed(settings, "select absence_date::text from absence_days") == [("2026-06-05",)]
    covered = landed(settings, "select max(period_to)::text from deliveries where is_current")
    assert covered == [("2026-06-13",)]


def test_a_wrong_name_is_mended_by_another_one(settings: Settings) -> None:
    wrong = deliver(settings, "fravær juni.csv", row(1, "01-06-2026"))
    assert [delivery.status for delivery in take_in(settings, ABSENCE)] == ["rejected"]
    assert [delivery.status for delivery in take_in(settings, ABSENCE)] == ["rejected"], (
        "not tried again under the same name"
    )
    wrong.with_name("absence_days_2026-06_20260612.csv").write_bytes(wrong.read_bytes())
    (delivery,) = take_in(settings, ABSENCE)
    assert (delivery.status, delivery.file_name) == ("accepted", "absence_days_2026-06_20260612.csv")
    assert problems(settings, "absence_days") == []


def test_of_two_names_of_one_delivery_the_right_one_is_taken(settings: Settings) -> None:
    deliver(settings, "a.csv", row(1, "01-06-2026"))
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"))
    assert [delivery.status for delivery in take_in(settings, ABSENCE)] == ["accepted"]


def test_a_name_that_may_be_a_persons_is_not_told(settings: Settings) -> None:
    name = "Emma Jensen " + cpr(1) + ".csv"
    deliver(settings, name, row(1, "01-06-2026"))
    report = process.take_in(settings, ABSENCE)
    with Ledger(settings) as ledger:
        shown = ledger.deliveries()[0].file_name
    assert hashlib.sha256((settings.inbox / "absence_days" / name).read_bytes()).hexdigest().startswith(shown[:16])
    everything = b"".join(file.read_bytes() for file in kept_files(settings))
    for told in (everything.decode("latin-1"), " ".join(report.rejected)):
        assert "Emma" not in told
        assert cpr(1) not in told


def test_a_period_without_absence_is_an_answer(settings: Settings) -> None:
    deliver(settings, "absence_days_20260601-20260612_20260612.csv", row(1, "05-06-2026"))
    deliver(settings, "absence_days_20260601-20260612_20260613.csv")
    assert [(d.status, d.row_count, d.landed_count) for d in take_in(settings, ABSENCE)] == [
        ("accepted", 1, 1),
        ("accepted", 0, 0),
    ]
    assert landed(settings, "select count(*) from absence_days") == [(0,)]
    deliver(settings, "enrolments_2025-2026_20260612.csv", header=ENROLMENTS_HEADER, dataset="enrolments")
    (delivery,) = take_in(settings, load_contracts()["enrolments"])
    assert delivery.status == "rejected"


def test_a_date_after_tonight_is_refused(settings: Settings) -> None:
    deliver(settings, "absence_days_20260601-20260612_20620613.csv", row(1, "05-06-2026"))
    (delivery,) = take_in(settings, ABSENCE)
    assert delivery.status == "rejected"
    with Ledger(settings) as ledger:
        assert "dated 2062-06-13, after tonight" in ledger.problems()[0].sentence


def test_a_second_look_at_an_old_file_does_not_outrank_its_correction(settings: Settings) -> None:
    bad = deliver(settings, "absence_days_20260601-20260612_20260612.csv", row(1, "05-07-2026"))
    take_in(settings, ABSENCE)
    deliver(settings, "absence_days_2026-06_20260612.csv", row(2, "05-06-2026", "Lovligt"))
    take_in(settings, ABSENCE)
    assert bad.exists()
    process.take_in(settings, ABSENCE, retry_rejected=True)
    with Ledger(settings) as ledger:
        old, new = ledger.deliveries()
    assert (old.status, new.status) == ("rejected", "accepted")
    assert old.newest_first < new.newest_first


def test_a_file_that_cannot_be_read_does_not_stop_the_others(settings: Settings) -> None:
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"))
    (settings.inbox / "absence_days" / "absence_days_2026-05_20260612.csv").symlink_to("gone.csv")
    with pytest.raises(process.LandingFailed, match="file 1 of the folder by name"):
        process.take_in(settings, ABSENCE)
    with Ledger(settings) as ledger:
        assert [delivery.landed_count for delivery in ledger.deliveries()] == [1]


def test_what_lands_is_for_the_owner_only(settings: Settings) -> None:
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"))
    process.land(settings, "absence_days")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in settings.home.iterdir()}
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o755


def test_many_bad_rows_are_counted_not_all_listed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.landing.rows._PLACES", 3)
    deliver(
        settings,
        "absence_days_2026-06_20260612.csv",
        *[row(n, "31-06-2026") for n in range(10)],
        row(11, "01-06-2026"),
    )
    (delivery,) = take_in(settings, ABSENCE)
    assert (delivery.row_count, delivery.quarantined_count) == (11, 10)
    with Ledger(settings) as ledger:
        assert [(p.line, p.reason) for p in ledger.problems()] == [
            (None, "the value is no date (DATE), in 7 more rows"),
            *[(line, "the value is no date (DATE)") for line in (2, 3, 4)],
        ]


def test_an_unchanged_file_is_read_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"))
    process.take_in(settings, ABSENCE)
    monkeypatch.setattr(process.hashlib, "file_digest", None)
    assert process.take_in(settings, ABSENCE).deliveries == 0


def test_a_later_delivery_replaces_its_days_only(settings: Settings) -> None:
    deliver(
        settings,
        "absence_days_2025-2026_20260612.csv",
        row(1, "01-06-2026"),
        row(1, "08-06-2026"),
        row(1, "10-06-2026"),
        row(2, "10-08-2025"),
    )
    deliver(
        settings, "absence_days_20260608-20260614_20260615.csv", row(1, "08-06-2026", "Ulovligt"), row(3, "12-06-2026")
    )
    deliver(settings, "absence_days_20260609-20260609_20260613.csv", row(9, "09-06-2026"))
    take_in(settings, ABSENCE)
    rows = landed(settings, "select absence_date::text, absence_kind from absence_days order by all")
    assert rows == [
        ("2025-08-10", "Sygdom"),
        ("2026-06-01", "Sygdom"),
        ("2026-06-08", "Ulovligt"),
        ("2026-06-12", "Sygdom"),
    ]
    known = landed(settings, "select count(*), count(*) filter (is_current) from deliveries")
    assert known == [(3, 2)]


def test_any_order_of_nights_gives_the_same_rows(settings: Settings, tmp_path: Path) -> None:
    files = {
        "absence_days_2025-2026_20260612.csv": [row(n, f"{n:02}-06-2026") for n in range(1, 11)],
        "absence_days_20260605-20260610_20260615.csv": [row(n, "07-06-2026") for n in range(20, 24)],
        "absence_days_2026-06_20260616.csv": [row(n, "09-06-2026", "Lovligt") for n in range(5)],
    }
    found = []
    for order in (list(files), list(reversed(files))):
        home = settings.model_copy(update={"home": tmp_path / f"home{len(found)}"})
        for name in order:
            deliver(home, name, *files[name])
            take_in(home, ABSENCE)
        found.append(
            (
                landed(home, "select absence_date, absence_kind from absence_days order by all"),
                store.fingerprint(home),
            )
        )
    assert found[0] == found[1]
    assert len(found[0][0]) == 5


def test_label_periods_are_replaced_whole(settings: Settings) -> None:
    contract = load_contracts()["enrolments"]
    header = ";".join(column.source_name for column in contract.columns)

    def enrolment(serial: int, year: str) -> str:
        return f"{cpr(serial)};Navn Navnesen;{year};151003;3;3.A;12-08-{year[:4]};;Hedegården"

    deliver(
        settings,
        "enrolments_2025-2026_20260612.csv",
        enrolment(1, "2025/2026"),
        enrolment(2, "2025/2026"),
        header=header,
        dataset="enrolments",
    )
    deliver(
        settings, "enrolments_2024-2025_20260612.csv", enrolment(1, "2024/2025"), header=header, dataset="enrolments"
    )
    deliver(
        settings,
        "enrolments_2025-2026_20260615.csv",
        enrolment(2, "2025/2026"),
        enrolment(3, "2024/2025"),
        header=header,
        dataset="enrolments",
    )
    take_in(settings, contract)
    rows = landed(settings, "select school_year, count(*) from enrolments group by all order by all")
    assert rows == [("2024/2025", 1), ("2025/2026", 1)]
    assert problems(settings, "enrolments") == [(3, "school_year", "inside_the_period")]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "fravær juni.csv",
            f"{HEADER}\n{row(1, '01-06-2026')}\n",
            "the name is not absence_days_<period>_<YYYYMMDD>.csv",
        ),
        ("absence_days_2026-06_20260612.csv", f"{HEADER}\n{row(1, '01-06-2026')}", "cut short"),
        ("absence_days_2026-06_20260612.csv", "", "empty"),
        ("absence_days_2026-13_20260612.csv", f"{HEADER}\n{row(1, '01-06-2026')}\n", "month must be in 1..12"),
    ],
)
def test_a_bad_file_is_quarantined_whole(settings: Settings, name: str, content: str, expected: str) -> None:
    file = write_lines(settings, f"absence_days/{name}", content, end="")
    report = process.take_in(settings, ABSENCE)
    assert report.deliveries == 1
    assert expected in report.rejected[0]
    assert "Remedy: " in report.rejected[0]
    assert file.exists()
    with Ledger(settings) as ledger:
        assert [delivery.status for delivery in ledger.deliveries()] == ["rejected"]
    assert process.take_in(settings, ABSENCE).deliveries == 0
    assert process.take_in(settings, ABSENCE, retry_rejected=True).deliveries == 1


def test_a_delivery_without_one_good_row_is_rejected(settings: Settings) -> None:
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-07-2026"), row(2, "01-07-2026"))
    (delivery,) = take_in(settings, ABSENCE)
    assert (delivery.status, delivery.row_count, delivery.landed_count, delivery.quarantined_count) == (
        "rejected",
        2,
        0,
        2,
    )


def test_a_file_that_is_still_written_is_left(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    file = deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"))
    file.rename(file.with_suffix(".csv.part"))
    assert process.take_in(settings, ABSENCE).deliveries == 0
    file = file.with_suffix(".csv.part").rename(file)

    def read_while_it_grows(*arguments: object) -> object:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(row(2, "02-06-2026") + "\n")
        return original(*arguments)

    original = process.read_file
    monkeypatch.setattr(process, "read_file", read_while_it_grows)
    assert process.take_in(settings, ABSENCE).deliveries == 0
    monkeypatch.setattr(process, "read_file", original)
    assert process.take_in(settings, ABSENCE).landed_count == 2


@pytest.mark.parametrize(("total", "status"), [("300,50", "accepted"), ("300,51", "rejected")])
def test_a_ledger_is_held_against_its_total(settings: Settings, total: str, status: str) -> None:
    contract = load_contracts()["ledger_postings"]
    header = ";".join(column.header for column in contract.columns if column.header)
    rows = [
        f"{day}-06-2026;B{day};1;3000111006;02015-322021999-020105-109---;Løn – juni;{amount};;Leverandør"
        for day, amount in (("01", "1.300,50"), ("02", "1.000,00-"))
    ]
    lines = (header, *rows, f"Total;;;;;;{total};;")
    path = "ledger_postings/ledger_postings_2026-06_20260612.csv"
    write_lines(settings, path, *lines, encoding="cp1252", newline="\r\n")
    (delivery,) = take_in(settings, contract)
    assert delivery.status == status
    assert problems(settings, "ledger_postings") == ([(4, "Beløb", "delivery")] if status == "rejected" else [])


def test_the_same_person_in_two_notations_is_one(settings: Settings) -> None:
    dashed = row(1, "01-06-2026")
    deliver(settings, "absence_days_2026-06_20260612.csv", dashed, dashed.replace("-", "", 1), row(2, "01-06-2026"))
    (delivery,) = take_in(settings, ABSENCE)
    assert (delivery.landed_count, problems(settings, "absence_days")) == (
        2,
        [(3, "person_key, absence_date", "unique_key")],
    )


def test_synthetic_and_real_are_not_mixed(settings: Settings) -> None:
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"))
    take_in(settings, ABSENCE)
    (settings.inbox / SYNTHETIC_MARKER).write_text('{"as_of": "2026-06-19"}', encoding="utf-8")
    with pytest.raises(WarehouseError, match="home of its own"):
        process.take_in(settings, ABSENCE)


def test_an_error_in_the_reader_names_places_and_no_values(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"))

    def broken(*_: object) -> None:
        raise ValueError(cpr(1))

    monkeypatch.setattr("include.sources.text.read", broken)
    report = process.take_in(settings, ABSENCE)
    assert "does not understand it (ValueError)" in report.rejected[0]
    assert cpr(1) not in capsys.readouterr().err + report.rejected[0]


def test_the_process_itself(settings: Settings) -> None:
    deliver(settings, "absence_days_2026-06_20260612.csv", row(1, "01-06-2026"), row(2, "31-06-2026"))
    report = process.land(settings, "absence_days")
    assert (report.deliveries, report.row_count, report.landed_count, report.quarantined_count) == (1, 2, 1, 1)
    settings.key_file.chmod(0o644)
    deliver(settings, "absence_days_2026-05_20260612.csv", row(1, "01-05-2026"))
    with pytest.raises(process.LandingFailed, match="chmod 600") as ended:
        process.land(settings, "absence_days")
    assert str(ended.value).count("Remedy: ") == 1, "what the process said last brings its own remedy"
    assert "chmod 600" in ended.value.remedy
    settings.key_file.chmod(0o600)
    assert process.land(settings, "absence_days").landed_count == 1


def test_views_are_typed_without_a_delivery(settings: Settings, tmp_path: Path) -> None:
    store.write_landing_database(settings, tmp_path / "landing.duckdb")
    with duckdb.connect(str(tmp_path / "landing.duckdb"), read_only=True) as connection:
        for contract in load_contracts().values():
            described = connection.execute(f"describe {contract.dataset}").fetchall()
            assert [name for name, *_ in described] == list(store.landed_columns(contract))
            assert connection.execute(f"select count(*) from {contract.dataset}").fetchone() == (0,)
        assert connection.execute("select count(*) from datasets").fetchone() == (len(load_contracts()),)
