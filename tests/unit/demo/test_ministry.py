"""The stand-in of the ministry's API speaks the documented protocol; its figures are what the truth says."""

from __future__ import annotations

import itertools
import json
import socket
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from include.demo.loopback import STUB_ANSWERS
from include.demo.ministry import (
    ABSENCE,
    MEASURES,
    SCHOOL_YEARS,
    STAGES,
    WELLBEING,
    WITHOUT_TENTH_GRADE,
    load_answers,
    run,
    serve,
    write_answers,
    write_statistics,
)
from include.demo.municipalities import MUNICIPALITIES
from include.landing.contract import load_contracts
from include.sources.uddannelsesstatistik import PATH, doubled

QUERY: dict[str, Any] = (load_contracts()["absence_statistics"].request or {})["queries"][0]
TOKEN = "token-of-a-test"
ROWS = [
    {
        "[Institution].[Beliggenhedskommune].[Beliggenhedskommune]": municipality,
        "[Klassetrin].[Skoletrin].[Skoletrin]": stage,
        "[Tid].[Skoleår].[Skoleår]": "2024/2025",
        MEASURES[0]: "7,3",
    }
    for municipality in ("Ballerup", "Herlev")
    for stage in STAGES[:3]
]


def ask(base_url: str, token: str | None = TOKEN, path: str = PATH, **changes: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.post(base_url + path, json={**QUERY, "side": 1, **changes}, headers=headers, trust_env=False)


def test_answers_pages_until_a_short_one() -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        pages = [ask(ministry.connection.base_url, side=side, side_størrelse=4).json() for side in (1, 2, 3)]
    assert [len(page) for page in pages] == [4, 2, 0]
    assert pages[0] + pages[1] == ROWS


def test_counts_pages_from_zero_where_told_to() -> None:
    with run({ABSENCE: ROWS}, TOKEN, first_page=0) as ministry:
        pages = [ask(ministry.connection.base_url, side=side, side_størrelse=4).json() for side in (0, 1, 2)]
    assert [len(page) for page in pages] == [4, 2, 0]


def test_filters_and_leaves_rows_without_the_measure_out() -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        url = ministry.connection.base_url
        some = ask(url, filtre={"[Klassetrin].[Skoletrin]": ["Mellemtrin"]}).json()
        none = ask(url, nøgletal=["Over 10 procent"]).json()
    assert [row["[Klassetrin].[Skoletrin].[Skoletrin]"] for row in some] == ["Mellemtrin", "Mellemtrin"]
    assert none == []


def test_nests_in_the_order_of_the_details() -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        answer = ask(ministry.connection.base_url, indlejret=True).json()
    assert answer["Herlev"]["Udskoling"]["2024/2025"] == {MEASURES[0]: "7,3"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"nøgletal": ["Fravær"]}, "Fravær"),
        ({"nøgletal": []}, "nøgletal"),
        ({"detaljering": ["[Institution].[Beliggenhedskommune]", "[Tid].[År]"]}, "[Tid].[År]"),
        ({"detaljering": ["[Tid].[Skoleår]"]}, "detaljering"),
        ({"filtre": {"[Tid].[År]": ["2024"]}}, "[Tid].[År]"),
        ({"filtre": {"[Tid].[Skoleår]": "2024/2025"}}, "filtre"),
        ({"område": "GYM"}, "område"),
        ({"side_størrelse": 100_001}, "side_størrelse"),
        ({"side": -1}, "side"),
        ({"tomme_rækker": True}, "tomme_rækker"),
    ],
)
def test_refuses_a_bad_field_and_names_it(changes: dict[str, Any], named: str) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        answer = ask(ministry.connection.base_url, **changes)
    assert answer.status_code == 400
    assert named in answer.json()["message"]


def test_holds_several_cubes_and_each_by_its_own_levels() -> None:
    municipality, indicator = "[Institution].[Beliggenhedskommune]", "[Trivselsindikator].[Trivselsindikator]"
    by_municipality = {
        f"{municipality}.[Beliggenhedskommune]": "Ballerup",
        f"{indicator}.[Trivselsindikator]": "Generel trivsel",
    }
    by_school = by_municipality | {"[Institution].[Institutionsnummer].[Institutionsnummer]": "281843"}
    wellbeing = [by_municipality | {"Indikatorsvar": "3,6"}, by_school | {"Indikatorsvar": "3,7"}]
    asked: dict[str, Any] = {
        **WELLBEING.place,
        "nøgletal": ["Indikatorsvar"],
        "detaljering": [municipality, indicator],
        "filtre": {},
    }
    with run({ABSENCE: ROWS, WELLBEING: wellbeing}, TOKEN) as ministry:
        url = ministry.connection.base_url
        assert ask(url).json() == ROWS
        assert ask(url, **asked).json() == wellbeing[:1]
        number = "[Institution].[Institutionsnummer]"
        assert ask(url, **{**asked, "detaljering": [municipality, indicator, number]}).json() == wellbeing[1:]
        assert "detaljering" in ask(url, **{**asked, "detaljering": [indicator]}).json()["message"]
        assert "Ukendt underemne" in ask(url, **{**asked, "underemne": "TRIVSP"}).json()["message"]


