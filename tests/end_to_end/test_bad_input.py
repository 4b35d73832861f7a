"""A night with a bad file of every kind in every dataset: what is good lands, what is bad is named, nothing is lost."""

from __future__ import annotations

import codecs
import datetime as dt
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from figures import delivery_id, open_landing, open_release, rows
from nights import settings_of, stand_ins_of, take_in_all

from include import night
from include.demo.deliveries import BACKFILL
from include.demo.municipality import copy_until, generate
from include.landing.contract import load_contracts
from include.landing.ledger import Delivery, Ledger, QuarantinedRow
from include.landing.process import take_in
from include.settings import Settings

ENCODINGS = {"ledger_postings": "cp1252"}
NEWEST = {
    "enrolments": "enrolments_2025-2026_20260619.csv",
    "absence_days": "absence_days_20260606-20260619_20260619.csv",
    "referrals": "referrals_20260421-20260619_20260619.csv",
    "wellbeing_answers": "wellbeing_answers_2025-2026_20260617.csv",
    "ledger_postings": "ledger_postings_2026-06_20260619.csv",
}
"""The good file of the last night, of which the bad ones are made."""

LEFT_OUT = {"enrolments", "ledger_postings"}
"""Of these the good file does not come, so that they get stale."""

WITH_TOKEN = ("absence_statistics", "wellbeing_statistics")
"""What is asked of the API whose token has expired."""

BAD_VALUES = {
    "enrolments": ("Indskrevet fra", "31-02-2026", "enrolled_from"),
    "absence_days": ("Dato", "31-02-2026", "absence_date"),
    "referrals": ("Henvist dato", "31-02-2026", "referred_date"),
    "wellbeing_answers": ("Spørgsmål", "4711", "question_number"),
    "ledger_postings": ("Bogføringsdato", "31-02-2026", "posting_date"),
}
"""Column, value that every second row gets, and the contract's name of the column."""


NAMED_ROWS = 1000
"""So many rows are named for one failed check of a delivery."""


@dataclass(frozen=True)
class BadNight:
    """The night that was played: settings, good inbox, bad files by dataset and kind, what a person is told."""

    settings: Settings
    source: Path
    bad: dict[tuple[str, str], Path]
    before: dict[str, str]
    told: list[str]
    to_act_on: list[str]


def _encoding(dataset: str) -> str:
    return ENCODINGS.get(dataset, "utf-8")


