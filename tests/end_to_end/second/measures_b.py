"""The measures K16-K32, computed a second time from the native files: plain Python, and no line of the warehouse's.

One function a measure, each with the rule that it follows; counts are integers, ratios are rounded once. Every function
gives the rows in the shape of `fct_measure`, so that a test can hold the two against each other.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from second import native
from second.native import Row

Record = dict[str, str]
Amount = int | Decimal | None

MUNICIPALITY = "151"
WHOLE = ("municipality", MUNICIPALITY)

_YEARS_SMALL = range(1, 7)
_MONTHS_OF_INSPECTION = 24
_MOST_OF_THE_YOUNGEST, _LEAST = 3, 1
_PROMISED = {"paedagoger": 120, "sundhedsplejersker": 6, "ppr_medarbejdere": None, "institutioner": 10, "distrikter": 2}
_PROFESSIONS = {
    "paedagoger": "Pædagog",
    "sundhedsplejersker": "Sundhedsplejerske",
    "ppr_medarbejdere": "PPR-medarbejder",
}
_INSTITUTIONS_OF_COMMUNITIES = 10
_NO_INDICATOR = "Ministeriet har ingen indikator for 0.-3. klasse / The ministry has no indicator for grades 0-3"
_NO_NUMBER_FOR_PPR = "Der er ikke sat et tal for PPR / No number is set for PPR"


# --- reading


def _records(inbox: Path, dataset: str) -> list[Record]:
    """The current rows, an empty text where nothing stands."""
    return [
        {str(name): value.strip() if isinstance(value, str) else "" for name, value in record.items()}
        for record in native.current(inbox, dataset).to_dict("records")
    ]


def _seed(name: str) -> list[Record]:
    return [
        {str(column): value if isinstance(value, str) else "" for column, value in record.items()}
        for record in native.seed(name).to_dict("records")
    ]


def _must(text: str) -> dt.date:
    date = native.day(text)
    if date is None:
        raise ValueError("a day is missing that the register always has")
    return date


def _person(number: str) -> str:
    digits = native.person(number)
    if digits is None or len(digits) != 10:
        raise ValueError("not the digits of a CPR number")
    return digits


def _born(cpr: str) -> dt.date | None:
    """The birthday that a CPR number tells; none where the number replaces one (60 is added to its day)."""
    return None if int(cpr[:2]) > 60 else native.birth_date(cpr)


# --- periods


class Period(NamedTuple):
    """What `fct_measure` calls period_type, period and period_end_date."""

    kind: str
    name: str
    end: dt.date


def _month(end: dt.date) -> Period:
    return Period("month", native.month(end), end)


def _months(first: dt.date, last: dt.date) -> list[Period]:
    """The months from that of `first` to that of `last`."""
    return [_month(end) for end in native.months(first, last)]


def _year(year: int) -> Period:
    return Period("year", str(year), dt.date(year, 12, 31))


def _birth_year(year: int, later: int = 0) -> Period:
    return Period("birth_year", str(year), dt.date(year + later, 12, 31))


def _school_year(label: str) -> Period:
    return Period("school_year", label, native.school_year_end(label))


def _months_before(day: dt.date, count: int) -> dt.date:
    """The same day of the month `count` months before, or that month's last."""
    number = day.year * 12 + day.month - 1 - count
    year, month = number // 12, number % 12 + 1
    return dt.date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


# --- rows


def _row(
    measure: str,
    part: str,
    period: Period,
    unit: tuple[str, str],
    numerator: Amount,
    denominator: Amount,
    value: Decimal | None,
    persons: int | None,
    reason: str | None = None,
) -> Row:
    return Row(
        municipality_code=MUNICIPALITY,
        measure_id=measure,
        measure_part=part,
        period_type=period.kind,
        period=period.name,
        period_end_date=period.end,
        unit_type=unit[0],
        unit_id=unit[1],
        numerator=native.exact(numerator),
        denominator=native.exact(denominator),
        value=value,
        person_count=persons,
        is_incomplete=False,
        open_reason=reason,
    )


def _count(measure: str, part: str, period: Period, unit: tuple[str, str], count: int, persons: int | None) -> Row:
    """A row of a plain count."""
    return _row(measure, part, period, unit, count, None, native.rounded(count), persons)


