"""Linking two purposes: declared, with a consent, without a key; the children are the same whatever came when."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import itertools
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import pytest
import yaml
from landing_steps import landed, take_in, write_lines

from include.errors import WarehouseError
from include.landing import erase, linking, store, vaults
from include.landing.contract import load_contracts
from include.landing.ledger import Ledger
from include.landing.links import LINKS, LinkVault, link_between, link_vault_file, load_links, parse_links
from include.landing.persons import PersonNumber, Vault, parse_person_number, read_key
from include.settings import PROJECT_ROOT, Settings

LINK = load_links()["forms_started_school"]
NIGHT = dt.date(2026, 6, 19)
SELECT = "select school_year, daycare_house_code, count(*) from link_forms_started_school group by all order by all"
TO_SCHOOL = "Dagtilbud-skole"


@pytest.fixture
def home(settings: Settings) -> Settings:
    return settings.model_copy(update={"as_of": NIGHT})


def cpr(serial: int) -> str:
    """A number that fails modulus 11."""
    number = parse_person_number(f"020319{4000 + serial}")
    assert number is not None
    assert not number.passes_modulus_11, "take another serial"
    return number.digits


def number(serial: int) -> PersonNumber:
    found = parse_person_number(cpr(serial))
    assert found is not None
    return found


def deliver(settings: Settings, dataset: str, name: str, *rows: str) -> None:
    header = ";".join(column.source_name for column in load_contracts()[dataset].delivered_columns)
    write_lines(settings, f"{dataset}/{dataset}_{name}.csv", header, *rows)
    take_in(settings, dataset)


def forms(settings: Settings, day: str, *told: tuple[str, str, str]) -> None:
    """Number of the child, house and day of each form; the platform shows no consent on any."""
    rows = [f"PBS-2025-{n:05d};{who};Et Navn;{house};{on};Ja;;Nej;;;" for n, (who, house, on) in enumerate(told, 1)]
    deliver(settings, "description_forms", day, *rows)


def consents(settings: Settings, day: str, *told: tuple[str, str, str, str]) -> None:
    """Number of the child, transition, days on which the consent was given and withdrawn."""
    rows = [
        f"SAM-2025-{n:06d};{who};Et Navn;Et Navn;{transition};Mor;{given};{withdrawn};{'Nej' if withdrawn else 'Ja'}"
        for n, (who, transition, given, withdrawn) in enumerate(told, 1)
    ]
    deliver(settings, "consents", day, *rows)


def enrolments(settings: Settings, name: str, *told: tuple[str, int, str]) -> None:
    """Number of the child, grade and first day."""
    year = name.partition("_")[0].replace("-", "/")
    rows = [f"{who};Et Navn;{year};151003;{grade};{grade}.A;{first};;Hedegård" for who, grade, first in told]
    deliver(settings, "enrolments", name, *rows)


def previous(settings: Settings, serial: int, before: int) -> None:
    """The register tells that one number has replaced another."""
    columns = load_contracts()["residents"].delivered_columns
    told = {"Opgørelsesmåned": "2026-05", "Personnummer": cpr(serial), "Tidligere personnummer": cpr(before)}
    more = {"Fødselsdato": "2019-03-02", "Køn": "K", "Distrikt": "BAL", "Bopæl fra": "2019-03-02"}
    row = ";".join({**more, **told}.get(column.source_name, "") for column in columns)
    deliver(settings, "residents", "2026-05_20260601", row)
    with Ledger(settings) as ledger:
        assert ledger.deliveries("residents")[0].landed_count == 1


def given(serial: int, withdrawn: str = "", transition: str = TO_SCHOOL) -> tuple[str, str, str, str]:
    return cpr(serial), transition, "2025-01-01", withdrawn


FORM, START = "2025-02-03", "01-08-2025"


def form(serial: int, house: str = "BAL-01", day: str = FORM) -> tuple[str, str, str]:
    return cpr(serial), house, day


def start(serial: int, grade: int = 0, day: str = START) -> tuple[str, int, str]:
    return cpr(serial), grade, day


def linked(settings: Settings) -> list[tuple[Any, ...]]:
    return landed(settings, SELECT)


CHILDREN = [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 14]
"""Serials whose numbers fail modulus 11; `cpr` holds them against the rule."""


# ---- the declaration


def declared() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load(LINKS.read_text("utf-8")))


def changed(*path: str, value: object) -> dict[str, Any]:
    content = declared()
    part = content["links"][0]
    for step in path[:-1]:
        part = part[step]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return content


ANSWERS = {"dataset": "wellbeing_answers", "key": "respondent_key", "date": "form_date"}
COLUMN = {"name": "told", "type": "VARCHAR", "description": {"da": "a", "en": "a"}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed("consent", value=None), "no consent rule"),
        (changed("consent", value={}), "no consent rule"),
        (changed("legal_basis", value=None), "not complete .*legal_basis"),
        (changed("legal_basis", value=""), "not complete .*legal_basis"),
        (changed("purpose", value=None), "not complete .*purpose"),
        (changed("columns", value=[]), "not complete .*columns"),
        (changed("from", value=ANSWERS), "linked to nothing"),
        (changed("to", value=ANSWERS), "linked to nothing"),
        (changed("consent", "dataset", value="wellbeing_answers"), "linked to nothing"),
        (changed("to", "dataset", value="school_starts"), "one purpose"),
        (changed("consent", "dataset", value="enrolments"), "of another purpose"),
        (changed("to", "dataset", value="nowhere"), "no dataset"),
        (changed("to", "key", value="grade_level"), "no key of a person"),
        (changed("to", "date", value="grade_level"), "no date"),
        (changed("retention", "years", value=6), "longer than its datasets"),
        (changed("columns", value=[{**COLUMN, "expression": "md5(form_number)"}]), "tells a key"),
        (changed("columns", value=[{**COLUMN, "expression": "Person_Key::varchar"}]), "tells a key"),
        (changed("columns", value=[{**COLUMN, "expression": "year(birth_date)"}]), "tells a key"),
        (changed("columns", value=[{**COLUMN, "expression": "form_date"}]), "tells a day"),
        (changed("columns", value=[{**COLUMN, "type": "DATE", "expression": "form_date - 1"}]), "tells a day"),
        ({"links": declared()["links"] * 2}, "another link has its name"),
    ],
)
def test_a_link_that_is_not_sound_is_refused(content: dict[str, Any], words: str) -> None:
    with pytest.raises(WarehouseError, match=words) as raised:
        parse_links(content)
    assert raised.value.where == "links.yaml"


def test_what_is_not_declared_can_t_be_linked(home: Settings) -> None:
    assert link_between("health", "school") == LINK
    pairs = itertools.permutations(("school", "social", "health", "trivsel"), 2)
    for purpose, other in set(pairs) - {("health", "school")}:
        with pytest.raises(WarehouseError, match=f"no link from {purpose} to {other} is declared"):
            link_between(purpose, other)
    home.prepare()
    undeclared = LINK.model_copy(update={"name": "of_somebody"})
    loosened = LINK.model_copy(update={"consent": LINK.consent.model_copy(update={"condition": "true"})})
    for link in (undeclared, loosened):
        with pytest.raises(WarehouseError, match="it is not declared"):
            LinkVault(home, link, read_key(home))


# ---- who is linked


def test_rows_with_a_consent_that_holds_whose_child_started_are_linked(home: Settings) -> None:
    a, b, c, d, e, f, g, h, i, j, k, m = CHILDREN
    forms(
        home,
        "20260618",
        *map(form, (a, b, c, d, e, f, g, h, i)), form(a, "BAL-02", "2025-03-04"),
        form(j, day="2025-08-01"), form(k, day="2025-08-02"), form(m, day="2020-06-18"),
    )  # fmt: skip
    consents(
        home,
        "20260618",
        *map(given, (a, c, d, e, j, k, m)),
        # b has none; f's is another's; of g one parent withdrew, h's ends on the night, i's the day after
        given(f, transition="Sundhedspleje-dagtilbud"),
        given(g), given(g, "2026-01-01"), given(h, "2026-06-19"), given(i, "2026-06-20"),
    )  # fmt: skip
    # c is in grade 1, d starts the day after the night, e is nowhere
    enrolments(
        home, "2025-2026_20260618", start(c, 1), start(d, day="20-06-2026"), *map(start, (a, b, f, g, h, i, j, k, m))
    )
    assert linked(home) == [("2024/2025", "BAL-01", 2), ("2024/2025", "BAL-02", 1), ("2025/2026", "BAL-01", 1)]


def test_a_withdrawn_consent_is_gone_in_the_next_build(home: Settings) -> None:
    a, b = CHILDREN[:2]
    forms(home, "20260618", form(a), form(b, "BAL-02"))
    enrolments(home, "2025-2026_20260618", start(a), start(b))
    consents(home, "20260617", given(a), given(b))
    assert linked(home) == [("2024/2025", "BAL-01", 1), ("2024/2025", "BAL-02", 1)]
    consents(home, "20260618", given(a), given(b, "2026-06-20"))
    assert linked(home) == [("2024/2025", "BAL-01", 1), ("2024/2025", "BAL-02", 1)]
    # nothing comes, and the day does: what had been brought together is not read again
    assert linked(home.model_copy(update={"as_of": NIGHT + dt.timedelta(days=1)})) == [("2024/2025", "BAL-01", 1)]
    files = list((home.landing / store.LINKS).rglob("*.parquet"))
    assert len(files) == 1


def test_replacement_numbers_are_linked_to_nobody(home: Settings) -> None:
    replacement = f"62{cpr(CHILDREN[0])[2:]}"
    forms(home, "20260618", (replacement, "BAL-01", FORM))
    consents(home, "20260618", (replacement, TO_SCHOOL, "2025-01-01", ""))
    enrolments(home, "2025-2026_20260618", (replacement, 0, START))
    assert linked(home) == []


def test_without_deliveries_the_table_is_there_and_no_process_is_started(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "make_links", lambda _: pytest.fail("it was started"))
    assert linked(home) == []
    assert landed(home, "select column_name, column_type from (describe link_forms_started_school)") == [
        ("school_year", "VARCHAR"),
        ("daycare_house_code", "VARCHAR"),
        ("municipality_code", "VARCHAR"),
    ]
    assert not home.key_file.exists()


# ---- the same whatever came when


def test_any_order_of_nights_links_the_same_and_a_replaced_number_keeps_its_child(home: Settings) -> None:
    """One child has a form under each of its numbers, and its consent and its enrolment under the new one alone."""
    old, new, other = CHILDREN[:3]

    def steps(place: Settings) -> list[Callable[[], None]]:
        return [
            lambda: forms(place, "20260618", form(old), form(new, "BAL-02"), form(other, "BAL-03")),
            lambda: consents(place, "20260618", given(new), given(other)),
            lambda: enrolments(place, "2025-2026_20260618", start(new), start(other)),
            lambda: previous(place, new, old),
        ]

    found = set()
    for count, order in enumerate(itertools.permutations(range(4))):
        place = home.model_copy(update={"home": home.home / f"h{count}"})
        for step in order:
            steps(place)[step]()
        found.add(tuple(linked(place)))
    assert found == {(("2024/2025", "BAL-01", 1), ("2024/2025", "BAL-02", 1), ("2024/2025", "BAL-03", 1))}


def test_two_halves_become_one_childs_and_the_fingerprint_tells_it(home: Settings) -> None:
    """Neither purpose has the child under two keys: only the link learns that its halves belong together."""
    old, new = CHILDREN[:2]
    forms(home, "20260618", form(old))
    consents(home, "20260618", given(old))
    enrolments(home, "2025-2026_20260618", start(new))
    assert linked(home) == []
    before = store.fingerprint(home)
    previous(home, new, old)
    with Ledger(home) as ledger:
        assert [ledger.same_persons(purpose) for purpose in ("health", "school")] == [{}, {}]
        assert ledger.same_persons(LINK.vault_purpose)
    assert linked(home) == [("2024/2025", "BAL-01", 1)]
    assert store.fingerprint(home) != before


def test_a_rotation_keeps_the_link(home: Settings) -> None:
    a, b = CHILDREN[:2]
    forms(home, "20260618", form(a), form(b))
    consents(home, "20260618", given(a), given(b))
    enrolments(home, "2025-2026_20260617", start(a))
    assert linked(home) == [("2024/2025", "BAL-01", 1)]
    report = vaults.rotate(home)
    assert {state.purpose for state in report.vaults if state.is_wrapped} >= {"school", "health", LINK.vault_purpose}
    enrolments(home, "2025-2026_20260618", start(a), start(b))
    assert linked(home) == [("2024/2025", "BAL-01", 2)]


# ---- what leaves


def test_no_key_and_no_number_leaves_with_the_link(home: Settings) -> None:
    forms(home, "20260618", *map(form, CHILDREN))
    consents(home, "20260618", *map(given, CHILDREN))
    enrolments(home, "2025-2026_20260618", *map(start, CHILDREN))
    assert linked(home) == [("2024/2025", "BAL-01", 12)]
    key = read_key(home)
    link_vault = LinkVault(home, LINK, key)
    secret = {
        str(one) for purpose in ("health", "school") for its in Vault(home, purpose, key).all_keys() for one in its
    }
    secret |= {str(one) for its in link_vault.all_keys() for one in its}
    assert len(secret) == 3 * len(CHILDREN)
    secret |= {cpr(serial) for serial in CHILDREN}
    (file,) = (home.landing / store.LINKS).rglob("*.parquet")
    with duckdb.connect() as connection:
        rows = connection.execute(f"from read_parquet('{file}')").fetchall()
        sizes = connection.execute(f"select column_name from (describe from read_parquet('{file}'))").fetchall()
    assert [name for (name,) in sizes] == ["school_year", "daycare_house_code", "municipality_code"]
    assert not secret & {str(value) for row in rows for value in row}
    content = file.read_bytes()
    assert not [one for one in secret if one.encode() in content or int(one).to_bytes(8, "little") in content]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (file, link_vault.file)} == {0o600}
    with contextlib.closing(sqlite3.connect(link_vault.file)) as connection:
        assert connection.execute("select count(*) from linked").fetchone() == (2 * len(CHILDREN),)


def test_the_vault_tells_partners_of_those_alone_who_are_asked_for(home: Settings) -> None:
    a, b = CHILDREN[:2]
    forms(home, "20260618", form(a), form(b))
    enrolments(home, "2025-2026_20260618", start(a), start(b))
    key = read_key(home)
    health = Vault(home, "health", key).person_keys([number(a), number(b)])
    school = Vault(home, "school", key).person_keys([number(a), number(b)])
    found = LinkVault(home, LINK, key).partners([health[cpr(a)]], {"from": {}, "to": {}})
    assert found == [(health[cpr(a)], school[cpr(a)])]


def test_only_rows_of_the_link_are_noted(home: Settings) -> None:
    a, b = CHILDREN[:2]
    enrolments(home, "2025-2026_20260618", start(a), start(b, 3))
    assert len(LinkVault(home, LINK, read_key(home)).all_keys()) == 1


# ---- erasure and retention


def linked_keys(settings: Settings) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(link_vault_file(settings, LINK))) as connection:
        return connection.execute("select side, domain_key from linked order by 1, 2").fetchall()


def test_an_erased_person_leaves_the_link(home: Settings) -> None:
    a, b = CHILDREN[:2]
    forms(home, "20260618", form(a), form(b, "BAL-02"))
    consents(home, "20260618", given(a), given(b))
    enrolments(home, "2025-2026_20260618", start(a), start(b))
    assert linked(home) == [("2024/2025", "BAL-01", 1), ("2024/2025", "BAL-02", 1)]
    key = read_key(home)
    gone = Vault(home, "health", key).person_keys([number(a)])[cpr(a)]
    with contextlib.closing(sqlite3.connect(link_vault_file(home, LINK))) as connection:
        digests = {digest for (digest,) in connection.execute("select digest from person")}
    erase.erase_person(home, number(a))
    assert not list((home.landing / store.LINKS).rglob("*.parquet"))
    assert len(LinkVault(home, LINK, key).all_keys()) == 1
    assert gone not in [one for _, one in linked_keys(home)]
    assert len(linked_keys(home)) == 2
    content = link_vault_file(home, LINK).read_bytes()
    assert len([digest for digest in digests if digest in content]) == 1
    assert linked(home) == [("2024/2025", "BAL-02", 1)]


def test_who_has_no_row_left_on_a_side_leaves_the_link(home: Settings) -> None:
    a, b = CHILDREN[:2]
    forms(home, "20260618", form(a, day="2021-06-01"), form(b))
    consents(home, "20260618", given(a), given(b))
    enrolments(home, "2021-2022_20260618", start(a, day="01-08-2021"))
    enrolments(home, "2025-2026_20260618", start(b))
    assert len(linked_keys(home)) == 4
    later = home.model_copy(update={"as_of": dt.date(2026, 7, 1)})
    erase.erase_past_retention(later)
    assert len(linked_keys(home)) == 3, "the form is past its years, the enrolment not yet"
    erase.erase_past_retention(home.model_copy(update={"as_of": dt.date(2026, 8, 2)}))
    assert len(linked_keys(home)) == 2
    assert len(LinkVault(home, LINK, read_key(home)).all_keys()) == 1
    assert linked(later) == [("2024/2025", "BAL-01", 1)]


# ---- killed


def test_killed_while_the_file_is_written_the_next_build_has_all_of_it(home: Settings) -> None:
    forms(home, "20260618", *map(form, CHILDREN))
    consents(home, "20260618", *map(given, CHILDREN))
    enrolments(home, "2025-2026_20260618", *map(start, CHILDREN))
    folder = home.landing / store.LINKS / LINK.name
    folder.mkdir(parents=True)
    with Ledger(home) as ledger, ledger.moment():
        temporary = store.link_file(home, ledger, LINK).with_suffix(".tmp")
    # it stands where the file is written and has not got its name
    code = """
