"""Nothing about a person is anywhere under the warehouse home but in inbox and vault, whatever happened in the night.

The numbers, names and free texts are those of the synthetic inbox, and those that are planted into it in wrong places.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import itertools
import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import pytest
from fault_night import Place, copy_of, kill_group, run, start, stopped_child
from leak_search import Found, Persons, Search, persons_of
from openpyxl.cell.cell import MergedCell

from include.errors import WarehouseError
from include.landing.contract import Column, Contract, load_contracts
from include.landing.ledger import Ledger
from include.night import build_step
from include.settings import PROJECT_ROOT, SYNTHETIC_MARKER, Settings
from include.warehouse import build as building
from include.warehouse.run_folder import new_run_id
from include.warehouse.validate import EXPECTATIONS, validate

ABOUT_PERSONS = [contract for contract in load_contracts().values() if any(c.personal for c in contract.columns)]
WITH_LAYOUT = [contract for contract in load_contracts().values() if contract.layout is not None]
"""Delimited texts: those about persons, and the registers of places and posts beside them."""
FEW = 60
"""Rows that are bad throughout, so that the quarantine does not fill with the same."""
UNDECIDABLE = {"Finanskontoalias", "Kontostreng", "account_alias", "account_string"}
"""An alias has ten digits, an account string ends in six and four: no form tells a CPR number from them."""


def search(place: Place, persons: Persons) -> Found:
    """Everything that a run left: its home but the vault, the user's own and the temporary folder, and what it said."""
    found = Search(persons)
    settings = place.settings
    found.folder(place.root, without=[settings.vault, settings.home / "inbox", settings.key_file.parent])
    return found.found


def assert_nothing(found: Found) -> None:
    assert not found.hits, f"{len(found.hits)} hits, such as {sorted(set(map(str, found.hits)))[:20]}"


# ---- the search itself finds what is there


@pytest.fixture
def one_person() -> Persons:
    persons = Persons()
    persons.add_number(DASHED)
    persons.add_name("Øjvind Šarić Quistgaard")
    persons.add_text("Se journalen hos Åse")
    return persons


NUMBER, DASHED, NAME, FREE_TEXT = "3902994321", "390299-4321", "Øjvind Šarić Quistgaard", "se journalen hos åse"


def _duckdb(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select {'deep': [x]} as v from (values (?), (?)) as _(x)", [NAME, DASHED])
        connection.execute("create table n as select ?::bigint as v, ?::decimal(18, 2) as d", [int(NUMBER)] * 2)
        connection.execute("insert into n select n.* from n, range(5000)")


def _parquet(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select '{NAME}' as a, [{int(NUMBER)}::ubigint] as b, {int(NUMBER)} as c from range(9)) "
            f"to '{path}' (format parquet, compression zstd)"
        )


