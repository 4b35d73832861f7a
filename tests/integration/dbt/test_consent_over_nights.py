"""A consent that is withdrawn is gone in the next release: form, child and readiness leave all that schools see."""

from __future__ import annotations

from pathlib import Path

from small_landing import BALTORP, HEDEGAARD, Build, Row, delivery, make_landing, run_dbt

SELECT = (
    *("--select", "+mart_overgang_dagtilbud_skole", "assert_forms_are_shared_with_a_valid_consent_only"),
    *("--indirect-selection", "cautious"),
)
FORMS = "description_forms"


def form(number: int, *, school: str | None, ready: str = "Ja") -> Row:
    return {
        "form_number": f"PBS-2025-{number:05d}",
        "person_key": number,
        "birth_date": "2020-05-05",
        "daycare_house_code": "BAL-01",
        "form_date": "2026-01-15",
        "school_ready": ready,
        "school_number": school,
        # what the platform shows on the form decides nothing
        "consent": "Ja",
        "consent_date": "2025-12-01",
        "delivery_id": "d1",
    }


def consent(number: int, *, withdrawn: str | None = None, transition: str = "Dagtilbud-skole") -> Row:
    return {
        "consent_number": f"SAM-2025-{number:06d}",
        "person_key": number,
        "transition": transition,
        "given_by": "Mor",
        "given_date": "2025-12-01",
        "withdrawn_date": withdrawn,
        "valid": "Nej" if withdrawn else "Ja",
        "delivery_id": "d2",
    }


def night(folder: Path, target: Path, consents: list[Row]) -> Build:
    """A release of one night: all is built anew from what landed."""
    folder.mkdir()
    forms = [
        form(1, school=HEDEGAARD),
        form(2, school=HEDEGAARD, ready="Nej"),
        form(3, school=BALTORP),
        form(4, school=BALTORP),
    ]
    deliveries = [
        delivery(1, FORMS, "2026-06-18", "2026-06-18", "2026-06-18"),
        delivery(2, "consents", "2026-06-18", "2026-06-18", "2026-06-18"),
    ]
    build = run_dbt(
        make_landing(folder, {FORMS: forms, "consents": consents}, deliveries), "build", *SELECT, target=target
    )
    assert build.exit_code == 0, build.output[-4000:]
    return build


def shown(build: Build, unit_type: str) -> dict[str, tuple[int | None, ...]]:
    rows = build.query(
        "select unit_id, forms, shareable_forms, sent_forms, school_ready_forms, not_school_ready_forms, "
        f"sent_without_consent_forms from marts.mart_overgang_dagtilbud_skole where unit_type = '{unit_type}'"
    )
    return {row[0]: row[1:] for row in rows}


def test_a_withdrawn_consent_is_gone_in_the_next_release(tmp_path: Path, target: Path) -> None:
    """Of three consents one is withdrawn between two nights; 4 consented to another transition alone."""
    held = [consent(1), consent(2), consent(3), consent(4, transition="Sundhedspleje-dagtilbud")]
    before = night(tmp_path / "before", target, held)
    assert shown(before, "municipality") == {"151": (4, 3, 3, 2, 1, 1)}
    assert shown(before, "school") == {
        HEDEGAARD: (None, 2, 2, 1, 1, None),
        BALTORP: (None, 1, 1, 1, 0, None),
    }
    withdrawn = [held[0], consent(2, withdrawn="2026-06-19"), consent(3, withdrawn="2026-06-19"), held[3]]
    after = night(tmp_path / "after", target, withdrawn)
    assert shown(after, "municipality") == {"151": (4, 1, 1, 1, 0, 3)}
    # of the school whose only form was withdrawn no row is left, and no readiness of the other's
    assert shown(after, "school") == {HEDEGAARD: (None, 1, 1, 1, 0, None)}
    assert after.query("select person_key from intermediate.int_shareable_description_forms") == [(1,)]