def _share(
    measure: str,
    part: str,
    period: Period,
    unit: tuple[str, str],
    numerator: Amount,
    denominator: Amount,
    persons: int | None,
    reason: str | None = None,
) -> Row:
    """A row of a ratio."""
    value = native.value_of(numerator, denominator)
    return _row(measure, part, period, unit, numerator, denominator, value, persons, reason)


# --- places


def _districts() -> set[str]:
    return {record["district_code"] for record in _seed("district") if record["municipality_code"] == MUNICIPALITY}


def _units_of_district(code: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """The municipality, and the district if it is one of the seed's."""
    yield WHOLE
    if code in known:
        yield ("district", code)


def _main_schools() -> dict[str, str]:
    """The main school of each school and department."""
    return {
        record["institution_number"]: record["main_institution_number"]
        for record in _seed("institution")
        if record["municipality_code"] == MUNICIPALITY
    }


def _kinds(measure: str) -> list[str]:
    """The kinds of activities that count in a measure."""
    return [
        record["activity_kind"]
        for record in _seed("activity_kind")
        if record["municipality_code"] == MUNICIPALITY and record["measure_id"] == measure
    ]


def _activities(inbox: Path, measure: str, statuses: Collection[str] = ()) -> list[Record]:
    """The activities of a measure's kinds with one of the statuses, or all that are not cancelled."""
    kinds = _kinds(measure)
    return [
        record
        for record in _records(inbox, "activities")
        if record["Aktivitetstype"] in kinds
        and (record["Status"] in statuses if statuses else record["Status"] != "Aflyst")
    ]


_HAPPENED = ("I gang", "Gennemført")


# --- K16-K20: the leisure mentors and Fritidspas


class _Referral(NamedTuple):
    person: str
    day: dt.date
    school: str
    grade: str


def _referred_to_icehearts(inbox: Path) -> list[_Referral]:
    main, now = _main_schools(), native.as_of(inbox)
    found = []
    for record in _records(inbox, "referrals"):
        day, number = _must(record["Henvist dato"]), record["Institutionsnummer"]
        if record["Indsats"] == "ICE" and day <= now:
            grade = str(int(record["Klassetrin"]))
            found.append(_Referral(_person(record["Personnummer"]), day, main.get(number, number), grade))
    return found


def k16(inbox: Path) -> list[Row]:
    """Distinct children referred to Icehearts in each month, and up to and with it.

    A cell (all, school, grade, grade of a school) has a row for each month from the first referral of all on, if some
    delivery tells of a day of the month. The cells are those that ever had a referral, and the grades of the target
    group at every school that has referred.
    """
    referrals, now = _referred_to_icehearts(inbox), native.as_of(inbox)
    if not referrals:
        return []
    cells: dict[tuple[str, str], list[_Referral]] = defaultdict(list)
    for one in referrals:
        for unit in (
            WHOLE,
            ("school", one.school),
            ("grade", one.grade),
            ("school_and_grade", f"{one.school}/{one.grade}"),
        ):
            cells[unit].append(one)
    (target,) = (one for one in _seed("referral_project") if one["project_code"] == "ICE")
    for school in {one.school for one in referrals}:
        for grade in range(int(target["target_grade_from"]), int(target["target_grade_to"]) + 1):
            _ = cells["school_and_grade", f"{school}/{grade}"]
    told = _days_told(inbox, "referrals")
    rows: list[Row] = []
    is_incomplete = False
    for period in _months(min(one.day for one in referrals), now):
        begins, ends = period.end.replace(day=1), min(period.end, now)
        days = {begins + dt.timedelta(days=number) for number in range((period.end - begins).days + 1)}
        is_incomplete = is_incomplete or period.end >= now or not days <= told
        if not any(begins <= day <= ends for day in told):
            continue
        for unit, own in cells.items():
            until = [one for one in own if one.day <= period.end]
            ever = len({one.person for one in until})
            new = len({one.person for one in until if one.day >= begins})
            rows += [
                replace(_count("K16", "new", period, unit, new, new), is_incomplete=is_incomplete),
                replace(_count("K16", "cumulative", period, unit, ever, ever), is_incomplete=is_incomplete),
            ]
    return rows


def _days_told(inbox: Path, dataset: str) -> set[dt.date]:
    """All days of which some delivery of the dataset tells."""
    told: set[dt.date] = set()
    for one in native.deliveries(inbox, dataset):
        first, last = one.days[0], min(one.days[1], one.as_of)
        told |= {first + dt.timedelta(days=number) for number in range((last - first).days + 1)}
    return told


def k17(inbox: Path) -> list[Row]:
    """Of the children referred to Icehearts by a month's end, those who have become members of an association."""
    referrals, now = _referred_to_icehearts(inbox), native.as_of(inbox)
    unfinished = {row.period_end_date for row in k16(inbox) if row.is_incomplete}
    joined: dict[str, dt.date] = {}
    for record in _records(inbox, "memberships"):
        since = native.day(record["Medlem fra"])
        if record["Status"] in ("Medlem", "Stoppet") and since:
            person = _person(record["Personnummer"])
            joined[person] = min(since, joined.get(person, since))
    rows = []
    for period in _months(min(one.day for one in referrals), now) if referrals else []:
        day = min(period.end, now)
        children = {one.person for one in referrals if one.day <= day}
        members = {person for person in children if person in joined and joined[person] <= day}
        row = _share("K17", "all", period, WHOLE, len(members), len(children), len(children))
        rows.append(replace(row, is_incomplete=period.end in unfinished))
    return rows


def k18(inbox: Path) -> list[Row]:
    """Different parents who have been helped, up to and with each month."""
    now = native.as_of(inbox)
    helped = [(_must(one["Fra"]), native.whole(one["Nye deltagere"]) or 0) for one in _activities(inbox, "K18")]
    helped = [(day, parents) for day, parents in helped if day <= now]
    rows = []
    for period in _months(min(day for day, _ in helped), now) if helped else []:
        parents = sum(new for day, new in helped if day <= period.end)
        rows.append(_count("K18", "all", period, WHOLE, parents, parents))
    return rows


def k19(inbox: Path) -> list[Row]:
    """Grants of Fritidspas by the year in which they were given: how many, to how many children, kroner a child."""
    by_year: dict[int, list[Record]] = defaultdict(list)
    for record in _records(inbox, "leisure_grants"):
        if record["Status"] == "Bevilget" and _must(record["Afgjort"]).year <= native.as_of(inbox).year:
            by_year[_must(record["Afgjort"]).year].append(record)
    rows = []
    for year, granted in sorted(by_year.items()):
        children = len({_person(record["CPR-nr."]) for record in granted})
        kroner = sum(
            (
                native.amount(record[kind]) or Decimal(0)
                for record in granted
                for kind in ("Kontingent", "Stævner", "Udstyr")
            ),
            Decimal(0),
        )
        rows += [
            _count("K19", "grants", _year(year), WHOLE, len(granted), children),
            _count("K19", "children", _year(year), WHOLE, children, children),
            _share("K19", "dkk_per_child", _year(year), WHOLE, kroner, children, children),
        ]
    return rows


def k20(inbox: Path) -> list[Row]:
    """Teams that run at the end of each month, in the municipality and at each main school that ever had one."""
    main, now = _main_schools(), native.as_of(inbox)
    runs: dict[tuple[str, tuple[str, str]], list[tuple[dt.date, dt.date]]] = defaultdict(list)
    for record in _activities(inbox, "K20"):
        first, last = _must(record["Fra"]), native.day(record["Til"]) or dt.date.max
        if first <= now:
            number = record["Institutionsnummer"]
            for unit in (WHOLE, ("school", main.get(number, number))):
                runs[record["Aktivitetstype"].lower(), unit].append((first, last))
    rows = []
    for (part, unit), teams in runs.items():
        for period in _months(min(first for first, _ in teams), now):
            day = min(period.end, now)
            running = sum(first <= day <= last for first, last in teams)
            rows.append(_count("K20", part, period, unit, running, None))
    return rows


# --- K21-K25: the youngest


def k21(inbox: Path) -> list[Row]:
    """Screenings of the first year of life that led to an effort."""
    known = _districts()
    cells: dict[tuple[int, tuple[str, str]], list[tuple[str, bool]]] = defaultdict(list)
    for record in _records(inbox, "screenings"):
        person = _person(record["Barnets CPR-nr"])
        born = _born(person)
        if born is None or (_must(record["Dato"]) - born).days > 365:
            continue
        for unit in _units_of_district(record["Distrikt ved fødsel"], known):
            cells[born.year, unit].append((person, record["Opfølgning"] == "Ja"))
    return [
        _share(
            "K21",
            "all",
            _birth_year(year, 1),
            unit,
            sum(followed for _, followed in screened),
            len(screened),
            len({person for person, _ in screened}),
        )
        for (year, unit), screened in sorted(cells.items())
    ]


def k22(inbox: Path) -> list[Row]:
    """Notifications of concern for children of 1 to 6 years, for each 1,000 children of that age."""
    known, now = _districts(), native.as_of(inbox)
    residents = _records(inbox, "residents")
    if not residents:
        return []
    newest = max(record["Opgørelsesmåned"] for record in residents)
    stated = native.days_of(newest)[1]
    stays = [
        (
            _person(record["Personnummer"]),
            _must(record["Fødselsdato"]),
            record["Distrikt"],
            _must(record["Bopæl fra"]),
            native.day(record["Bopæl til"]) or dt.date.max,
        )
        for record in residents
        if record["Opgørelsesmåned"] == newest
    ]
    concerns: dict[tuple[int, tuple[str, str]], int] = defaultdict(int)
    for record in _records(inbox, "notifications"):
        received, born = _must(record["Modtaget dato"]), _born(_person(record["Personnummer"]))
        if record["Ufødt barn"] == "Nej" and born and received <= now and native.age(born, received) in _YEARS_SMALL:
            for unit in _units_of_district(record["Distrikt"], known):
                concerns[received.year, unit] += 1
    rows = []
    told = _days_told(inbox, "notifications")
    # before the first day of which a delivery tells, none are known, which is not none
    for year in range(min(told).year if told else now.year + 1, now.year + 1):
        day = min(dt.date(year, 12, 31), stated)
        expected = (min(dt.date(year, 12, 31), now) - dt.date(year, 1, 1)).days + 1
        is_incomplete = sum(date.year == year and date <= now for date in told) < expected
        children: dict[tuple[str, str], set[str]] = defaultdict(set)
        for person, born, district, first, last in stays:
            if first <= day <= last and native.age(born, day) in _YEARS_SMALL:
                for unit in _units_of_district(district, known):
                    children[unit].add(person)
        for unit, persons in children.items():
            count = concerns[year, unit]
            value = native.value_of(count, len(persons), 1000)
            row = _row("K22", "all", _year(year), unit, count, len(persons), value, len(persons))
            rows.append(replace(row, is_incomplete=is_incomplete))
    return rows


def k23(inbox: Path) -> list[Row]:
    """Children whose newest observed attachment is a positive development."""
    known = _districts()
    newest: dict[str, tuple[dt.date, str, str, str]] = {}
    for record in _records(inbox, "health_visits"):
        if record["Tilknytning"] not in ("Positiv udvikling", "Uændret", "Negativ udvikling"):
            continue
        person = _person(record["Barnets CPR-nr."])
        seen = (_must(record["Afholdt dato"]), record["Besøgsnr."], record["Distrikt"], record["Tilknytning"])
        newest[person] = max(seen, newest.get(person, seen))
    cells: dict[tuple[int, tuple[str, str]], list[bool]] = defaultdict(list)
    for person, (_, _, district, attachment) in newest.items():
        born = _born(person)
        if born is None:
            continue
        for unit in _units_of_district(district, known):
            cells[born.year, unit].append(attachment == "Positiv udvikling")
    return [
        _share("K23", "all", _birth_year(year), unit, sum(positive), len(positive), len(positive))
        for (year, unit), positive in sorted(cells.items())
    ]


def k24(inbox: Path) -> list[Row]:
    """Children who begin school later than in the year in which they turn six."""
    known = _districts()
    cells: dict[tuple[int, tuple[str, str]], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for record in _records(inbox, "school_starts"):
        person = _person(record["CPR-nummer"])
        born, began = _born(person), native.day(record["Faktisk start"])
        if born is None:
            continue
        year_of_start = began.year if began else int(record["Planlagt startår"])
        for unit in _units_of_district(record["Skoledistrikt"], known):
            children, late = cells[born.year, unit]
            children.add(person)
            if year_of_start > born.year + 6:
                late.add(person)
    return [
        _share("K24", "all", _birth_year(year, 6), unit, len(late), len(children), len(children))
        for (year, unit), (children, late) in sorted(cells.items())
    ]


def _most_positive_of(question: int, questions: Sequence[Record], day: dt.date) -> str:
    """The most positive answer to a question of the examination on a day."""
    versions = [one for one in questions if int(one["question_number"]) == question]
    valid = [one for one in versions if _must(one["valid_from"]) <= day] or versions
    return max(valid, key=lambda one: one["valid_from"])["most_positive_answer"]


_FEW = 5


def _grades_that_are_not_told(inbox: Path) -> set[tuple[str, str, int]]:
    """Year, school and grade where so few took part in the wellbeing measurement that their grade is not known.

    Of a school's grades with one form the smallest go, all that are under five and then as many as it takes to be five
    together; of the schools likewise, with all their grades.
    """
    pupils: dict[tuple[str, bool], dict[str, dict[int, set[str]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(set))
    )
    for record in _records(inbox, "wellbeing_answers"):
        grade = int(record["Klassetrin"])
        at_school = pupils[record["Skoleår"], grade > 3][record["Institutionsnummer"]]
        at_school[grade].add(_person(record["Personnummer"]))
    found: set[tuple[str, str, int]] = set()
    for (year, _), schools in pupils.items():
        hidden = _smallest(sorted((sum(map(len, grades.values())), school) for school, grades in schools.items()))
        for school, grades in schools.items():
            few = (
                set(grades)
                if school in hidden
                else _smallest(sorted((len(who), grade) for grade, who in grades.items()))
            )
            found |= {(year, school, grade) for grade in few}
    return found


def _smallest(by_size: list[tuple[int, Any]]) -> set[Any]:
    """As many from the smallest on as are under five, and more until they are five together."""
    number = sum(size < _FEW for size, _ in by_size)
    while number and number < len(by_size) and sum(size for size, _ in by_size[:number]) < _FEW:
        number += 1
    return {name for _, name in by_size[:number]}


def k25(inbox: Path) -> list[Row]:
    """The most positive answers of the youngest pupils: in the examination, and in the national measurement."""
    main = _main_schools()
    answers: dict[tuple[str, str, tuple[str, str]], list[tuple[str, bool]]] = defaultdict(list)

    def note(part: str, year: str, number: str, person: str, *, is_best: bool) -> None:
        for unit in (WHOLE, ("school", main.get(number, number))):
            answers[part, year, unit].append((person, is_best))

    questions = _seed("examination_question")
    numbers = sorted({int(one["question_number"]) for one in questions})
    for record in _records(inbox, "school_examinations"):
        for question in numbers:
            answer = record[f"Trivsel {question}"]
            if answer:
                best = _most_positive_of(question, questions, _must(record["Undersøgt"]))
                note(
                    f"examination-{question}",
                    record["Skoleår"],
                    record["Institutionsnr"],
                    _person(record["CPR-nr"]),
                    is_best=answer == best,
                )
    reversed_ = {
        int(one["question_number"])
        for one in _seed("questionnaire")
        if one["form"] == "0-3" and one["is_reversed"] == "true"
    }
    unknown = _grades_that_are_not_told(inbox)
    for record in _records(inbox, "wellbeing_answers"):
        if int(record["Klassetrin"]) == 0 and record["Svar"]:
            if (record["Skoleår"], record["Institutionsnummer"], 0) in unknown:
                continue
            question = int(record["Spørgsmål"])
            note(
                f"wellbeing-{question:02d}",
                record["Skoleår"],
                record["Institutionsnummer"],
                _person(record["Personnummer"]),
                is_best=int(record["Svar"]) == (_LEAST if question in reversed_ else _MOST_OF_THE_YOUNGEST),
            )
    return [
        _share(
            "K25",
            part,
            _school_year(year),
            unit,
            sum(is_best for _, is_best in given),
            len(given),
            len({person for person, _ in given}),
            _NO_INDICATOR if part.startswith("wellbeing") else None,
        )
        for (part, year, unit), given in sorted(answers.items())
    ]


# --- K26-K30: day-care


def k26(inbox: Path) -> list[Row]:
    """Staff who have completed a course, and institutions and districts that had one, against what was promised."""
    courses = [(native.day(one["Til"]) or _must(one["Fra"]), one) for one in _activities(inbox, "K26", ("Gennemført",))]
    rows = []
    for year in range(min(day.year for day, _ in courses), native.as_of(inbox).year + 1) if courses else ():
        held = [one for day, one in courses if day.year <= year]
        in_houses = [one for one in held if one["Huskode"]]
        found = {
            part: sum(native.whole(one["Gennemført af"]) or 0 for one in held if one["Faggruppe"] == profession)
            for part, profession in _PROFESSIONS.items()
        }
        places = {
            "institutioner": len({one["Huskode"] for one in in_houses}),
            "distrikter": len({one["Distrikt"] for one in in_houses}),
        }
        for part, count in (found | places).items():
            promised = _PROMISED[part]
            reason = None if promised else _NO_NUMBER_FOR_PPR
            rows.append(_share("K26", part, _year(year), WHOLE, count, promised, found.get(part), reason))
    return rows


def k27(inbox: Path) -> list[Row]:
    """Staff who agree that they have developed their competences, by perspective, as far as that is told."""
    ends: dict[str, dt.date] = {}
    cells: dict[tuple[str, str, tuple[str, str]], list[int]] = defaultdict(lambda: [0, 0])
    for record in _records(inbox, "surveys"):
        if record["Undersøgelse"] != "SOB-M2":
            continue
        wave, end = str(int(record["Måling"])), _must(record["Åben til"])
        ends[wave] = max(end, ends.get(wave, end))
        if record["Enige"]:
            units = [WHOLE] if record["Enhed"] == "HELE" else [WHOLE, ("house", record["Enhed"])]
            for unit in units:
                cells[record["Spørgsmål"], wave, unit][0] += int(record["Enige"])
                cells[record["Spørgsmål"], wave, unit][1] += int(record["Besvarelser"])
    return [
        _share("K27", part, Period("wave", wave, ends[wave]), unit, agreeing, answered, answered)
        for (part, wave, unit), (agreeing, answered) in sorted(cells.items())
    ]


def k28(inbox: Path) -> list[Row]:
    """How many more parents take part in the common activities than before the project."""
    now = native.as_of(inbox)
    cells: dict[tuple[int, tuple[str, str]], list[int]] = defaultdict(lambda: [0, 0])
    for record in _activities(inbox, "K28", _HAPPENED):
        year = _must(record["Fra"]).year
        for unit in (WHOLE, ("house", record["Huskode"])) if year <= now.year else ():
            cells[year, unit][0] += native.whole(record["Deltagere"]) or 0
            cells[year, unit][1] += native.whole(record["Deltagere før projektet"]) or 0
    return [
        _share("K28", "all", _year(year), unit, participants - before, before, participants)
        for (year, unit), (participants, before) in sorted(cells.items())
    ]


def k29(inbox: Path) -> list[Row]:
    """New communities up to and with each year: in each house, and for each institution that was promised."""
    now = native.as_of(inbox)
    begun: dict[tuple[str, str], list[int]] = defaultdict(list)
    for record in _activities(inbox, "K29", _HAPPENED):
        first = _must(record["Fra"])
        for unit in (WHOLE, ("house", record["Huskode"])) if first <= now else ():
            begun[unit].append(first.year)
    rows = []
    for unit, years in begun.items():
        for year in range(min(years), now.year + 1):
            count = sum(one <= year for one in years)
            promised = _INSTITUTIONS_OF_COMMUNITIES if unit == WHOLE else 1
            rows.append(_share("K29", "all", _year(year), unit, count, promised, None))
    return rows


def k30(inbox: Path) -> list[Row]:
    """Of the houses with places at a month's end, those inspected in the 24 months until then."""
    known, now = _districts(), native.as_of(inbox)
    inspected: dict[str, list[dt.date]] = defaultdict(list)
    for record in _activities(inbox, "K30", ("Gennemført",)):
        inspected[record["Huskode"]].append(_must(record["Fra"]))
    houses: dict[dt.date, dict[tuple[str, str], set[str]]] = defaultdict(lambda: defaultdict(set))
    for record in _records(inbox, "daycare_places"):
        end, house = _must(record["Opgørelsesdato"]), record["Huskode"]
        for unit in _units_of_district(house.split("-")[0], known) if end <= now else ():
            houses[end][unit].add(house)
    rows = []
    for end, units in sorted(houses.items()):
        since = _months_before(end, _MONTHS_OF_INSPECTION)
        for unit, own in sorted(units.items()):
            done = sum(any(since < first <= end for first in inspected[house]) for house in own)
            rows.append(_share("K30", "all", _month(end), unit, done, len(own), None))
    return rows


# --- K31, K32: offered visits, and forms that may be shared


def _window(born: dt.date, versions: Sequence[Record]) -> tuple[dt.date, dt.date] | None:
    """First and last day of a kind of visit for a child: by the newest version that is valid when the window opens."""
    fitting = [
        one
        for one in versions
        if len(versions) == 1 or _must(one["valid_from"]) <= born + dt.timedelta(int(one["age_from_days"]))
    ]
    if not fitting:
        return None
    newest = max(fitting, key=lambda one: one["valid_from"])
    return born + dt.timedelta(int(newest["age_from_days"])), born + dt.timedelta(int(newest["age_to_days"]))


def k31(inbox: Path) -> list[Row]:
    """Of the children whose window for a fixed visit is over, those who were visited inside it."""
    known, now = _districts(), native.as_of(inbox)
    kinds: dict[str, list[Record]] = defaultdict(list)
    for one in _seed("visit_type"):
        if one["municipality_code"] == MUNICIPALITY and one["is_fixed"] == "true":
            kinds[one["visit_type_code"]].append(one)
    newest: dict[str, tuple[dt.date, str, str]] = {}
    held: dict[tuple[str, str], list[dt.date]] = defaultdict(list)
    for record in _records(inbox, "health_visits"):
        person, day = _person(record["Barnets CPR-nr."]), native.day(record["Afholdt dato"])
        stands = (_must(record["Planlagt dato"]), record["Besøgsnr."], record["Distrikt"])
        newest[person] = max(stands, newest.get(person, stands))
        if record["Status"] == "Afholdt" and day:
            held[person, record["Besøgstype"]].append(day)
    cells: dict[tuple[str, int, tuple[str, str]], list[bool]] = defaultdict(list)
    for person, (_, _, district) in newest.items():
        born = _born(person)
        if born is None:
            continue
        for kind, versions in kinds.items():
            window = _window(born, versions)
            if window and window[1] < now:
                came = any(window[0] <= day <= window[1] for day in held[person, kind])
                for unit in _units_of_district(district, known):
                    cells[kind, born.year, unit].append(came)
    return [
        _share("K31", kind, _birth_year(year, 1), unit, sum(came), len(came), len(came))
        for (kind, year, unit), came in sorted(cells.items())
    ]


class _Consent(NamedTuple):
    given: dt.date
    ended: dt.date | None


def _consents(inbox: Path, transition: str) -> dict[str, list[_Consent]]:
    """Each child's consents that were given by the night, with the day on which each ended.

    One that the platform holds invalid without a day of withdrawal ended on the day it was given, and one withdrawn
    before it was given ended then too.
    """
    found: dict[str, list[_Consent]] = defaultdict(list)
    for record in _records(inbox, "consents"):
        given, ended = _must(record["Givet"]), native.day(record["Tilbagekaldt"])
        if record["Overgang"] != transition or given > native.as_of(inbox):
            continue
        if ended is None and record["Gyldigt"] == "Nej":
            ended = given
        found[_person(record["Barnets CPR"])].append(_Consent(given, max(given, ended) if ended else None))
    return found


def _holds(consents: Sequence[_Consent], now: dt.date) -> bool:
    """Whether one of a child's consents has not ended and was given after every end of the others."""
    return any(
        (one.ended is None or one.ended > now)
        and all(other.ended is None or other.ended > now or one.given > other.ended for other in consents)
        for one in consents
    )


def k32(inbox: Path) -> list[Row]:
    """Description forms of children whose parents' consent holds that school sees them."""
    now, consents = native.as_of(inbox), _consents(inbox, "Dagtilbud-skole")
    cells: dict[tuple[Period, tuple[str, str]], list[tuple[str, bool]]] = defaultdict(list)
    for record in _records(inbox, "description_forms"):
        day, person = _must(record["Udfyldt"]), _person(record["Barnets CPR"])
        for unit in (WHOLE, ("house", record["Børnehus"])) if day <= now else ():
            cells[_school_year(native.school_year(day)), unit].append((person, _holds(consents.get(person, ()), now)))
    return [
        _share(
            "K32",
            "all",
            period,
            unit,
            sum(holds for _, holds in forms),
            len(forms),
            len({person for person, _ in forms}),
        )
        for (period, unit), forms in sorted(cells.items())
    ]


MEASURES_B: dict[str, Callable[[Path], list[Row]]] = {
    "K16": k16,
    "K17": k17,
    "K18": k18,
    "K19": k19,
    "K20": k20,
    "K21": k21,
    "K22": k22,
    "K23": k23,
    "K24": k24,
    "K25": k25,
    "K26": k26,
    "K27": k27,
    "K28": k28,
    "K29": k29,
    "K30": k30,
    "K31": k31,
    "K32": k32,
}