def _sqlite(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table x (v)")
        for value in (int(NUMBER), zlib.compress(NAME.encode()), json.dumps({"name": NAME})):
            connection.execute("insert into x values (?)", (value,))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.txt", f"{NAME} {NUMBER}")


PLANTED: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "plain.log": (lambda path: path.write_text(f"x{NUMBER}y {NAME}"), {"number", "name"}),
    "dashed.txt": (lambda path: path.write_text(f"({DASHED})"), {"number"}),
    "old.txt": (lambda path: path.write_bytes("Øjvind B. Quistgaard".encode("cp1252")), {"surname of 10 letters"}),
    "first_and_last.txt": (lambda path: path.write_text("Quistgaard; Øjvind Quistgaard"), {"name"}),
    "windows.txt": (lambda path: path.write_bytes("Se journalen, hos Åse".encode("cp1252")), {"text"}),
    "wide_le.txt": (lambda path: path.write_bytes(f"{DASHED} {NAME}".encode("utf-16-le")), {"number", "name"}),
    "wide_be.txt": (lambda path: path.write_bytes(f"{NUMBER} {NAME}".encode("utf-16-be")), {"number", "name"}),
    "escaped.json": (lambda path: path.write_text(json.dumps({"x": NAME})), {"name"}),
    "docs.html": (lambda path: path.write_text("<b>&Oslash;jvind &#352;ari&#263;</b>"), {"name"}),
    "upper.txt": (lambda path: path.write_text(f"{NAME.upper()}\n{FREE_TEXT.upper()}"), {"name", "text"}),
    f"{NUMBER}.csv": (lambda path: path.write_text("nothing"), {"number"}),
    "packed.gz": (lambda path: path.write_bytes(gzip.compress(f"{DASHED} {NAME}".encode())), {"number", "name"}),
    "packed.zip": (_zip, {"number", "name"}),
    "data.duckdb": (_duckdb, {"number", "name", "number as integer"}),
    "data.parquet": (_parquet, {"number", "name", "number as integer"}),
    "data.db": (_sqlite, {"name", "number as integer"}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_search_finds_what_is_planted(tmp_path: Path, one_person: Persons, name: str) -> None:
    write, expected = PLANTED[name]
    write(tmp_path / name)
    found = Search(one_person).folder(tmp_path)
    assert expected <= {hit.what for hit in found.hits}
    assert found.files == 1


def test_the_search_does_not_find_what_is_not_there(tmp_path: Path, one_person: Persons) -> None:
    (tmp_path / "a.txt").write_text("3902994320 39029-94321 Øjvind Hansen, Åse: journalen", "utf-8")
    assert not Search(one_person).folder(tmp_path).hits


def test_the_persons_of_the_inbox_are_all_known(undisturbed: Place) -> None:
    persons = persons_of(undisturbed.inbox)
    assert len(persons.numbers) > 300
    assert len(persons.names) > 1000
    assert len(persons.surnames) > 30
    assert len(persons.texts) > 20
    # The inbox itself is full of them: every file of a dataset with persons.
    for contract in ABOUT_PERSONS:
        if not any(column.personal == "key" or column.name.endswith("_cpr") for column in contract.columns):
            continue  # names of staff and what they wrote
        for file in (undisturbed.inbox / contract.dataset).iterdir():
            kinds = {hit.what for hit in Search(persons).file(file).hits}
            assert "number" in kinds, file.name


# ---- good nights


def test_after_a_good_night_nothing_about_a_person_is_left(undisturbed: Place) -> None:
    found = search(undisturbed, persons_of(undisturbed.inbox))
    assert_nothing(found)
    assert found.files > 50
    assert {"duckdb", "parquet", "sqlite"} <= found.opened.keys()


def test_only_the_landing_process_opens_the_key(undisturbed: Place) -> None:
    programs = {line.split()[1] for line in undisturbed.opens.read_text("utf-8").splitlines()}
    assert programs == {"include.landing"}
    assert stat.S_IMODE(undisturbed.settings.key_file.stat().st_mode) == 0o600


@pytest.mark.proof
def test_a_refresh_does_not_care_about_the_key(undisturbed: Place, tmp_path: Path) -> None:
    place = copy_of(undisturbed, tmp_path)
    shutil.rmtree(place.settings.key_file.parent)
    assert run(place, "refresh") == 0, place.output.read_text("utf-8")[-4000:]
    assert not place.settings.key_file.exists()
    assert not place.opens.exists()


# ---- failed ones


def spoil(contract: Contract, source: Path, target: Path, victims: list[tuple[str, str]]) -> list[str]:
    """Copy a delivery with planted rows: for each column one with a number, one with a name, one with both in it.

    Returns the columns that were planted in. The rest of such a row is as it was.
    """
    assert contract.layout is not None, "deliveries about persons are delimited texts"
    content, delimiter = source.read_bytes(), contract.layout.delimiter
    text, kind = _text(content)
    lines = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    header, rows = lines[0], lines[1:]
    total = rows.pop() if contract.layout and contract.layout.total else None
    columns = [column.source_name for column in contract.columns if column.source_name in header]
    planted = [name for name in columns if name not in UNDECIDABLE]
    anything = {column.source_name for column in contract.typed_columns if not _has_form(column)}
    chosen = itertools.cycle(range(1, len(rows)))
    writable = [victim for victim in victims if victim[1].encode(kind, "ignore").decode(kind) == victim[1]]
    for number, (name, (cpr, person)) in enumerate(zip(planted * 4, writable * 40, strict=False)):
        row = rows[next(chosen)]
        kinds = [cpr, f"{cpr[:6]}-{cpr[6:]}", person, f"{person} {cpr}"]
        kind_of_value = number // len(planted)
        if name in anything and kind_of_value == _NAME_ALONE:
            continue
        row[header.index(name)] = kinds[kind_of_value]
    if total is not None:
        rows.append(total)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([header, *rows])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(("\ufeff" if content.startswith(b"\xef\xbb\xbf") else "").encode() + out.getvalue().encode(kind))
    return planted


_NAME_ALONE = 2


def _has_form(column: Column) -> bool:
    """False for a text whose form lets a name pass (a team, a section, a house): only a number can be told there."""
    if column.type != "VARCHAR" or column.personal or column.allowed:
        return True
    return column.pattern is not None and re.fullmatch(column.pattern, "Agnes Quistgaard") is None


def largest(inbox: Path, contract: Contract) -> Path:
    return max((inbox / contract.dataset).glob("*.csv"), key=lambda file: file.stat().st_size)


def bad_inbox(good: Path, target: Path, *, headless: bool = False) -> Path:
    """Of each dataset about persons: rows bad in every column, a file cut short, columns that changed places, broken
    quotes, rows of the wrong width, bytes that are no text, a batch that is too small; or, `headless`, only a file
    without its header."""
    shutil.copytree(good, target)
    # The bad ones come in the nights after the good ones; what is dated after tonight would be refused unread.
    marker = target / SYNTHETIC_MARKER
    marker.write_text(json.dumps(json.loads(marker.read_text("utf-8")) | {"as_of": "2026-06-28"}), "utf-8")
    victims = [
        (row["Personnummer"].replace("-", ""), row["Navn"])
        for row in csv.DictReader(
            io.StringIO(largest(good, load_contracts()["enrolments"]).read_text("utf-8-sig")), delimiter=";"
        )
    ]
    spoil_documents(good, target, victims)
    for contract in WITH_LAYOUT:
        source = largest(good, contract)
        assert contract.layout is not None, "only those are here"
        delimiter = contract.layout.delimiter.encode()

        def named(day: int, contract: Contract = contract, stem: str = source.stem) -> Path:
            return target / contract.dataset / f"{stem[:-2]}{day}.csv"

        content = source.read_bytes()
        newline = b"\r\n" if b"\r\n" in content else b"\n"
        lines = content.split(newline)
        spoil(contract, source, named(20), victims)
        named(21).write_bytes(content[: len(content) * 2 // 3])
        if headless:
            # The header is gone: the first child's row stands in its place.
            named(22).write_bytes(newline.join(lines[1:]))
            continue
        # Columns change places without their names.
        named(23).write_bytes(
            newline.join([lines[0], *(delimiter.join(reversed(line.split(delimiter))) for line in lines[1:FEW]), b""])
        )
        broken = list(lines)
        broken[len(broken) // 2] = b'"' + broken[len(broken) // 2]
        named(24).write_bytes(newline.join(broken))
        named(25).write_bytes(newline.join([lines[0], *(line + delimiter + lines[1] for line in lines[1:3])]) + newline)
        named(26).write_bytes(content + bytes(range(0x80, 0xA0)) + lines[1] + newline)
        named(27).write_bytes(newline.join([*lines[:3], b""]))
        # Names of children instead of numbers, numbers instead of names.
        header, *rows = list(csv.reader(io.StringIO(_text(content)[0]), delimiter=contract.layout.delimiter))
        names = [column.source_name for column in contract.columns if column.name in {"pupil_name", "child_name"}]
        if names and contract.person_columns:
            name, key = header.index(names[0]), header.index(contract.person_columns[0].source_name)
            swapped = [
                header,
                *(
                    [row[name] if i == key else row[key] if i == name else value for i, value in enumerate(row)]
                    for row in rows[:FEW]
                    if len(row) == len(header)
                ),
            ]
            named(28).write_text("\n".join(contract.layout.delimiter.join(row) for row in swapped) + "\n", "utf-8")
    return target


def spoil_documents(good: Path, target: Path, victims: list[tuple[str, str]]) -> None:
    """Of agreements and forms: cut short, in another encoding, no document at all, numbers of persons in every place.

    A form also with names wherever one may write, each with a number: a remark that names somebody can't be told.
    """
    (cpr, person), *_ = victims
    dashed = f"{cpr[:6]}-{cpr[6:]}"
    for dataset in DOCUMENTS:
        for source in sorted((good / dataset).iterdir()):
            content, suffix = source.read_bytes(), source.suffix
            (target / dataset / f"cut{suffix}").write_bytes(content[: len(content) * 2 // 3])
            (target / dataset / f"empty{suffix}").write_bytes(b"")
            (target / dataset / f"none{suffix}").write_bytes(f"{person};{cpr};{dashed}\n".encode() * 50)
            (target / dataset / f"wide{suffix}").write_bytes(f"{person} {dashed}\n".encode("utf-16") + content)
    agreement = max((good / "budget_agreement").glob("*.txt")).read_text("utf-8")
    for number, said in enumerate((cpr, dashed)):
        lines = [f"{line} {said}" if place % 7 == number else line for place, line in enumerate(agreement.split("\n"))]
        (target / "budget_agreement" / f"persons_{number}.txt").write_text("\n".join(lines), "utf-8")
    form = max((good / "milestone_status").glob("*.xlsx"))
    for number, said in enumerate((cpr, dashed, f"{person} {dashed}")):
        workbook = openpyxl.load_workbook(form)
        for sheet in workbook:
            for row in sheet.iter_rows():
                for cell in row:
                    if not cell.protection.locked and not isinstance(cell, MergedCell):
                        cell.value = said
        workbook.save(target / "milestone_status" / f"persons_{number}.xlsx")


DOCUMENTS = ("budget_agreement", "milestone_status")
ANSWERS = [contract.dataset for contract in load_contracts().values() if contract.connection is not None]


def spoil_answers(settings: Settings) -> None:
    """Of official statistics, in the folder that answers of APIs come to: cut short, other encoding, other names.

    Nobody writes persons into them: what the statistics offices answer is what they publish.
    """
    for dataset in ANSWERS:
        folder = settings.fetched / dataset
        content = max(folder.glob("*.json"), key=lambda file: file.stat().st_size).read_bytes()
        (folder / "cut.json").write_bytes(content[: len(content) * 2 // 3])
        (folder / "wide.json").write_bytes(content.decode("utf-8").encode("utf-16"))
        (folder / "other.json").write_bytes(content.replace(b'"', b"'", 40))
        (folder / "empty.json").write_bytes(b"{}")


def _text(content: bytes) -> tuple[str, str]:
    """The text of a delivery and the encoding that it is in."""
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return content.decode("cp1252"), "cp1252"


@pytest.fixture(scope="session")
def bad(undisturbed: Place, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bad_inbox(undisturbed.inbox, tmp_path_factory.mktemp("bad") / "inbox")


EXTRACT_ALL = """
import sys
from include import night
from include.settings import DOMAINS, Settings

def say(line):
    sys.stderr.write(line + chr(10))

for domain in DOMAINS:
    for line in night.extract_plain(Settings(), domain, say):
        say(line)
"""
"""What `warehouse run --plain` does before the refresh, all domains in one process."""


def python(place: Place, *arguments: str) -> None:
    """A Python process as a night starts them; what it says is kept with the rest. It must succeed."""
    with place.output.open("ab") as output:
        subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT_ROOT,
            env=place.environment(),
            stdout=output,
            stderr=output,
            check=True,
        )


def assert_much_was_refused(place: Place) -> None:
    """The bad deliveries were met: rejected ones of every dataset about persons, single rows, critical batches."""
    with Ledger(place.settings) as ledger:
        problems = ledger.problems()
        rejected = ledger.deliveries(status="rejected")
        for one in ledger.deliveries():
            assert one.row_count == one.landed_count + one.quarantined_count
    delimited = {contract.dataset for contract in WITH_LAYOUT}
    assert {one.dataset for one in rejected} >= delimited | {*DOCUMENTS}
    assert {problem.dataset for problem in problems if problem.line is not None} >= delimited
    assert any(problem.rule == "expectation" for problem in problems)
    assert {"person_number", "no_person", "type"} <= {problem.rule for problem in problems}


def test_after_deliveries_that_fail_nothing_about_a_person_is_left(
    undisturbed: Place, bad: Path, tmp_path: Path
) -> None:
    place = copy_of(undisturbed, tmp_path, bad)
    persons = persons_of(undisturbed.inbox)
    # A landing process that is killed, and what can be seen of it from outside while it works.
    process = start(place, "extract", "referrals")
    try:
        with stopped_child(place, process, "referrals") as pid:
            seen = b"\n".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
            os.kill(pid, signal.SIGKILL)
        process.wait(timeout=120)
    finally:
        kill_group(process)
    (tmp_path / "seen_of_the_process").write_bytes(seen)
    # One that breaks down on its own: its vault is none.
    vault = place.settings.vault / "151_trivsel.sqlite"
    whole = vault.read_bytes()
    vault.write_bytes(b"no database" * 1000)
    assert run(place, "extract", "trivsel") == 1
    vault.write_bytes(whole)
    assert "while landing wellbeing_answers" in place.output.read_text("utf-8")
    # And one that has too little memory.
    run(place, "extract", "school_absence", WAREHOUSE_MEMORY_LIMIT="2MB")
    # Landed and not yet judged: rows that a critical expectation will take away again are there to be found.
    spoil_answers(place.settings)
    for dataset in load_contracts():
        python(place, "-m", "include.landing", dataset)
    with Ledger(place.settings) as ledger:
        assert {one.dataset for one in ledger.deliveries(status="rejected")} == set(load_contracts())
    landed = Search(persons).folder(place.settings.landing)
    assert landed.opened["parquet"] > len(list(undisturbed.settings.landing.rglob("*.parquet")))
    assert_nothing(landed)
    python(place, "-c", EXTRACT_ALL)
    run(place, "quarantine", "--limit", "300")
    assert_much_was_refused(place)
    assert_nothing(search(place, persons))


def test_files_without_their_header_tell_nothing_about_a_person(undisturbed: Place, tmp_path: Path) -> None:
    inbox = bad_inbox(undisturbed.inbox, tmp_path / "in" / "inbox", headless=True)
    place = copy_of(undisturbed, tmp_path / "place", inbox)
    for contract in WITH_LAYOUT:
        python(place, "-m", "include.landing", contract.dataset)
    with Ledger(place.settings) as ledger:
        rejected = {one.dataset for one in ledger.deliveries(status="rejected")}
    assert rejected >= {contract.dataset for contract in WITH_LAYOUT}
    assert_nothing(search(place, persons_of(undisturbed.inbox)))


@pytest.mark.proof
def test_after_a_night_that_dbt_and_expectations_stop(undisturbed: Place, bad: Path, tmp_path: Path) -> None:
    place = copy_of(undisturbed, tmp_path, bad)
    settings = place.settings
    said = [(code := run(place, "run", "--plain"))]
    assert code in (0, 1)
    # dbt: a model that can't be computed and a test that fails on rows of persons.
    project = tmp_path / "project" / "dbt_project"
    shutil.copytree(PROJECT_ROOT / "dbt_project", project)
    (project / "tests" / "assert_that_fails.sql").write_text(
        "{{ config(store_failures=true) }} select * from {{ ref('stg_school_absence__enrolments') }}"
    )
    (project / "models" / "staging" / "stg_that_fails.sql").write_text(
        "select class_name::integer as x, district_name::date as y from {{ ref('stg_school_absence__enrolments') }}"
    )
    with pytest.raises(building.BuildFailed) as failed:
        building.build(settings, new_run_id(), project=project)
    said.append(str(failed.value))
    # The gate over the marts: a critical expectation that fails, one that can't be computed.
    run_id = new_run_id()
    build_step(settings, run_id)
    suites = tmp_path / "project" / "expectations"
    shutil.copytree(EXPECTATIONS, suites)
    suite = json.loads((suites / "mart_school_absence.json").read_text("utf-8"))
    suite["expectations"] += [
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "institution_number", "value_set": ["0"]},
            "severity": "critical",
        },
        {
            "type": "unexpected_rows_expectation",
            "kwargs": {"unexpected_rows_query": "select institution_number::date from {batch}"},
            "severity": "critical",
        },
    ]
    (suites / "mart_school_absence.json").write_text(json.dumps(suite), "utf-8")
    with pytest.raises(WarehouseError) as stopped:
        validate(settings, run_id, expectations=suites)
    said.append(str(stopped.value))
    (tmp_path / "messages.txt").write_text("\n".join(map(str, said)), "utf-8")
    assert list(settings.staging.iterdir()), "failed runs leave their staging folder for the engineer"
    assert_nothing(search(place, persons_of(undisturbed.inbox)))


@pytest.mark.proof
def test_nights_through_airflow(undisturbed: Place, bad: Path, tmp_path: Path) -> None:
    """A good one, then a failed one in the same home: Airflow's metadata and logs are searched too."""
    persons = persons_of(undisturbed.inbox)
    root = tmp_path / "airflow"
    good = Place(root, undisturbed.inbox)
    assert run(good, "run") == 0, good.output.read_text("utf-8")[-6000:]
    first = search(good, persons)
    assert_nothing(first)
    assert any((good.settings.airflow_home / "logs").rglob("*.log"))
    assert (good.settings.airflow_home / "airflow.db").is_file()
    assert {line.split()[1] for line in good.opens.read_text("utf-8").splitlines()} == {"include.landing"}
    worse = Place(root, bad)
    process = start(worse, "run")
    try:
        with stopped_child(worse, process, "referrals") as pid:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 900
        while process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        kill_group(process)
    assert run(worse, "run") in (0, 1)
    assert_much_was_refused(worse)
    second = search(worse, persons)
    assert_nothing(second)
    assert second.files > first.files
