"""The contract of a dataset: one YAML file a dataset in `contracts/`, read here and by nobody else.

From a contract come the typed reader (header, types, row rules), the landing view, dbt's `sources`, the freshness
table and what is known of persons: which columns are personal, for what purpose, under which law, for how long.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from include.settings import DOMAINS
from include.sources.reading import Layout

CONTRACTS = Path(__file__).parent / "contracts"


_SMALLEST_NUMBER_OF_A_PERSON = 101_000_000
"""0101000000, a CPR number of ten digits, as an integer."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Part):
    """The same sentence in Danish and English."""

    da: str
    en: str


Purpose = Literal["school", "social", "health", "trivsel"]
"""What keys of persons are for: those of two purposes have nothing to do with each other."""

PURPOSES: tuple[str, ...] = get_args(Purpose)


class Column(_Part):
    """One column of a delivery and what becomes of it in landing.

    `header` is the name in the delivery (default: `name`). A column with `personal: key` is a CPR number and becomes
    an integer person key of the `purpose`; one with `personal: drop` is read past and never lands. One with `personal:
    previous` is the number that the one in the key column has replaced: all vaults learn it, and it never lands. With
    `is_key_of_delivery` a person's key is another one in each delivery, so that no two can be laid side by side. One
    with `lands: false` is checked as the others are, and by the rules, and then left out: no measure needs it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    header: str | None = None
    type: str = "VARCHAR"
    description: Text
    derived: Literal["birth_date", "sex"] | None = Field(
        default=None, description="told by the CPR number in the column `derived_from`, and not in the delivery"
    )
    derived_from: str | None = None
    expression: str | None = Field(
        default=None, description="DuckDB's expression over other columns of the row, for one that is not delivered"
    )
    required: bool = False
    personal: Literal["key", "drop", "previous"] | None = None
    purpose: Purpose | None = None
    is_key_of_delivery: bool = False
    lands: bool = True
    pattern: str | None = Field(default=None, description="a regular expression that the whole text must match")
    allowed: list[str] | None = Field(default=None, description="the only texts that may occur")
    minimum: str | None = None
    maximum: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Column:
        if (self.personal == "key") != (self.purpose is not None):
            raise ValueError(f"column {self.name}: `personal: key` and `purpose` go together")
        if self.is_key_of_delivery and self.personal != "key":
            raise ValueError(f"column {self.name}: `is_key_of_delivery` is for keys of persons")
        if self.maximum and self.maximum.isdigit() and int(self.maximum) >= _SMALLEST_NUMBER_OF_A_PERSON:
            raise ValueError(f"column {self.name}: a CPR number that begins with 0 would pass the maximum")
        if (self.derived is None) != (self.derived_from is None):
            raise ValueError(f"column {self.name}: `derived` and `derived_from` go together")
        if self.derived and self.type != {"birth_date": "DATE", "sex": "VARCHAR"}[self.derived]:
            raise ValueError(f"column {self.name}: a birth date is a DATE, a sex (female, male) a VARCHAR")
        if self.derived and self.expression:
            raise ValueError(f"column {self.name}: it is told by the CPR number or by other columns, not by both")
        if not self.is_delivered and (
            self.header or self.required or self.personal or self.pattern or self.allowed or not self.lands
        ):
            raise ValueError(f"column {self.name}: a derived column is not in the delivery, so nothing is asked of it")
        if not self.lands and (self.personal or self.derived):
            raise ValueError(f"column {self.name}: `lands: false` is for values that are checked, and these are not")
        return self

    @property
    def is_delivered(self) -> bool:
        """False for a column that is told by others."""
        return self.derived is None and self.expression is None

    @property
    def source_name(self) -> str:
        """The column's name in the delivery."""
        return self.header or self.name

    @property
    def landed_type(self) -> str:
        """DuckDB's type in landing."""
        return "UINTEGER" if self.personal == "key" else self.type