def _cut_short(dataset: str, content: bytes) -> bytes:
    """Two thirds of the file, in the middle of a line."""
    place = content.index(b"\n", len(content) * 2 // 3) + 9
    assert b"\n" not in content[place - 8 : place]
    return content[:place]


def _wrong_header(dataset: str, content: bytes) -> bytes:
    head, _, rest = content.partition(b"\n")
    names = head.decode(_encoding(dataset)).rstrip("\r").split(";")
    return ";".join(["Forkert", *names[1:]]).encode(_encoding(dataset)) + b"\n" + rest


def _mixed_encodings(dataset: str, content: bytes) -> bytes:
    """A letter of a row in the encoding that the rest of the file has not."""
    head, _, rest = content.partition(b"\n")
    text = rest.decode(_encoding(dataset))
    other = "utf-8" if _encoding(dataset) == "cp1252" else "cp1252"
    letter = re.search("[æøåÆØÅé]", text)
    assert letter, "the file has a Danish letter"
    before, after = text[: letter.start()], text[letter.end() :]
    parts = (before.encode(_encoding(dataset)), letter[0].encode(other), after.encode(_encoding(dataset)))
    return head + b"\n" + b"".join(parts)


def _mostly_bad(dataset: str, content: bytes) -> bytes:
    """Two of three rows have a value that their column can't have."""
    header, bad_value, _ = BAD_VALUES[dataset]
    lines = content.decode(_encoding(dataset)).split("\n")
    place = lines[0].lstrip("\ufeff").rstrip("\r").split(";").index(header)

    def spoilt(line: str) -> str:
        fields = line.split(";")
        assert '"' not in ";".join(fields[: place + 1])
        end = "\r" if place == len(fields) - 1 and line.endswith("\r") else ""
        return ";".join([*fields[:place], bad_value + end, *fields[place + 1 :]])

    rows_of_file = [number for number, line in enumerate(lines[1:], 1) if line.strip() and not line.startswith("Total")]
    for number in (number for count, number in enumerate(rows_of_file) if count % 3 != 1):
        lines[number] = spoilt(lines[number])
    return "\n".join(lines).encode(_encoding(dataset))


KINDS: dict[str, tuple[str, Callable[[str, bytes], bytes]]] = {
    "cut short": ("20260613", _cut_short),
    "wrong header": ("20260614", _wrong_header),
    "mixed encodings": ("20260615", _mixed_encodings),
    "most of the rows bad": ("20260616", _mostly_bad),
    "wrong name": ("", lambda _, content: content),
}


def _spoil(inbox: Path, dataset: str, source: Path) -> dict[tuple[str, str], Path]:
    """Put a bad file of each kind into the inbox, named as the dataset's files of that day are named."""
    files = {}
    for kind, (day, make) in KINDS.items():
        name = re.sub(r"\d{8}\.csv$", f"{day}.csv", source.name) if day else f"udtræk {dataset} ny.csv"
        files[dataset, kind] = inbox / dataset / name
        files[dataset, kind].write_bytes(make(dataset, source.read_bytes()))
    return files


def _spoil_agreement(inbox: Path, source: Path) -> dict[tuple[str, str], Path]:
    content = source.read_bytes()
    folder = inbox / "budget_agreement"
    text = content.decode("utf-8")
    made = {
        "cut short": ("aftale_halv.txt", content[: len(content) // 2]),
        "wrong header": ("referat.txt", "Referat af et møde om noget andet\n\nDer var kaffe.\n".encode()),
        "mixed encodings": ("aftale_blandet.txt", content + "\nBørn".encode("cp1252") + "\nBørn\n".encode()),
        "most of the rows bad": ("aftale_uden_centre.txt", re.sub(r"(?m)^.*Ansvarligt center.*$", "", text).encode()),
        "wrong name": ("aftale.docx", content + b"\n"),
    }
    files = {}
    for kind, (name, changed) in made.items():
        assert changed != content
        files["budget_agreement", kind] = folder / name
        (folder / name).write_bytes(changed)
    return files


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> BadNight:
    """A backfill that is good; a week later a night with bad files beside good ones, and a token that has expired."""
    folder = tmp_path_factory.mktemp("bad")
    inbox = folder / "inbox"
    settings = settings_of(folder, inbox, as_of=dt.date(2026, 6, 19))
    source = generate(folder / "source", size="small").inbox
    copy_until(source, inbox, BACKFILL)
    files: dict[tuple[str, str], Path] = {}
    saved = settings.fetched / "absence_statistics" / "absence_statistics_2019-2025_0123456789ab.json"
    saved.parent.mkdir(parents=True)
    saved.write_text('{"rows": [{"[Institution]', "utf-8")
    files["absence_statistics", "cut short"] = saved
    take_in_all(settings)
    for dataset, name in NEWEST.items():
        files |= _spoil(inbox, dataset, source / dataset / name)
        if dataset not in LEFT_OUT:
            # the good one: what has the wrong name is a file of its own
            files[dataset, "wrong name"].write_bytes(_other_order((source / dataset / name).read_bytes()))
            shutil.copyfile(source / dataset / name, inbox / dataset / name)
    for dataset in set(load_contracts()) - {*NEWEST, "budget_agreement"}:
        shutil.copytree(source / dataset, inbox / dataset, dirs_exist_ok=True)
    corrected = source / "budget_agreement" / "aftale_om_budget_2026_rev1.txt"
    files |= _spoil_agreement(inbox, corrected)
    shutil.copyfile(corrected, inbox / "budget_agreement" / corrected.name)
    before = _digests(inbox)
    told: list[str] = []
    with stand_ins_of(inbox, token="the-token-of-last-year"):
        to_act_on = night.run_plain(settings, told.append)
    return BadNight(settings, source, files, before, told, to_act_on)


def _other_order(content: bytes) -> bytes:
    """The same file with its last two rows exchanged."""
    lines = content.splitlines(keepends=True)
    assert lines[-1] != lines[-2]
    return b"".join([*lines[:-2], lines[-1], lines[-2]])


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def _known(settings: Settings, dataset: str, file: Path) -> tuple[Delivery, list[QuarantinedRow]]:
    with Ledger(settings) as ledger:
        delivery = ledger.known(dataset, delivery_id(dataset, file))
        assert delivery is not None, f"{dataset}/{file.name} is not in the ledger"
        return delivery, ledger.problems(delivery.delivery_id, dataset)


def _shown_name(dataset: str, kind: str, file: Path) -> str:
    """How the file is told: where the data are about persons, a name that nobody agreed may hold one, unsaid."""
    if kind == "wrong name" and load_contracts()[dataset].about_persons:
        return f"{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}{file.suffix}"
    return file.name


def test_every_bad_file_is_rejected_with_place_reason_and_remedy(bad: BadNight) -> None:
    wrong = []
    for (dataset, kind), file in bad.bad.items():
        delivery, problems = _known(bad.settings, dataset, file)
        if delivery.status != "rejected" or not problems:
            wrong.append(f"{dataset}, {kind}: {delivery.status}, {len(problems)} problems")
        for problem in problems:
            assert problem.file_name == _shown_name(dataset, kind, file)
            assert len(problem.reason) > 10, problem
            assert len(problem.remedy) > 10, problem
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", ["cut short", "wrong header", "mixed encodings"])
def test_a_bad_file_is_told_by_its_line(bad: BadNight, kind: str) -> None:
    for dataset, name in NEWEST.items():
        file = bad.bad[dataset, kind]
        delivery, problems = _known(bad.settings, dataset, file)
        lines = file.read_bytes().splitlines()
        expected = {"cut short": {len(lines)}, "wrong header": {1}}.get(kind)
        if expected is None:
            good = (bad.source / dataset / name).read_bytes().splitlines()
            expected = {number for number, (a, b) in enumerate(zip(lines, good, strict=True), 1) if a != b}
            if not lines[0].startswith(codecs.BOM_UTF8):
                # Which of the two encodings is the mistake can't be known: a line of the other one may be named too.
                expected |= {number for number, line in enumerate(lines, 1) if not line.isascii()}
        assert len(problems) == 1, (dataset, kind)
        assert problems[0].line in expected, (dataset, kind)
        assert problems[0].column is None, (dataset, kind)
        assert delivery.landed_count == 0


def test_bad_rows_are_told_by_line_and_column(bad: BadNight) -> None:
    """Two of three rows are named; so many are bad that the delivery as a whole is rejected."""
    for dataset, (_, value, column) in BAD_VALUES.items():
        file = bad.bad[dataset, "most of the rows bad"]
        delivery, problems = _known(bad.settings, dataset, file)
        spoilt = {
            number
            for number, line in enumerate(file.read_bytes().decode(_encoding(dataset)).splitlines(), 1)
            if value in line.split(";")
        }
        in_rows = [problem for problem in problems if problem.line is not None]
        # of one failed check the first rows are named, and the others counted
        assert {problem.line for problem in in_rows} == set(sorted(spoilt)[:NAMED_ROWS]), dataset
        rest = [problem.reason for problem in problems if problem.line is None and problem.column == column]
        assert len(rest) == (len(spoilt) > NAMED_ROWS), dataset
        assert all(f"in {len(spoilt) - NAMED_ROWS} more rows" in reason for reason in rest), dataset
        assert {problem.column for problem in in_rows} == {column}, dataset
        assert len(spoilt) == delivery.row_count - (delivery.row_count + 1) // 3, dataset
        assert [p for p in problems if p.rule == "expectation"], f"{dataset}: the batch was not judged"
        assert (delivery.landed_count, delivery.quarantined_count) == (0, delivery.row_count), dataset


def test_rows_in_are_landed_and_quarantined(bad: BadNight) -> None:
    with Ledger(bad.settings) as ledger:
        deliveries = ledger.deliveries()
    assert len(deliveries) > 30
    for delivery in deliveries:
        assert delivery.row_count == delivery.landed_count + delivery.quarantined_count, delivery.file_name
        assert delivery.landed_count > 0 or delivery.status == "rejected", delivery.file_name


def test_no_value_of_a_row_is_told(bad: BadNight) -> None:
    with Ledger(bad.settings) as ledger:
        said = [text for problem in ledger.problems() for text in (problem.reason, problem.remedy)]
    said += [*bad.told, *bad.to_act_on]
    values = {value for _, value, _ in BAD_VALUES.values()}
    assert not [text for text in said if any(value in text for value in values)]
    assert not [text for text in said if re.search(r"(?<!\d)\d{6}-?\d{4}(?!\d)", text)]


def test_the_good_files_beside_them_landed(bad: BadNight, tmp_path: Path) -> None:
    for dataset in {*NEWEST, "budget_agreement"} - LEFT_OUT:
        name = NEWEST.get(dataset, "aftale_om_budget_2026_rev1.txt")
        delivery, _ = _known(bad.settings, dataset, bad.settings.inbox / dataset / name)
        assert delivery.status == "accepted", dataset
    with open_landing(bad.settings, tmp_path) as landing:
        for dataset in (*NEWEST, "budget_agreement"):
            (row,) = rows(landing, f"select count(*) as n from {dataset}")
            assert row["n"], dataset


def test_the_night_publishes_and_names_what_is_stale(bad: BadNight) -> None:
    release = bad.settings.current_release.resolve()
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    assert manifest["as_of"] == "2026-06-19"
    stale = {entry["dataset"]: entry["as_of"] for entry in manifest["stale_datasets"]}
    assert stale == {**dict.fromkeys(LEFT_OUT, "2026-06-12"), **dict.fromkeys(WITH_TOKEN)}
    with open_release(release) as connection:
        found = {row["dataset"]: row for row in rows(connection, "from marts.data_freshness")}
    for dataset in LEFT_OUT:
        assert found[dataset]["freshness"] == "stale", dataset
        assert found[dataset]["data_as_of"] == dt.date(2026, 6, 12), dataset
        assert found[dataset]["has_rejected_since"], dataset
    assert {found[dataset]["freshness"] for dataset in WITH_TOKEN} == {"never_delivered"}
    assert {found[dataset]["freshness"] for dataset in set(found) - set(stale)} == {"fresh"}
    current = {entry["file"] for entry in manifest["deliveries"]}
    assert not current & {file.name for file in bad.bad.values()}


def test_who_has_to_act_is_told_each_file_and_the_failed_task(bad: BadNight) -> None:
    for (dataset, kind), file in bad.bad.items():
        if dataset == "absence_statistics":
            continue  # it was taken in a week before, with the backfill
        name = _shown_name(dataset, kind, file)
        assert any(f"{dataset}/{name}" in line for line in bad.to_act_on), f"{dataset}/{name}"
    for dataset in WITH_TOKEN:
        assert sum(line.startswith(f"land_{dataset}") for line in bad.to_act_on) == 1
    failed = [line for line in bad.to_act_on if line.startswith("land_absence_statistics")]
    assert "Remedy" in failed[0]
    assert "the-token-of-last-year" not in " ".join([*bad.told, *bad.to_act_on])


def test_nothing_is_lost(bad: BadNight) -> None:
    assert _digests(bad.settings.inbox) == bad.before
    assert all(file.is_file() for file in bad.bad.values())


def test_a_corrected_file_lands_the_next_night(bad: BadNight) -> None:
    """What the remedies say works: the file named right, and the whole file sent again."""
    right = bad.settings.inbox / "enrolments" / NEWEST["enrolments"]
    shutil.copyfile(bad.bad["enrolments", "wrong name"], right)
    again = bad.settings.inbox / "ledger_postings" / NEWEST["ledger_postings"]
    lines = (bad.source / "ledger_postings" / NEWEST["ledger_postings"]).read_bytes().splitlines(keepends=True)
    again.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    for dataset, file in (("enrolments", right), ("ledger_postings", again)):
        contract = load_contracts()[dataset]
        report = take_in(bad.settings, contract)
        assert (report.deliveries, report.rejected, report.quarantined_count) == (1, [], 0), dataset
        night.judge_domain(bad.settings, contract.domain)
        assert _known(bad.settings, dataset, file)[0].status == "accepted", dataset
