"""The drawings: what is missing is a gap, what is withheld a cross, and a drawing says in words what it shows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from decimal import Decimal

import document_content
import pytest
from document_content import MEASURES, ODD

from include.follow_up import charts
from include.follow_up.charts import Drawing
from include.follow_up.content import Measure, Smiley

SVG = "{http://www.w3.org/2000/svg}"
ABSENCE, WARNED = MEASURES["3.03-3"]
CASES, DAYS, SHIFTED = MEASURES["3.04"]
GRANTS, SMILEYS = MEASURES["3.02"]
ONE, NONE = MEASURES["3.06"]


def drawn(measure: Measure) -> ET.Element:
    return parsed(charts.line_chart(measure, "c"))


def parsed(drawing: Drawing) -> ET.Element:
    return ET.fromstring(drawing.svg)  # noqa: S314 - our own drawing


def texts(svg: ET.Element) -> list[str]:
    return [(text.text or "").replace("\N{NO-BREAK SPACE}", " ") for text in svg.iter(f"{SVG}text")]


def lines(svg: ET.Element) -> list[ET.Element]:
    return [path for path in svg.iter(f"{SVG}path") if path.get("stroke-linejoin") == "round" and path.get("fill")]


@pytest.mark.parametrize("measure", [measure for group in MEASURES.values() for measure in group])
def test_every_chart_is_xml_with_a_title_and_a_description(measure: Measure) -> None:
    svg = drawn(measure)
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "c-t c-d"
    assert svg.findtext(f"{SVG}title")
    assert svg.findtext(f"{SVG}desc")
    for element in svg.iter():
        for name in ("x", "y", "cx", "cy"):
            assert -1 <= float(element.get(name, 0)) <= charts.WIDTH, f"{name} of {element.tag} is off the drawing"


def test_a_gap_breaks_the_line_and_a_withheld_point_is_a_cross_on_the_axis() -> None:
    svg = drawn(ABSENCE)
    solid = [line for line in lines(svg) if line.get("stroke-dasharray") is None]
    # three runs of months with a value: between them a withheld month and a missing one
    assert [len(re.findall(r"[ML]", line.get("d", ""))) for line in solid] == [5, 2, 8]
    assert sum("l6.4 6.4" in path.get("d", "") for path in svg.iter(f"{SVG}path")) == 1
    assert "1 værdi er tilbageholdt; 1 værdi mangler." in (svg.findtext(f"{SVG}desc") or "").replace("\xa0", " ")


def test_a_preliminary_point_is_open_and_its_line_dotted() -> None:
    svg = drawn(ABSENCE)
    assert [line.get("stroke-dasharray") for line in lines(svg)][-1] == "0.1 4"
    assert [dot.get("fill") for dot in svg.iter(f"{SVG}circle")] == ["#ffffff"]
    assert "(foreløbig)" in (svg.findtext(f"{SVG}desc") or "")


def test_the_last_value_is_written_and_so_is_n() -> None:
    assert "13,3 %" in texts(drawn(ABSENCE))
    assert {"n", "4.200", "4.215"} <= set(texts(drawn(ABSENCE)))
    assert "n" not in texts(drawn(SHIFTED))


def test_a_target_that_changes_is_two_stretches() -> None:
    dashed = [path.get("d", "") for path in drawn(CASES).iter(f"{SVG}path") if path.get("stroke-dasharray") == "5 3"]
    assert len(dashed) == 2
    heights = [float(place.split()[1]) for place in (path.removeprefix("M") for path in dashed)]
    assert heights[0] < heights[1], "20 stands above 18"


def test_a_lone_value_between_gaps_is_still_seen() -> None:
    assert len(list(drawn(DAYS).iter(f"{SVG}circle"))) == 2
    assert not lines(drawn(DAYS))
    many = replace(
        WARNED, points=tuple(replace(p, value=None) if n in {3, 5} else p for n, p in enumerate(WARNED.points))
    )
    assert len(list(drawn(many).iter(f"{SVG}circle"))) == 2, "the lone one and the last"


def test_one_value_and_no_value_are_drawn_too() -> None:
    assert "85" in texts(drawn(ONE))
    assert "1 periode uden vist værdi." in (drawn(NONE).findtext(f"{SVG}desc") or "").replace("\xa0", " ")
    assert parsed(charts.line_chart(replace(NONE, points=()), "c")).findtext(f"{SVG}desc")


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        (("0", "0"), 0, 1),
        (("0.12", "0.12"), 0, 0.15),
        (("3", "90"), 0, 100),
        (("80", "90"), 75, 90),
        (("-0.02", "0.01"), -0.02, 0.02),
        (("1234567", "2345678"), 1_000_000, 2_500_000),
        (("-5", "-4"), -6, 0),
    ],
)
def test_the_axis_has_round_ticks_around_all_values(values: tuple[str, ...], low: float, high: float) -> None:
    points = tuple(replace(ONE.points[0], value=Decimal(value)) for value in values)
    axis = charts._up(replace(ONE, points=points))
    assert (axis.low, axis.high) == (pytest.approx(low), pytest.approx(high))
    assert 2 <= len(axis.ticks) <= 6


def test_a_smiley_measure_has_its_words_on_the_axis() -> None:
    assert {"Glad", "Sur"} <= set(texts(drawn(SMILEYS)))


def test_kroner_are_without_unit_in_the_chart() -> None:
    assert "40.000" in texts(drawn(GRANTS))
    assert not any("kr." in text for text in texts(drawn(GRANTS)))


def test_a_title_is_escaped() -> None:
    assert drawn(replace(ONE, title=ODD)).findtext(f"{SVG}title") == ODD


@pytest.mark.parametrize(
    ("status", "shape"), [("glad", "circle"), ("neutral", "rect"), ("sur", "path"), (None, "circle")]
)
def test_smileys_differ_in_shape(status: Smiley | None, shape: str) -> None:
    svg = parsed(charts.smiley(status, "En smiley"))
    assert svg.findtext(f"{SVG}title") == "En smiley"
    assert [element.tag.removeprefix(SVG) for element in svg][1] == shape
    assert (svg[1].get("stroke-dasharray") is not None) == (status is None)


def test_the_bar_shows_overspending_apart_and_a_saving_from_the_other_side() -> None:
    economy = next(one.economy for one in document_content.content().initiatives if one.economy.has_account)
    within = parsed(charts.spending(replace(economy, corrected_budget_dkk=Decimal(200), spent_to_date_dkk=Decimal(50))))
    assert len(list(within.iter(f"{SVG}rect"))) == 2
    over = parsed(charts.spending(replace(economy, corrected_budget_dkk=Decimal(100), spent_to_date_dkk=Decimal(200))))
    assert [float(bar.get("width", 0)) for bar in over.iter(f"{SVG}rect")] == pytest.approx([169, 338, 169], abs=0.2)
    saving = parsed(
        charts.spending(replace(economy, corrected_budget_dkk=Decimal(-100), spent_to_date_dkk=Decimal(-25)))
    )
    assert [float(bar.get("x", 0)) for bar in saving.iter(f"{SVG}rect")] == pytest.approx([1, 254.5], abs=0.2)
    assert charts.spending(replace(economy, spent_to_date_dkk=None)) is None
    nothing = replace(economy, corrected_budget_dkk=Decimal(0), spent_to_date_dkk=Decimal(0))
    assert charts.spending(nothing) is None


def test_a_centre_s_bar_sums_to_its_milestones() -> None:
    line = replace(document_content.content().centers[0], milestones=4, glad=1, neutral=1, sur=1, unreported=1)
    widths = [float(part.get("width", 0)) for part in parsed(charts.shares(line)).iter(f"{SVG}rect")]
    assert sum(width for width in widths[1:] if width != 1) == pytest.approx(100)