class Rule(_Part):
    """A condition over the typed columns of one row; a row for which it is false goes to quarantine."""

    name: str
    column: str
    check: str = Field(description="a DuckDB boolean expression over typed columns; null passes")
    reason: str
    remedy: str


class Rhythm(_Part):
    """How often the source delivers, and after how many days without a delivery the dataset is stale."""

    expected: Literal["nightly", "monthly", "quarterly", "yearly", "follow_up"]
    stale_after_days: int = Field(gt=0)


class Retention(_Part):
    """How long rows may be kept, counted in years from a date column or from the delivery.

    From the delivery means from the last day that it is about; the rule is carried out in `erase`.
    """

    years: int = Field(gt=0)
    counted_from: str = "delivery"


class Delivery(_Part):
    """How files are named and which part of what is known they replace.

    `label`: a delivery replaces earlier ones of the same period (a year, a school year), which `column` repeats in each
    row, if there is one. `range`: it replaces all rows whose date in `column` lies in its period, whatever delivery
    they came with. `whole`: the source gives all that it has, so a delivery replaces everything before.
    """

    suffixes: list[str]
    period: Literal["label", "range", "whole"]
    column: str | None = None
    named: bool = Field(default=True, description="the file name carries period and date; else the reader finds them")

    @model_validator(mode="after")
    def _consistent(self) -> Delivery:
        if self.period == "range" and self.column is None:
            raise ValueError("`period: range` needs the date `column`")
        if self.period == "whole" and self.column is not None:
            raise ValueError("`period: whole` replaces everything, so no `column` tells what")
        return self


class SmallGroups(_Part):
    """No group of persons that these columns tell apart is smaller than `least`, whatever it is joined to.

    Groups that are smaller, counted by `person`, lose the value of the last column of `columns`, then that of the one
    before it. Those that lose it are told apart no more, and if they are still fewer than `least` together, the next
    smallest loses it too: what is left out is never a small group that a subtraction finds. The values of `apart` stay,
    since other columns tell them anyway. Where all of a delivery are too few, they go to quarantine.
    """

    least: int = Field(gt=1)
    person: str
    apart: str
    columns: tuple[str, str]


class Beside(_Part):
    """What a dataset's suite sees beside the delivery, each under its name: rows that are current, and dbt's seeds."""

    datasets: list[str] = []
    seeds: list[str] = []