def test_serves_the_files_of_several_datasets(tmp_path: Path) -> None:
    row = {f"{level}.{level.rpartition('.')[2]}": "x" for level in WELLBEING.levels} | {"Indikatorsvar": "3,6"}
    files = [write_answers(tmp_path / "a", ABSENCE, ROWS), write_answers(tmp_path / "b", WELLBEING, [row])]
    asked: dict[str, Any] = {
        **WELLBEING.place,
        "nøgletal": ["Indikatorsvar"],
        "detaljering": list(WELLBEING.levels),
        "filtre": {},
    }
    with serve(files, TOKEN) as connection:
        assert ask(connection.base_url).json() == ROWS
        assert ask(connection.base_url, **asked).json() == [row]


@pytest.mark.parametrize("token", [None, "another", TOKEN + "x"])
def test_refuses_any_other_token(token: str | None) -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        assert ask(ministry.connection.base_url, token).status_code == 401


def test_knows_one_address_only_and_post_only() -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        url = ministry.connection.base_url
        assert ask(url, path="/Api/v2/statistik").status_code == 404
        assert httpx.get(url + PATH, trust_env=False).status_code == 405


def test_listens_on_the_loopback_only_and_ends() -> None:
    with run({ABSENCE: ROWS}, TOKEN) as ministry:
        address = httpx.URL(ministry.connection.base_url)
        assert address.host == "127.0.0.1"
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect((address.host, address.port or 0))


def test_serves_a_written_file(tmp_path: Path) -> None:
    write_statistics(tmp_path, np.random.default_rng(1))
    with serve([tmp_path / STUB_ANSWERS], TOKEN) as connection:
        answer = ask(connection.base_url).json()
    rows = load_answers(tmp_path / STUB_ANSWERS)[1]
    assert answer == [row for row in rows if {doubled(level) for level in ABSENCE.levels} <= set(row)]
    assert len(answer) < len(rows), "what is of all municipalities or stages is asked for by itself"


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    for text in ("{}", '{"cube": {"område": "GS", "emne": "X", "underemne": "Y"}, "rows": []}', "[]"):
        (tmp_path / STUB_ANSWERS).write_text(text, "utf-8")
        with pytest.raises(ValueError, match="holds no rows of a known cube"):
            load_answers(tmp_path / STUB_ANSWERS)


def test_the_same_seed_makes_the_same_file_and_another_another(tmp_path: Path) -> None:
    for folder, seed in (("a", 7), ("b", 7), ("c", 8)):
        write_statistics(tmp_path / folder, np.random.default_rng(seed))
    a, b, c = ((tmp_path / folder / STUB_ANSWERS).read_bytes() for folder in "abc")
    assert a == b
    assert a != c


def test_the_truth_is_a_whole_grid_with_what_was_planted(tmp_path: Path) -> None:
    truth = write_statistics(tmp_path, np.random.default_rng(20260619))
    assert len(MUNICIPALITIES) == len(set(MUNICIPALITIES)) == 98
    assert len(truth.published) + len(truth.suppressed) + len(truth.missing) == (98 + 1) * (4 + 1) * 6 * 4
    assert {cell[0] for cell in truth.missing} == WITHOUT_TENTH_GRADE
    assert {cell[1] for cell in truth.missing} == {"10. klasse mv."}
    assert truth.status(("Læsø", "Mellemtrin", "2021/2022", MEASURES[0])) == "suppressed"
    assert not {cell for cell in truth.suppressed | truth.missing if cell[0] == "Ballerup"}
    assert len(truth.published) / len(truth.records()) > 0.9
    assert truth.status(("Læsø", "I alt", "2021/2022", MEASURES[0])) == "suppressed"
    for year, measure in itertools.product(SCHOOL_YEARS, MEASURES):
        stages = [truth.published["I alt", stage, year, measure] for stage in STAGES]
        assert min(stages) <= truth.published["I alt", "I alt", year, measure] <= max(stages)
    with pytest.raises(KeyError):
        truth.status(("Christiansø", STAGES[0], SCHOOL_YEARS[0], MEASURES[0]))


def test_the_figures_hold_together_and_are_danish_texts(tmp_path: Path) -> None:
    truth = write_statistics(tmp_path, np.random.default_rng(3))
    for (*key, measure), value in truth.published.items():
        assert Decimal("0.1") <= value <= 99
        if measure in MEASURES[1:3]:
            whole = truth.published.get((key[0], key[1], key[2], MEASURES[0]))
            assert whole is None or value <= whole
    row = next(row for row in load_answers(tmp_path / STUB_ANSWERS)[1] if len(row) == 7)
    assert row[MEASURES[3]].endswith(" %")
    assert "," in row[MEASURES[0]]
    assert json.loads((tmp_path / STUB_ANSWERS).read_text("utf-8"))["synthetic"] is True
