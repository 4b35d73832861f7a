"""Every figure that the synthetic municipality planted, beside what the release (or landing) shows for it.

Each section gives two dictionaries with the same keys: what was planted, and what is there. Keys are tuples of words a
person can read. Nothing here repeats the SQL of the marts: a figure is looked up in the mart that readers get; only
what no mart holds yet (other referrals than Icehearts', rows of deliveries) is counted in the views over landing.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb

from include.demo.accounts import account_patterns
from include.landing.contract import load_contracts, parse_file_name
from include.landing.ledger import Ledger
from include.landing.store import write_landing_database
from include.settings import Settings

Key = tuple[object, ...]
Figures = dict[Key, Any]
KINDS = {"Sygdom": "sick_days", "Lovligt": "permitted_days", "Ulovligt": "unlawful_days"}
INDICATORS = {"social": "social", "faglig": "faglig", "støtte": "stoette", "ro": "ro", "generel": "generel"}
"""The indicators as the inbox's truth names them, and their codes in the mart."""

MEASURES = {
    "Gennemsnitligt fravær per skoleår": "ministry_absence_share",
    "Sygefravær per skoleår": "ministry_sick_share",
    "Ulovligt fravær per skoleår": "ministry_unlawful_share",
    "Over 10 procent": "ministry_high_absence_share",
}
SHOWN = 20


@dataclass(frozen=True)
class Night:
    """A night that was played: its settings, the inbox, the planted truth, and the release that came of it."""

    settings: Settings
    inbox: Path
    truth: dict[str, Any]
    release: Path
    to_act_on: list[str]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows from the release: public marts in schema `marts`, exact ones in `exact.marts`."""
        with open_release(self.release) as connection:
            return rows(connection, sql)


@contextlib.contextmanager
def open_release(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(f"attach '{folder / 'restricted' / 'warehouse.duckdb'}' as exact (read_only)")
        yield connection


@contextlib.contextmanager
def open_landing(settings: Settings, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views that dbt reads, as they stand now."""
    write_landing_database(settings, folder / "landing.duckdb")
    with duckdb.connect(str(folder / "landing.duckdb"), read_only=True) as connection:
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def differences(planted: Mapping[Key, Any], shown: Mapping[Key, Any]) -> list[str]:
    """One line for each key whose figures differ or that one side lacks: key, truth, mart."""
    absent = "(nothing)"
    found = []
    for key in [*planted, *(key for key in shown if key not in planted)]:
        truth, mart = planted.get(key, absent), shown.get(key, absent)
        if truth != mart:
            found.append(f"{' / '.join(map(str, key))}: truth {_short(truth)}, mart {_short(mart)}")
    return found