class Contract(_Part):
    """All that is agreed about a dataset."""

    dataset: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    domain: Literal["budget", "school_absence", "referrals", "trivsel"]
    title: Text
    description: Text
    each_row_is_a: str
    source: str = Field(description="the outside system, as people call it")
    reader: str = Field(description="the module in `include/sources` that reads the delivery")
    connection: str | None = Field(default=None, description="the connection of the API that is asked, if it is one")
    request: dict[str, Any] | None = Field(default=None, description="what the reader asks that API for")
    owner: str
    legal_basis: str
    about_persons: bool
    is_shuffled: bool = False
    small_groups: SmallGroups | None = None
    rhythm: Rhythm
    retention: Retention
    delivery: Delivery
    layout: Layout | None = None
    columns: list[Column]
    keys: list[str]
    rules: list[Rule] = []
    judged_beside: Beside = Beside()

    @model_validator(mode="after")
    def _consistent(self) -> Contract:
        names = [column.name for column in self.columns]
        typed = {column.name for column in self.typed_columns}
        landed = {column.name for column in self.landed_columns if column.is_delivered}
        if len(set(names)) != len(names):
            raise ValueError(f"{self.dataset}: a column name occurs twice")
        for what, used, there in (
            ("keys", self.keys, landed),
            ("rules", [rule.column for rule in self.rules], typed),
            ("delivery.column", [self.delivery.column] if self.delivery.column else [], landed),
        ):
            if unknown := set(used) - there:
                raise ValueError(f"{self.dataset}: {what} name columns that do not land: {sorted(unknown)}")
        dates = {column.name for column in self.landed_columns if column.type == "DATE"}
        if self.retention.counted_from not in {*dates, "delivery"}:
            raise ValueError(f"{self.dataset}: retention.counted_from is no date that lands, and not `delivery`")
        if self.about_persons != any(column.personal == "key" for column in self.columns):
            raise ValueError(f"{self.dataset}: a dataset about persons has a column with `personal: key`")
        people = {column.name for column in self.person_columns}
        if self.previous_column is not None and len(people) != 1:
            raise ValueError(f"{self.dataset}: a previous number is that of the one column with `personal: key`")
        if lost := [column.name for column in self.columns if column.derived and column.derived_from not in people]:
            raise ValueError(f"{self.dataset}: {lost} are derived from columns that are no person keys")
        if self.request is not None and self.connection is None:
            raise ValueError(f"{self.dataset}: a `request` needs the `connection` that it goes through")
        grown = [header for headers in (self.layout.versions if self.layout else {}).values() for header in headers]
        known = {column.source_name: column for column in self.delivered_columns}
        if wrong := [header for header in grown if header not in known or known[header].required]:
            raise ValueError(f"{self.dataset}: headers of later versions are unknown or required: {wrong}")
        return self

    @model_validator(mode="after")
    def _small_groups_are_its_own(self) -> Contract:
        if self.small_groups is not None:
            coarsened, by_name = self.small_groups.columns, {column.name: column for column in self.landed_columns}
            if not {*coarsened, self.small_groups.apart} <= by_name.keys():
                raise ValueError(f"{self.dataset}: small_groups name columns that do not land")
            if self.small_groups.person not in {column.name for column in self.person_columns}:
                raise ValueError(f"{self.dataset}: small_groups count persons by a column with `personal: key`")
            if {*coarsened} & {*self.keys, self.delivery.column} or any(
                not by_name[name].required for name in coarsened
            ):
                raise ValueError(f"{self.dataset}: what small groups lose is delivered, and no key")
        return self

    @property
    def delivered_columns(self) -> list[Column]:
        """The columns that a delivery holds, in order."""
        return [column for column in self.columns if column.is_delivered]

    @property
    def landed_columns(self) -> list[Column]:
        """The columns that land, in order."""
        return [column for column in self.columns if column.personal not in {"drop", "previous"} and column.lands]

    @property
    def typed_columns(self) -> list[Column]:
        """The columns of a delivery that are typed and checked, in order; all but those with `lands: false` land."""
        return [column for column in self.delivered_columns if column.personal != "drop"]

    @property
    def person_columns(self) -> list[Column]:
        """The columns that hold a CPR number and land as a person key."""
        return [column for column in self.columns if column.personal == "key"]

    @property
    def previous_column(self) -> Column | None:
        """The column with the number that was replaced by the one in the key column, if the dataset tells it."""
        return next((column for column in self.columns if column.personal == "previous"), None)


WHOLE = "whole"
"""The label of a delivery that holds all that its source has."""


_FORM = re.compile(r"(?P<asked>(?:BO[1-3]|YE)-(?P<year>\d{4})-[A-Z]{3}-\d{4})-[0-9a-f]{8}")


