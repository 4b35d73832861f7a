"""An edition made by hand for the document's tests: 22 initiatives, every status, gaps, long and odd texts."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from include.demo.agreement import write_agreement
from include.follow_up import words
from include.follow_up.content import (
    Answer,
    CenterLine,
    Change,
    Content,
    Economy,
    Initiative,
    Measure,
    MeasurePoint,
    Milestone,
    Smiley,
    Source,
)

YEAR = 2026
FOLLOW_UPS = (
    ("BO1-2026", "1. budgetopfølgning 2026", dt.date(2026, 3, 31)),
    ("BO2-2026", "2. budgetopfølgning 2026", dt.date(2026, 6, 30)),
    ("BO3-2026", "3. budgetopfølgning 2026", dt.date(2026, 9, 30)),
    ("YE-2026", "31.12.2026", dt.date(2026, 12, 31)),
)
ODD = 'Kr. 5 <b>fed</b> & "citat" $x^2$ #let {{ y }} *a* _b_ @c \\d ~e `f` =SUM(1) // g'
"""What HTML, Typst, Jinja, XML or Excel would read as their own, were it not escaped."""
FORMULA = '=HYPERLINK("x";"y")'
"""What a spreadsheet would run, were it not a text."""
STATUSES: tuple[Smiley | None, ...] = ("glad", "glad", "neutral", "glad", "sur", None, "glad", "neutral")
PERSONS = frozenset({"3.03-2", "3.04"})
WITHOUT_ACCOUNT = frozenset({"3.03-1", "3.08", "3.12"})
MONTHS = tuple(f"{year}-{month:02d}" for year in (2025, 2026) for month in range(1, 13))[:18]


def plain(text: str) -> str:
    """A text with ordinary blanks, so that a test is easy to read."""
    return text.replace(words.SPACE, " ")


def content() -> Content:
    """The second follow-up of the year, a first edition, synthetic."""
    with tempfile.TemporaryDirectory() as folder:
        agreement = write_agreement(Path(folder), YEAR, "txt")
    texts = {text.initiative_id: text for text in agreement.texts}
    told = {(one.initiative_id, one.follow_up_code): one.milestone_text for one in agreement.milestones}
    amounts = {
        (one.initiative_id, one.amount_kind): one.amount_mdkk
        for one in agreement.amounts
        if one.budget_year == YEAR and one.stated_in == "finance"
    }
    initiatives = []
    for place, planned in enumerate(agreement.initiatives):
        text = texts[planned.initiative_id]
        milestones = tuple(
            _milestone(place, planned.responsible_center, sequence, told[planned.initiative_id, code])
            for sequence, (code, _, _) in enumerate(FOLLOW_UPS, start=1)
        )
        now, before = milestones[1], milestones[0]
        expenditure = amounts.get((planned.initiative_id, "expenditure"))
        economy = _economy(
            place,
            planned.initiative_id,
            text.finance_text,
            expenditure,
            amounts.get((planned.initiative_id, "saving")),
        )
        initiatives.append(
            Initiative(
                agreement_year=YEAR,
                initiative_id=planned.initiative_id,
                title=planned.title,
                section_title=f"{planned.initiative_id[0]}. {planned.section_title}",
                initiative_type=planned.initiative_type,
                description=text.description,
                elaboration=text.elaboration,
                responsible_center=planned.responsible_center,
                committee=planned.committee,
                contributors=planned.contributors,
                milestones=milestones,
                effort_status=now.status,
                previous_effort_status=before.status,
                economy=economy,
                previous_economy_status="sur" if place % 9 == 0 else economy.status,
                measures=MEASURES.get(planned.initiative_id, ()),
            )
        )
    odd = initiatives[8]
    initiatives[8] = replace(
        odd,
        title=f"{odd.title} {ODD}",
        description=f"{odd.description}\n{ODD}",
        elaboration=FORMULA,
        contributors=(ODD,),
        economy=replace(odd.economy, finance_text=ODD, comment=ODD),
        milestones=(
            replace(odd.milestones[0], answers=(_answer("BO1-2026", "sur", ODD, odd.responsible_center),)),
            *odd.milestones[1:],
        ),
    )
    return Content(
        edition="BO2-2026-1",
        number=1,
        corrects=None,
        changes=(),
        follow_up_code="BO2-2026",
        follow_up_name="2. budgetopfølgning 2026",
        follow_up_year=YEAR,
        sequence=2,
        data_cut_off_date=dt.date(2026, 6, 30),
        is_cut_off_assumed=True,
        as_of=dt.date(2026, 6, 30),
        frozen_at=dt.datetime(2026, 7, 1, 4, 12, 30, tzinfo=dt.UTC),
        municipality_name="Ballerup Kommune",
        municipality_code="151",
        is_synthetic=True,
        committee_meeting_date=dt.date(2026, 8, 18),
        council_meeting_date=None,
        agreement_title="Aftale om budget 2026",
        case_number=agreement.case_number,
        document_date=agreement.document_date,
        initiatives=tuple(initiatives),
        centers=_centers(initiatives)[:-1],
        total=_centers(initiatives)[-1],
        sources=(
            Source("budget_agreement", "Budgetaftalen", dt.date(2026, 2, 12), False),
            Source("milestone_status", "Centrenes statusskemaer", dt.date(2026, 6, 26), False),
            Source("ledger_postings", "Posteringer i økonomisystemet", dt.date(2026, 6, 30), False),
            Source("appropriations", "Bevillinger i økonomisystemet", dt.date(2026, 6, 30), False),
            Source("absence_days", "Elevfravær", dt.date(2026, 5, 31), True),
            Source("anonymous_contacts", "Anonyme henvendelser", None, True),
        ),
        previous_follow_up_name="1. budgetopfølgning 2026",
        content_hash="9f2c4e1a7b3d5f60812a4c6e8f0b1d3e5a7c9e0f2b4d6a8c0e1f3a5b7d9c2e4f",
        release_id="20260701T041230Z-5d1e",
    )


def correction() -> Content:
    """A second edition that corrects the first, of a few initiatives."""
    told = content()
    return replace(
        told,
        initiatives=told.initiatives[2:6],
        edition="BO2-2026-2",
        number=2,
        corrects="BO2-2026-1",
        changes=(
            Change("3.02", "Støtte i almenklassen", "Forbrug", "3.950.000 kr.", "3.812.400 kr."),
            Change("3.05", f"Rettet {ODD}", "Status på milepæl 2", "Ikke meldt", "Neutral"),
        ),
    )


def unreported() -> Content:
    """The first follow-up of the year, of a few initiatives: nobody has answered, and no economy is judged."""
    told = content()
    return replace(
        told,
        edition="BO1-2026-1",
        follow_up_code="BO1-2026",
        follow_up_name="1. budgetopfølgning 2026",
        sequence=1,
        previous_follow_up_name=None,
        is_synthetic=False,
        is_cut_off_assumed=False,
        centers=tuple(_unanswered(line) for line in told.centers),
        total=_unanswered(told.total),
        initiatives=tuple(
            replace(
                one,
                effort_status=None,
                previous_effort_status=None,
                previous_economy_status=None,
                milestones=tuple(replace(milestone, answers=()) for milestone in one.milestones),
                economy=replace(one.economy, computed_status=None, reported_status=None, status=None, basis=None),
                measures=(),
            )
            for one in told.initiatives[6:10]
        ),
    )


def _answer(code: str, status: Smiley, comment: str | None, center: str, day: int = 24) -> Answer:
    month = {"BO1-2026": 3, "BO2-2026": 6}[code]
    return Answer(code, status, comment, "Centerchef", dt.date(2026, month, day), center)


def _milestone(place: int, center: str, sequence: int, text: str | None) -> Milestone:
    code, name, _ = FOLLOW_UPS[sequence - 1]
    answers: tuple[Answer, ...] = ()
    status = STATUSES[(place + sequence * 3) % len(STATUSES)]
    if text is not None and status is not None and sequence <= 2:
        comment = {
            "glad": None,
            "neutral": "Arbejdet er forsinket en måned, fordi udbuddet blev gentaget.",
            "sur": "Leverandøren har opsagt aftalen; en ny er ikke fundet, og resten af året er for kort.",
        }[status]
        answers = (_answer(code, status, comment, center),)
        if sequence == 1 and status != "glad":
            answers += (_answer("BO2-2026", "glad", "Indhentet i maj.", center, 22),)
    return Milestone(sequence, code, name, sequence, text, answers)


def _economy(
    place: int, initiative_id: str, text: str | None, expenditure: Decimal | None, saving: Decimal | None
) -> Economy:
    has_account, has_persons = initiative_id not in WITHOUT_ACCOUNT, initiative_id in PERSONS
    adopted = None if not has_account else (Decimal(1_000_000) * ((expenditure or Decimal(0)) - (saving or Decimal(0))))
    adopted = Decimal("450000.00") if adopted == 0 else adopted
    changes = None if adopted is None else Decimal("125000.00") * (place % 3 - 1)
    corrected = None if adopted is None or changes is None else adopted + changes
    is_told = corrected is not None and not has_persons
    spent = forecast = deviation = None
    if is_told and corrected is not None:
        spent = (corrected * Decimal("0.13") * (place % 5 + 2)).quantize(Decimal("0.01"))
        forecast = spent * 2 if place % 4 else None
        deviation = None if forecast is None else corrected - forecast
    computed: Smiley | None = None
    if spent is not None and corrected is not None:
        computed = "glad" if forecast is None or forecast <= corrected else "sur"
    reported: Smiley | None = "glad" if has_persons and place % 2 else None
    return Economy(
        finance_text=text,
        adopted_expenditure_mdkk=expenditure,
        adopted_saving_mdkk=saving,
        adopted_budget_dkk=adopted,
        budget_changes_dkk=changes,
        corrected_budget_dkk=corrected,
        spent_to_date_dkk=spent,
        spent_through_date=dt.date(2026, 5, 31) if is_told else None,
        forecast_dkk=forecast,
        deviation_dkk=deviation,
        is_preliminary=place % 6 == 0,
        has_account=has_account,
        has_person_postings=has_persons,
        computed_status=computed,
        reported_status=reported or ("glad" if computed == "sur" and place % 3 == 0 else None),
        status=computed or reported,
        basis="computed" if computed else "reported" if reported else None,
        comment="Merforbruget dækkes af en pulje, som udvalget tager stilling til." if computed == "sur" else None,
    )


def _unanswered(line: CenterLine) -> CenterLine:
    return replace(line, glad=0, neutral=0, sur=0, unreported=line.milestones, economies_glad=0, economies_sur=0)


def _centers(initiatives: list[Initiative]) -> tuple[CenterLine, ...]:
    """The centres' rows, and last that of them all."""
    lines = []
    for center in (*sorted({one.responsible_center for one in initiatives}), None):
        own = [one for one in initiatives if center in {None, one.responsible_center}]
        now = [one.milestones[1] for one in own]
        texts = [one for one in now if one.text is not None]
        summed = [one.economy for one in own if one.economy.spent_to_date_dkk is not None]
        forecasts = [one.forecast_dkk for one in summed]
        budget = sum((one.corrected_budget_dkk or Decimal(0) for one in summed), Decimal(0)) if summed else None
        forecast = sum((one or Decimal(0) for one in forecasts), Decimal(0)) if forecasts and all(forecasts) else None
        lines.append(
            CenterLine(
                responsible_center=center,
                initiatives=len(own),
                milestones=len(texts),
                milestones_without_text=len(now) - len(texts),
                glad=sum(one.status == "glad" for one in texts),
                neutral=sum(one.status == "neutral" for one in texts),
                sur=sum(one.status == "sur" for one in texts),
                unreported=sum(one.status is None for one in texts),
                economies_glad=sum(one.economy.status == "glad" for one in own),
                economies_sur=sum(one.economy.status == "sur" for one in own),
                economies_unknown=sum(one.economy.status is None for one in own),
                economies_summed=len(summed),
                corrected_budget_dkk=budget,
                spent_to_date_dkk=sum((one.spent_to_date_dkk or Decimal(0) for one in summed), Decimal(0))
                if summed
                else None,
                forecast_dkk=forecast,
                deviation_dkk=None if budget is None or forecast is None else budget - forecast,
            )
        )
    return tuple(lines)