def report(planted: Mapping[Key, Any], shown: Mapping[Key, Any]) -> str:
    """What a failed comparison prints."""
    found = differences(planted, shown)
    lines = [f"{len(found)} of {len(planted)} figures differ", *found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(f"… and {len(found) - SHOWN} more")
    return "\n".join(lines)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "…"


# ---- absence


def absence(night: Night) -> tuple[Figures, Figures]:
    """By school year and main school: pupils, school days, kinds, over 10 %; by month, by grade, by quarter."""
    planted: Figures = {}
    for year, schools in night.truth["absence_days"]["schools"].items():
        for school, figures in schools.items():
            here: Key = (year, school)
            planted[*here, "pupils"] = figures["pupils"]
            planted[*here, "school days"] = figures["school_days"]
            planted[*here, "over 10 %"] = figures["over_10_percent"]
            planted |= {(*here, kind): days for kind, days in figures["days"].items()}
            for part in ("by_month", "by_grade"):
                for value, cell in figures[part].items():
                    planted[*here, part, value, "school days"] = cell["school_days"]
                    planted |= {(*here, part, value, kind): cell[kind] for kind in KINDS}
            for quarter, cell in figures["by_quarter"].items():
                planted |= {(*here, "by_quarter", quarter, name): count for name, count in cell.items()}
    shown: Figures = {}
    for row in night.query("from exact.marts.mart_school_absence where institution_level = 'school'"):
        shown |= _absence_row(row)
    return planted, shown


def _absence_row(row: dict[str, Any]) -> Figures:
    here: Key = (row["school_year"], row["institution_number"])
    period, group = row["period_type"], row["grade_group_type"]
    if period == "quarter" and group == "all":
        names = {
            "pupils": "pupils",
            "unlawful_days": "unlawful_days",
            "unlawful_10_percent": "unlawful_warn_pupils",
            "unlawful_15_percent": "unlawful_notify_pupils",
        }
        return {(*here, "by_quarter", row["period"], name): row[column] for name, column in names.items()}
    if period == "month" and group == "all":
        here = (*here, "by_month", row["period"])
    elif period == "school_year" and group == "grade":
        here = (*here, "by_grade", str(row["grade_level"]))
    elif period != "school_year" or group != "all":
        return {}
    shown: Figures = {(*here, "school days"): row["school_days"]}
    shown |= {(*here, kind): row[column] for kind, column in KINDS.items()}
    if len(here) == 2:
        shown |= {(*here, "pupils"): row["pupils"], (*here, "over 10 %"): row["high_absence_pupils"]}
    return shown


def absence_of_the_municipality(night: Night) -> tuple[Figures, Figures]:
    """The days that stand after the last night, by kind, over all school years; absence days are the kinds' sum."""
    planted = {(kind,): days for kind, days in night.truth["absence_days"]["days_after_night"][_last(night)].items()}
    planted["absence days",] = sum(planted.values())
    sums = ", ".join(f"sum({column})::bigint as {column}" for column in [*KINDS.values(), "absence_days"])
    (row,) = night.query(
        f"select {sums} from exact.marts.mart_school_absence "
        "where period_type = 'school_year' and institution_level = 'municipality' and grade_group_type = 'all'"
    )
    return planted, {**{(kind,): row[name] for kind, name in KINDS.items()}, ("absence days",): row["absence_days"]}


def _last(night: Night) -> str:
    return str(night.truth["nights"][-1])


def calendar(night: Night) -> tuple[Figures, Figures]:
    """School days of a school year, all and up to the business date."""
    planted = {
        (year, name): count for year, counts in night.truth["school_days"].items() for name, count in counts.items()
    }
    shown: Figures = {}
    for row in night.query(
        "select school_year, count(*) as days, "
        f"count(*) filter (where date_day <= date '{night.truth['as_of']}') as until_as_of "
        "from marts.dim_date where is_school_day group by school_year"
    ):
        if row["school_year"] in night.truth["school_days"]:
            shown[row["school_year"], "all"] = row["days"]
            shown[row["school_year"], "until_as_of"] = row["until_as_of"]
    return planted, shown


def pupils(night: Night) -> tuple[Figures, Figures]:
    """Distinct pupils of a school year, as the enrolments tell."""
    planted = {
        (year, school): count
        for year, schools in night.truth["enrolments"]["pupils"].items()
        for school, count in schools.items()
    }
    found = night.query(
        "select school_year, institution_number, pupils from exact.marts.mart_school_absence "
        "where period_type = 'school_year' and institution_level = 'school' and grade_group_type = 'all'"
    )
    return planted, {(row["school_year"], row["institution_number"]): row["pupils"] for row in found}


# ---- wellbeing


def wellbeing(night: Night) -> tuple[Figures, Figures]:
    """n and mean of the five indicators, municipality and schools, grades 4 to 9; the mean as far as the mart tells."""
    planted: Figures = {}
    for year, figures in night.truth["wellbeing_answers"]["indicators"].items():
        units = {"municipality": figures["municipality"], **figures["schools"]}
        for unit, indicators in units.items():
            assert set(indicators) == set(INDICATORS)
            for indicator, cell in indicators.items():
                if cell["n"]:
                    code = INDICATORS[indicator]
                    planted |= {(year, unit, code, "n"): cell["n"], (year, unit, code, "mean"): _rounded(cell["mean"])}
    found = night.query(
        "from exact.marts.mart_trivsel where measure_type = 'indicator' and grade_group_type = 'all' and n > 0"
    )
    shown: Figures = {}
    for row in found:
        here: Key = (row["school_year"], row["institution_number"] or "municipality", row["measure"])
        shown |= {(*here, "n"): row["n"], (*here, "mean"): row["mean_score"]}
    return planted, shown


def _rounded(mean: float) -> Decimal:
    """The truth's nine decimals as the mart's four, half away from zero."""
    return Decimal(repr(mean)).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def respondents(night: Night) -> tuple[Figures, Figures]:
    """Pupils who took part: those of the form 4-9, and those of the form 0-3 (who all have the first question)."""
    planted: Figures = {
        (year,): figures["respondents"] for year, figures in night.truth["wellbeing_answers"]["indicators"].items()
    }
    found = night.query(
        "select school_year, sum(respondents)::bigint as respondents from exact.marts.mart_trivsel "
        "where institution_level = 'municipality' and grade_group_type = 'all' and "
        "((measure_type = 'indicator' and measure = 'generel') or (question_number = 1 and answer_value = 1)) "
        "group by school_year"
    )
    return planted, {(row["school_year"],): row["respondents"] for row in found}


# ---- referrals


def icehearts(night: Night) -> tuple[Figures, Figures]:
    """Referrals by school and month, cumulative children, those declined, and referrals and children by grade."""
    truth = night.truth["referrals"]
    planted: Figures = {}
    for row in truth["by_project_school_month"]:
        if row["project"] == "ICE":
            planted["referrals", row["school"], row["month"]] = row["referrals"]
    for row in truth["distinct_children_cumulative"]:
        if row["project"] == "ICE" and row["children"]:
            planted["children cumulative", row["month"]] = row["children"]
    planted["declined",] = truth["status"]["ICE"]["Afvist"]
    planted["referrals",] = sum(truth["status"]["ICE"].values())
    for row in truth["by_project_school_grade"]:
        if row["project"] == "ICE":
            here: Key = (row["school"], f"grade {row['grade']}")
            planted |= {("referrals", *here): row["referrals"], ("children", *here): row["children"]}
    shown: Figures = {("declined",): 0, ("referrals",): 0}
    for row in night.query("from exact.marts.mart_icehearts order by month_start"):
        is_school, is_all = row["institution_level"] == "school", row["grade_group_type"] == "all"
        if is_school and is_all and row["referrals"]:
            shown["referrals", row["institution_number"], row["month_label"]] = row["referrals"]
        if not is_school and is_all:
            shown["children cumulative", row["month_label"]] = row["children_cumulative"]
            shown["declined",] += row["declined_referrals"]
            shown["referrals",] += row["referrals"]
        if is_school and not is_all and row["referrals_cumulative"]:
            here = (row["institution_number"], f"grade {row['grade_level']}")
            shown["referrals", *here] = row["referrals_cumulative"]
            shown["children", *here] = row["children_cumulative"]
    return planted, shown


def all_referrals(night: Night, landing: duckdb.DuckDBPyConnection) -> tuple[Figures, Figures]:
    """Referrals of all projects as landing has them: by school and month, status, children up to each month, grade."""
    truth = night.truth["referrals"]
    planted: Figures = {}
    for row in truth["by_project_school_month"]:
        planted[row["project"], row["school"], row["month"]] = row["referrals"]
    for row in truth["distinct_children_cumulative"]:
        planted[row["project"], "children to", row["month"]] = row["children"]
    for row in truth["by_project_school_grade"]:
        here: Key = (row["project"], row["school"], f"grade {row['grade']}")
        planted |= {(*here, "referrals"): row["referrals"], (*here, "children"): row["children"]}
    for project, statuses in truth["status"].items():
        planted |= {(project, "status", status): count for status, count in statuses.items() if count}
    main = {
        row["institution_number"]: row["main_institution_number"] for row in night.query("from marts.dim_institution")
    }
    referred = rows(landing, "select * from referrals")
    shown: Figures = defaultdict(int)
    children: dict[Key, set[int]] = defaultdict(set)
    for row in referred:
        project, school, month = row["project_code"], main[row["institution_number"]], f"{row['referred_date']:%Y-%m}"
        shown[project, school, month] += 1
        shown[project, "status", row["referral_status"]] += 1
        shown[project, school, f"grade {row['grade_level']}", "referrals"] += 1
        children[project, school, f"grade {row['grade_level']}", "children"].add(row["person_key"])
    shown |= {key: len(keys) for key, keys in children.items()}
    for row in truth["distinct_children_cumulative"]:
        until = {
            r["person_key"]
            for r in referred
            if r["project_code"] == row["project"] and f"{r['referred_date']:%Y-%m}" <= row["month"]
        }
        shown[row["project"], "children to", row["month"]] = len(until)
    return planted, dict(shown)


# ---- budget


def spending(night: Night) -> tuple[Figures, Figures]:
    """The ledger to the øre: by initiative and month, unclaimed by month and in all, by year, in all."""
    truth = night.truth["ledger_postings"]
    planted: Figures = {
        (row["agreement_year"], row["initiative_id"], f"{row['year']}-{row['month']:02d}"): Decimal(row["amount_dkk"])
        for row in truth["by_initiative_month"]
    }
    planted |= {("unclaimed", month): Decimal(amount) for month, amount in truth["unclaimed_by_month"].items()}
    planted |= {("year", year): Decimal(amount) for year, amount in truth["by_year"].items()}
    planted |= {(name,): Decimal(truth[name]) for name in ("unclaimed", "total")}
    shown: Figures = defaultdict(Decimal)
    for row in night.query("from exact.marts.fct_initiative_spending"):
        amount, month = row["amount_dkk"], f"{row['posting_year']}-{row['posting_month']:02d}"
        if row["is_unclaimed"]:
            shown["unclaimed", month] += amount
            shown["unclaimed",] += amount
        else:
            shown[row["agreement_year"], row["initiative_id"], month] += amount
        shown["year", str(row["posting_year"])] += amount
        shown["total",] += amount
    return planted, dict(shown)


def agreements(night: Night) -> tuple[Figures, Figures]:
    """Initiatives, milestones and amounts of the newest document of each year, texts whole."""
    planted: Figures = {}
    for label, document in night.truth["budget_agreement"]["agreements"].items():
        year = int(label)
        for initiative in document["initiatives"]:
            here: Key = (year, initiative["initiative_id"])
            names = ("title", "initiative_type", "responsible_center", "committee")
            planted |= {(*here, name): initiative[name] for name in names}
            planted[*here, "contributors"] = list(initiative["contributors"])
            planted[*here, "document_date"] = dt.date.fromisoformat(document["document_date"])
            planted[*here, "case_number"] = document["case_number"]
        for milestone in document["milestones"]:
            here = (year, milestone["initiative_id"], milestone["follow_up_code"])
            planted |= {(*here, "milestone_text"): milestone["milestone_text"]}
            planted |= {(*here, "has_text"): milestone["milestone_text"] is not None}
        for amount in document["amounts"]:
            planted[year, *_amount_key(amount)] = Decimal(amount["amount_mdkk"])
    shown: Figures = {}
    for row in night.query("from marts.dim_initiative"):
        here = (row["agreement_year"], row["initiative_id"])
        columns = ("title", "initiative_type", "responsible_center", "committee", "contributors", "document_date")
        shown |= {(*here, name): row[name] for name in (*columns, "case_number")}
    for row in night.query("from marts.fct_milestone"):
        here = (row["agreement_year"], row["initiative_id"], row["follow_up_code"])
        shown |= {(*here, "milestone_text"): row["milestone_text"], (*here, "has_text"): row["has_text"]}
    for row in night.query("from marts.fct_initiative_amount"):
        key = (row["agreement_year"], *_amount_key(row))
        assert key not in shown, f"the mart has two amounts for {key}"
        shown[key] = row["amount_mdkk"]
    return planted, shown


def _amount_key(row: Mapping[str, Any]) -> Key:
    return (row["initiative_id"], "amount", row["budget_year"], row["amount_kind"], row["stated_in"])


def adopted(night: Night) -> tuple[Figures, Figures]:
    """What the budget follow-up says was adopted: the finance lines' amounts of the agreement's own year.

    What a finance line does not state is nothing, and not nought.
    """
    planted: Figures = {}
    for label, document in night.truth["budget_agreement"]["agreements"].items():
        for initiative in document["initiatives"]:
            for kind in ("expenditure", "saving"):
                planted[int(label), initiative["initiative_id"], kind] = None
        for amount in document["amounts"]:
            if amount["stated_in"] == "finance" and amount["budget_year"] == int(label):
                key: Key = (int(label), amount["initiative_id"], amount["amount_kind"])
                planted[key] = (planted[key] or Decimal(0)) + Decimal(amount["amount_mdkk"])
    shown: Figures = {}
    for row in night.query("from marts.mart_budget_follow_up"):
        here: Key = (row["agreement_year"], row["initiative_id"])
        figures = {
            (*here, "expenditure"): row["adopted_expenditure_mdkk"],
            (*here, "saving"): row["adopted_saving_mdkk"],
        }
        for key, amount in figures.items():
            assert shown.setdefault(key, amount) == amount, f"{key} is not the same at every follow-up"
    return planted, shown


def spent_at_follow_ups(night: Night) -> tuple[Figures, Figures]:
    """Spent in the agreement's own year up to each follow-up's cut-off, or the last full month before the night.

    The figure to date stands at the next follow-up and at none after it; where anything is booked on a person, at none.
    """
    truth = night.truth["ledger_postings"]
    last_full_month = dt.date.fromisoformat(night.truth["as_of"]).replace(day=1) - dt.timedelta(days=1)
    with_account = {(pattern.agreement_year, pattern.initiative_id) for pattern in account_patterns()}
    by_person = {(row["agreement_year"], row["initiative_id"], row["year"]) for row in truth["by_person"]}
    planted: Figures = {}
    for label, document in night.truth["budget_agreement"]["agreements"].items():
        year = int(label)
        for initiative in document["initiatives"]:
            here: Key = (year, initiative["initiative_id"])
            planted[*here, "by person"] = (*here, year) in by_person
            earlier = dt.date(year, 1, 1)
            for code, cut_off in (("BO1", (3, 31)), ("BO2", (6, 30)), ("BO3", (9, 30)), ("YE", (12, 31))):
                until = min(dt.date(year, *cut_off), last_full_month)
                spent = sum(
                    (
                        Decimal(row["amount_dkk"])
                        for row in truth["by_initiative_month"]
                        if (row["agreement_year"], row["initiative_id"]) == here
                        and row["year"] == year
                        and row["month"] <= until.month
                    ),
                    Decimal(0),
                )
                is_known = here in with_account and label in truth["by_year"] and (*here, year) not in by_person
                planted[*here, f"{code}-{year}"] = spent if is_known and earlier <= last_full_month else None
                earlier = dt.date(year, *cut_off)
    found = night.query("from marts.mart_budget_follow_up")
    shown: Figures = {}
    for row in found:
        here = (row["agreement_year"], row["initiative_id"])
        shown[*here, row["follow_up_code"]] = row["spent_to_date_dkk"]
        shown[*here, "by person"] = row["has_person_postings"]
    return planted, shown


# ---- the ministry's statistics


def ministry(night: Night) -> tuple[Figures, Figures]:
    """What the mart puts beside the municipality's own absence: stage, school year and measure, as a share."""
    years = set(night.truth["absence_days"]["schools"])
    planted: Figures = {
        (row["school_year"], row["school_stage"], row["measure_name"]): Decimal(row["measure_value"]) / 100
        for row in night.truth["absence_statistics"]["ballerup"]
        if row["school_year"] in years
        and row["measure_value"] is not None
        and row["school_stage"] not in ("10. klasse mv.", "I alt")
    }
    shown: Figures = {}
    for row in night.query(
        "from exact.marts.mart_school_absence where period_type = 'school_year' and grade_group_type = 'stage' "
        "and institution_level = 'municipality'"
    ):
        for measure, column in MEASURES.items():
            if row[column] is not None:
                shown[row["school_year"], row["school_stage"], measure] = row[column]
    return planted, shown


def ministry_answers(night: Night, landing: duckdb.DuckDBPyConnection) -> tuple[Figures, Figures]:
    """The whole answer as landed: rows by status, and every figure of the municipality with its status."""
    truth = night.truth["absence_statistics"]
    planted: Figures = {("rows",): truth["rows"]}
    planted |= {("status", status): count for status, count in truth["by_status"].items()}
    for row in truth["ballerup"]:
        here: Key = (row["school_year"], row["school_stage"], row["measure_name"])
        value = row["measure_value"]
        planted |= {(*here, "value"): None if value is None else Decimal(value), (*here, "status"): row["value_status"]}
    shown: Figures = defaultdict(int)
    for row in rows(landing, "from absence_statistics"):
        shown["rows",] += 1
        shown["status", row["value_status"]] += 1
        if row["municipality_name"] == "Ballerup":
            here = (row["school_year"], row["school_stage"], row["measure_name"])
            shown |= {(*here, "value"): row["measure_value"], (*here, "status"): row["value_status"]}
    return planted, dict(shown)


# ---- deliveries


def delivery_id(dataset: str, file: Path) -> str:
    """What the ledger calls a file: by its bytes, and by its days where the name tells them and they matter."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    contract = load_contracts()[dataset]
    if not contract.delivery.named:
        return digest
    try:
        period, _ = parse_file_name(contract, file.name)
    except ValueError:
        return digest
    about = period.label if contract.delivery.period == "whole" else f"{period.first} {period.last}"
    return hashlib.sha256(f"{digest} {about}".encode()).hexdigest()


def deliveries(night: Night, landing: duckdb.DuckDBPyConnection) -> tuple[Figures, Figures]:
    """Rows of each file and the rows of it that stand. Files with the same bytes about the same days are one."""
    files: dict[Key, list[dict[str, int]]] = defaultdict(list)
    for dataset, truth in night.truth.items():
        for path, count in truth.get("deliveries", {}).items() if isinstance(truth, dict) else ():
            files[dataset, delivery_id(dataset, night.inbox / path)[:16]].append(count)
    planted: Figures = {}
    for here, counts in files.items():
        planted[*here, "rows"] = counts[0]["rows"]
        planted[*here, "current rows"] = sum(count["current_rows"] for count in counts)
    shown: Figures = {}
    with Ledger(night.settings) as ledger:
        for delivery in ledger.deliveries():
            if load_contracts()[delivery.dataset].connection is not None:
                continue  # what an API answered is a file of the landing's own making
            here = (delivery.dataset, delivery.delivery_id[:16])
            shown |= {(*here, "rows"): delivery.row_count, (*here, "current rows"): 0}
            assert delivery.row_count == delivery.landed_count + delivery.quarantined_count
    for dataset in {key[0] for key in shown}:
        for row in rows(landing, f"select delivery_id, count(*) as n from {dataset} group by delivery_id"):
            shown[dataset, row["delivery_id"], "current rows"] = row["n"]
    return planted, shown


IN_MARTS: dict[str, Callable[[Night], tuple[Figures, Figures]]] = {
    function.__name__: function
    for function in (
        calendar,
        pupils,
        absence,
        absence_of_the_municipality,
        wellbeing,
        respondents,
        icehearts,
        spending,
        agreements,
        adopted,
        spent_at_follow_ups,
        ministry,
    )
}
IN_LANDING: dict[str, Callable[[Night, duckdb.DuckDBPyConnection], tuple[Figures, Figures]]] = {
    function.__name__: function for function in (all_referrals, ministry_answers, deliveries)
}