class Period(_Part):
    """What part of a dataset a delivery is about, both ends included."""

    label: str
    first: dt.date
    last: dt.date

    @classmethod
    def parse(cls, label: str) -> Period:
        """`2025` a year, `2025-2026` a school year (1 Aug.-31 July), `2026-06` a month, `20260601-20260614` days.

        `BO2-2026-DSK-2022-1f2e3d4c` is a centre's form for a follow-up, and means the year followed up. It holds
        centre and digest of the form, so that those of other centres and later ones stand beside it.

        Raises ValueError if the label is none of these.
        """
        if match := re.fullmatch(r"(\d{4})", label):
            year = int(match[1])
            return cls(label=label, first=dt.date(year, 1, 1), last=dt.date(year, 12, 31))
        if match := re.fullmatch(r"(\d{4})-(\d{4})", label):
            start, end = int(match[1]), int(match[2])
            if end != start + 1:
                raise ValueError(f"{label} is not a school year")
            return cls(label=label, first=dt.date(start, 8, 1), last=dt.date(end, 7, 31))
        if match := re.fullmatch(r"(\d{4})-(\d{2})", label):
            first = dt.date(int(match[1]), int(match[2]), 1)
            following = (first + dt.timedelta(days=31)).replace(day=1)
            return cls(label=label, first=first, last=following - dt.timedelta(days=1))
        if match := re.fullmatch(r"(\d{8})-(\d{8})", label):
            first, last = (dt.datetime.strptime(part, "%Y%m%d").date() for part in match.groups())
            if last < first:
                raise ValueError(f"{label} ends before it begins")
            return cls(label=label, first=first, last=last)
        if match := _FORM.fullmatch(label):
            year = int(match["year"])
            return cls(label=label, first=dt.date(year, 1, 1), last=dt.date(year, 12, 31))
        raise ValueError(f"{label} is no year, school year, month, range of days or form of a follow-up")


def asked_in(label: str | None) -> str | None:
    """The follow-up and the centre of a form, by the label of its period; None for a delivery that is no form."""
    match = _FORM.fullmatch(label or "")
    return match["asked"] if match else None


def parse_file_name(contract: Contract, name: str) -> tuple[Period, dt.date]:
    """Period and date of a delivery from its name, `<dataset>_<period>_<YYYYMMDD>.<suffix>`.

    A delivery of all that a source has is named `<dataset>_<YYYYMMDD>.<suffix>`, or with the version of its layout
    `<dataset>_<version>_<YYYYMMDD>.<suffix>`; its period is the day of the extract. Raises ValueError that says what a
    right name looks like.
    """
    suffixes = "|".join(re.escape(suffix) for suffix in contract.delivery.suffixes)
    is_whole, has_versions = contract.delivery.period == "whole", bool(contract.layout and contract.layout.versions)
    middle = "" if is_whole else r"_([\d-]+)"
    version = r"_\d+" if has_versions else ""
    match = re.fullmatch(rf"{contract.dataset}{middle}{version}_(\d{{8}})\.({suffixes})", name)
    if match is None:
        raise ValueError(
            f"the name is not {contract.dataset}{'' if is_whole else '_<period>'}{'_<version>' if has_versions else ''}"
            f"_<YYYYMMDD>.{contract.delivery.suffixes[0]}"
            + (
                ", where the date is the day of the extract"
                if is_whole
                else ", where the period is a year (2025), a school year (2025-2026), a month (2026-06) or days "
                "(20260601-20260614)"
            )
        )
    if is_whole:
        day = dt.datetime.strptime(match[1], "%Y%m%d").date()
        return Period(label=WHOLE, first=day, last=day), day
    return Period.parse(match[1]), dt.datetime.strptime(match[2], "%Y%m%d").date()


@cache
def load_contracts() -> dict[str, Contract]:
    """All contracts by dataset, domain by domain. Raises ValueError with the file's name if one is not valid."""
    found: dict[str, Contract] = {}
    for file in sorted(CONTRACTS.glob("*.yaml")):
        # The loader in C reads all of them in 0.02 s, the one in Python in 0.2 s, in each process of a night.
        content: dict[str, Any] = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
        try:
            contract = Contract.model_validate(content)
        except ValueError as error:
            raise ValueError(f"{file.name}: {error}") from error
        if contract.dataset != file.stem:
            raise ValueError(f"{file.name}: the file must be named as its dataset, {contract.dataset}.yaml")
        found[contract.dataset] = contract
    return dict(sorted(found.items(), key=lambda item: (DOMAINS.index(item[1].domain), item[0])))


def contracts_of(domain: str) -> list[Contract]:
    """The contracts of one domain. Raises KeyError for an unknown domain."""
    if domain not in DOMAINS:
        raise KeyError(f"{domain} is no domain; the domains are {', '.join(DOMAINS)}")
    return [contract for contract in load_contracts().values() if contract.domain == domain]