import time
from include.landing import linking, store
from include.settings import Settings
store.make_durable = lambda file: (print("written", flush=True), time.sleep(60))
linking.write_links(Settings())
"""
    running = _python(home, code)
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "written\n"
        assert temporary.exists()
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate()
    assert running.returncode == -signal.SIGKILL
    assert not list(folder.glob("*.parquet"))
    temporary.write_bytes(temporary.read_bytes()[:20])
    assert linked(home) == [("2024/2025", "BAL-01", 12)]
    assert not list(folder.glob("*.tmp"))


def test_killed_while_keys_are_noted_the_next_landing_notes_them(home: Settings) -> None:
    a = CHILDREN[0]
    consents(home, "20260618", given(a))
    enrolments(home, "2025-2026_20260618", start(a))
    header = ";".join(column.source_name for column in load_contracts()["description_forms"].delivered_columns)
    write_lines(
        home,
        "description_forms/description_forms_20260618.csv",
        header,
        f"PBS-2025-00001;{cpr(a)};N;BAL-01;{FORM};Ja;;Nej;;;",
    )
    with contextlib.closing(sqlite3.connect(link_vault_file(home, LINK))) as connection:
        connection.execute("begin immediate")
        running = _python(
            home,
            "from include.landing import process; from include.landing.contract import load_contracts\n"
            "from include.settings import Settings\n"
            "process.take_in(Settings(), load_contracts()['description_forms'])",
        )
        deadline = time.monotonic() + 60
        while not list((home.landing / "description_forms").glob("*.tmp")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)
        assert running.poll() is None, "it waits for the link's vault"
        running.send_signal(signal.SIGKILL)
        running.communicate()
        connection.rollback()
    assert running.returncode == -signal.SIGKILL
    take_in(home, "description_forms")
    assert linked(home) == [("2024/2025", "BAL-01", 1)]


def _python(settings: Settings, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        env=os.environ | settings.environment() | {"PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_deliveries_that_come_meanwhile_are_linked_too(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the build reads is of one moment: a link that was made of an earlier one is made again."""
    a, b = CHILDREN[:2]
    forms(home, "20260618", form(a), form(b))
    consents(home, "20260618", given(a), given(b))
    enrolments(home, "2025-2026_20260617", start(a))
    make, made = linking.make_links, []

    def and_one_comes(settings: Settings) -> None:
        make(settings)
        if not made:
            enrolments(home, "2025-2026_20260618", start(a), start(b))
        made.append(1)

    monkeypatch.setattr(linking, "make_links", and_one_comes)
    assert linked(home) == [("2024/2025", "BAL-01", 2)]
    assert len(made) == 2


def test_the_declared_expressions_fit_their_datasets() -> None:
    """Over nothing, so that a mistake in a declaration is found before children have landed."""
    with duckdb.connect() as connection:
        for link in load_links().values():
            for dataset, parts in {
                link.from_.dataset: [link.from_.condition, *(column.expression for column in link.columns)],
                link.to.dataset: [link.to.condition],
                link.consent.dataset: [link.consent.condition, link.consent.given, link.consent.ended],
            }.items():
                delivered = ", ".join(
                    f"null::{column.type} as {column.name}"
                    for column in load_contracts()[dataset].landed_columns
                    if column.is_delivered and not column.personal
                )
                for part in parts:
                    connection.execute(f"select {part} from (select {delivered})")
