"""A centre that was split: what a document says of it holds on the document's date, to the day."""

from __future__ import annotations

from collections.abc import Callable

from small_landing import AGREEMENT, Build, delivery

SCHOOLS, CULTURE, LEARNING = (
    "Skoler, Institutioner og Kultur",
    "Kultur, Idræt og Fritid",
    "Dagtilbud, Skoler og Klubber",
)
COMMON, DAILY, ARTS = "Center for Fællesliv", "Center for Hverdagsliv", "Center for Kulturliv"
DOCUMENTS = [
    # split into two on 1 January 2022
    ("2021-12-31", SCHOOLS, "SIK-2017"),
    ("2022-01-01", SCHOOLS, None),
    ("2021-12-31", CULTURE, None),
    ("2022-01-01", CULTURE, "KIF-2022"),
    ("2022-01-01", f"Center for {LEARNING}", "DSK-2022"),
    # and on 1 July 2025, in the middle of a budget year
    ("2025-06-30", COMMON, "FLI-2023"),
    ("2025-07-01", COMMON, None),
    ("2025-06-30", DAILY, None),
    ("2025-07-01", DAILY, "HVE-2025"),
    ("2025-07-01", ARTS, "KUL-2025"),
    # a centre that nobody split has one code before and after
    ("2021-12-31", "Center for Børne- og Ungerådgivning", "BUR-2017"),
    ("2025-07-01", "Center for Børne- og Ungerådgivning", "BUR-2017"),
    ("2026-01-01", "Center for noget helt andet", None),
]
SUCCESSORS = {"SIK-2017": ["DSK-2022", "KIF-2022"], "FLI-2023": ["HVE-2025", "KUL-2025"]}


def test_an_initiative_has_the_centre_of_its_documents_day(dbt: Callable[..., Build]) -> None:
    rows = [
        {
            **AGREEMENT[0],
            "agreement_year": int(date[:4]),
            "initiative_id": f"3.{number:02d}",
            "responsible_center": center,
            "document_date": date,
        }
        for number, (date, center, _) in enumerate(DOCUMENTS)
    ]
    deliveries = [delivery(1, "budget_agreement", "2026-02-10", "2026-01-01", "2026-12-31")]
    tests = ("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious")
    build = dbt({"budget_agreement": rows}, deliveries, "build", *tests, "--select", "+dim_initiative", "+dim_center")
    # a name that is no centre's on that day is told, and stops nothing
    assert build.exit_code == 0, build.output[-4000:]
    warned = [name.split(".")[2] for name, result in build.results.items() if result["status"] == "warn"]
    assert warned == ["not_null_dim_initiative_center_code"]
    assert build.query("select responsible_center, center_code from marts.dim_initiative order by initiative_id") == [
        (center, code) for _, center, code in DOCUMENTS
    ]
    # whoever follows an initiative over the split finds the way through the dimension
    assert (
        dict(
            build.query(
                "select center_code, successor_center_codes from marts.dim_center where len(successor_center_codes) > 0"
            )
        )
        == SUCCESSORS
    )
    assert build.query("select center_code from marts.dim_center where not is_current order by all") == [
        (code,) for code in sorted(SUCCESSORS)
    ]