def _point(period: str, end: dt.date, value: str | None, n: int | None, **more: object) -> MeasurePoint:
    facts: dict[str, object] = {
        "target": None,
        "comparison": None,
        "is_target_met": None,
        "is_hidden": False,
        "is_preliminary": False,
    }
    return MeasurePoint(period, end, None if value is None else Decimal(value), n, **(facts | more))  # type: ignore[arg-type]


def _month_end(label: str) -> dt.date:
    year, month = (int(part) for part in label.split("-"))
    return dt.date(year + month // 12, month % 12 + 1, 1) - dt.timedelta(days=1)


def _measure(
    measure_id: str, title: str, scale: str, unit: str, points: tuple[MeasurePoint, ...], **more: object
) -> Measure:
    facts: dict[str, object] = {
        "part": "all",
        "part_name": None,
        "definition": "Andelen af eleverne på kommunens skoler, som har mere end 10 procent fravær i perioden.",
        "direction": "down",
        "target_text": None,
        "source": "Kommunens elevadministration",
        "not_for": "At sammenligne skoler: elevgrundlaget er forskelligt",
    }
    return Measure(measure_id=measure_id, title=title, unit=unit, value_scale=scale, points=points, **(facts | more))  # type: ignore[arg-type]


_SHARES = (
    "0.142",
    "0.139",
    "0.151",
    "0.148",
    "0.146",
    "-",
    "0.15",
    "0.149",
    "?",
    "0.152",
    "0.158",
    "0.161",
    "0.155",
    "0.149",
    "0.147",
    "0.141",
    "0.138",
    "0.133",
)
MEASURES: dict[str, tuple[Measure, ...]] = {
    "3.01": (
        _measure(
            "K01",
            "Børn med alderssvarende sprog ved skolestart",
            "share",
            "andel",
            tuple(
                _point(
                    f"{year}-{year + 1}",
                    dt.date(year + 1, 6, 30),
                    value,
                    n,
                    target=Decimal("0.85"),
                    comparison=">=",
                    is_target_met=float(value) >= 0.85,
                )
                for year, value, n in (
                    (2021, "0.78", 520),
                    (2022, "0.81", 535),
                    (2023, "0.8", 510),
                    (2024, "0.84", 525),
                    (2025, "0.862", 540),
                )
            ),
            target_text="Mindst 85 pct. af børnene",
            direction="up",
            definition="Andelen af de skolestartende børn, hvis sprogvurdering ligger i det almene område.",
        ),
    ),
    "3.03-3": (
        _measure(
            "K12",
            "Elever med højt fravær",
            "share",
            "andel",
            tuple(
                _point(
                    month,
                    _month_end(month),
                    None if value in "-?" else value,
                    None if value in "-?" else 4200 + 5 * (index % 7),
                    target=Decimal("0.12"),
                    comparison="<=",
                    is_target_met=None if value in "-?" else False,
                    is_hidden=value == "-",
                    is_preliminary=index == 17,
                )
                for index, (month, value) in enumerate(zip(MONTHS, _SHARES, strict=True))
            ),
            target_text="Højst 12 pct. af eleverne",
        ),
        _measure(
            "K13",
            "Elever over skolens grænse",
            "count",
            "elever",
            tuple(
                _point(month, _month_end(month), str(180 + 5 * ((index * 7) % 11)), 4200)
                for index, month in enumerate(MONTHS)
            ),
            part="warn",
            part_name="Skolens varsel (10 procent)",
            definition=f"Antal elever, hvis fravær er over grænsen. {ODD}",
        ),
    ),
    "3.04": (
        _measure(
            "K04",
            "Børnesager pr. socialrådgiver",
            "count",
            "sager pr. fuldtidsstilling",
            tuple(
                _point(
                    month,
                    _month_end(month),
                    value,
                    900,
                    target=Decimal(20 if index < 6 else 18),
                    comparison="<=",
                    is_target_met=Decimal(value) <= (20 if index < 6 else 18),
                )
                for index, (month, value) in enumerate(
                    zip(
                        MONTHS[-10:],
                        ("23.4", "23.1", "22.6", "22.0", "21.8", "21.1", "20.7", "19.9", "18.8", "17.9"),
                        strict=True,
                    )
                )
            ),
            target_text="Højst ca. 18 børnesager pr. socialrådgiver",
        ),
        _measure(
            "K05",
            "Dage mellem to opfølgninger i en sag",
            "days",
            "dage",
            (
                _point("2024", dt.date(2024, 12, 31), "47.5", 410),
                _point("2025", dt.date(2025, 12, 31), None, None, is_hidden=True),
                _point(
                    "2026",
                    dt.date(2026, 12, 31),
                    "44",
                    220,
                    target=Decimal(42),
                    comparison="<=",
                    is_target_met=False,
                    is_preliminary=True,
                ),
            ),
        ),
        _measure(
            "K07",
            "Udgifter flyttet fra anbringelse til forebyggelse",
            "share",
            "andel (forskel)",
            tuple(
                _point(str(year), dt.date(year, 12, 31), value, None)
                for year, value in ((2022, "-0.012"), (2023, "0.004"), (2024, "0.011"), (2025, "0.019"))
            ),
            direction="up",
        ),
    ),
    "3.02": (
        _measure(
            "K19",
            "Støttetimer",
            "dkk",
            "kr. pr. elev",
            tuple(
                _point(str(year), dt.date(year, 12, 31), str(value), 95)
                for year, value in ((2023, 38000), (2024, 41000), (2025, 40000))
            ),
        ),
        _measure(
            "K02",
            "Økonomistatus for indsatsen",
            "smiley",
            "smiley (1 glad, 0 sur)",
            tuple(_point(code, end, value, None) for (code, _, end), value in zip(FOLLOW_UPS[:2], "10", strict=True)),
        ),
    ),
    "3.06": (
        _measure(
            "K15",
            "Deltagere på holdene",
            "count",
            "børn",
            (_point("2026-05", dt.date(2026, 5, 31), "85", 85, is_preliminary=True),),
        ),
        _measure(
            "K10",
            "Alder ved første hold",
            "years",
            "år",
            (_point("2025", dt.date(2025, 12, 31), None, None, is_hidden=True),),
        ),
    ),
}
