"""Reads a dataset's deliveries as their sources sent them, and tells which rows stand now.

Of the program nothing is used here, so that what it does wrong can't be wrong here too. What it shares with it are the
names and kinds of deliveries that the contracts declare, and the seeds that people keep.

    current(inbox, "notifications")      all rows that stand, text as it was delivered, one column a header
    Row("K04", "all", "month", "2026-05", …)   a row of a measure
    value_of(numerator, denominator)     six decimals, half away from zero
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

PROJECT = Path(__file__).resolve().parents[3]
CONTRACTS = PROJECT / "include" / "landing" / "contracts"
SEEDS = PROJECT / "dbt_project" / "seeds"
MUNICIPALITY = "151"

_NAME = re.compile(r"^(?P<dataset>[a-z_]+?)(?:_(?P<period>[0-9][0-9-]*))?_(?P<as_of>\d{8})$")
_DATE_FORMS = (
    (re.compile(r"^(\d{4})-(\d{2})-(\d{2})$"), (1, 2, 3)),
    (re.compile(r"^(\d{2})-(\d{2})-(\d{4})$"), (3, 2, 1)),
    (re.compile(r"^(\d{2})\.(\d{2})\.(\d{4})$"), (3, 2, 1)),
    (re.compile(r"^(\d{4})(\d{2})(\d{2})$"), (1, 2, 3)),
)


# ---- rows of measures and exact numbers


SOME_REASON = "*"
"""Stands for an open_reason whose words nobody laid down: there has to be one, in both languages."""


@dataclass(frozen=True)
class Row:
    """One figure of one measure; numbers are exact."""

    measure_id: str
    measure_part: str
    period_type: str
    period: str
    period_end_date: dt.date
    unit_type: str
    unit_id: str
    numerator: Decimal | None = None
    denominator: Decimal | None = None
    value: Decimal | None = None
    person_count: int | None = None
    is_incomplete: bool = False
    open_reason: str | None = None
    municipality_code: str = MUNICIPALITY
    target: Decimal | None = None
    is_target_met: bool | None = None
    is_preliminary: bool | None = None
    data_as_of: dt.date | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """What tells the row from all others."""
        return (
            *(self.municipality_code, self.measure_id, self.measure_part),
            *(self.period_type, self.period, self.unit_type, self.unit_id),
        )


Number = int | Decimal | Fraction


def rounded(number: Number, places: int = 6) -> Decimal:
    """Half away from zero, exactly: no binary fraction on the way."""
    exact = Fraction(number) * 10**places
    whole, rest = divmod(abs(exact.numerator), exact.denominator)
    whole += 2 * rest >= exact.denominator
    return Decimal(whole if exact >= 0 else -whole).scaleb(-places)


def value_of(numerator: Number | None, denominator: Number | None, factor: Number = 1) -> Decimal | None:
    """Numerator over denominator times a factor, rounded once; none where one is missing or the denominator is 0."""
    if numerator is None or not denominator:
        return None
    return rounded(Fraction(numerator) / Fraction(denominator) * Fraction(factor))


def exact(number: Number | None) -> Decimal | None:
    """A numerator or denominator as it stands in the table: four decimals."""
    return None if number is None else rounded(number, 4)


# ---- texts of the files


@functools.lru_cache(maxsize=100_000)
def day(text: str | None) -> dt.date | None:
    """A date in any form that the sources write, a time after it left out; none where there is none."""
    text = (text or "").strip()
    if not text:
        return None
    text = re.split(r"[T ]", text, maxsplit=1)[0]
    for form, places in _DATE_FORMS:
        if found := form.match(text):
            year, month, number = (int(found[place]) for place in places)
            return dt.date(year, month, number)
    raise ValueError(f"no date: {text!r}")


def amount(text: str | None) -> Decimal | None:
    """A Danish or plain decimal, thousands and the sign before or after it as they come; none where there is none."""
    text = (text or "").replace("\xa0", "").replace(" ", "").replace("−", "-").strip()
    if not text:
        return None
    negative = text.startswith("-") or text.endswith("-")
    text = text.strip("-+")
    if "," in text:
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d{1,3}(\.\d{3})+", text):
        text = text.replace(".", "")
    number = Decimal(text)
    return -number if negative else number


def plain(text: str | None) -> Decimal | None:
    """A decimal of an export that writes a decimal point, such as `13523.92`; none where there is none."""
    text = (text or "").strip()
    return Decimal(text) if text else None


def whole(text: str | None) -> int | None:
    """A whole number; none where there is none."""
    number = amount(text)
    if number is None:
        return None
    if number != int(number):
        raise ValueError(f"no whole number: {text!r}")
    return int(number)


def person(text: str | None) -> str | None:
    """The ten digits of a CPR number."""
    digits = re.sub(r"\D", "", text or "")
    if not digits:
        return None
    return digits.zfill(10)


def birth_date(cpr: str | None) -> dt.date | None:
    """The birth date that a CPR number tells; a replacement number has 60 added to its day."""
    digits = person(cpr)
    if digits is None:
        return None
    number, month, year, seventh = int(digits[:2]), int(digits[2:4]), int(digits[4:6]), int(digits[6])
    if seventh <= 3:
        century = 1900
    elif seventh in {4, 9}:
        century = 2000 if year <= 36 else 1900
    else:
        century = 2000 if year <= 57 else 1800
    return dt.date(century + year, month, number - 60 if number > 60 else number)


def sex(cpr: str | None) -> str | None:
    """`M` where the last digit is odd, else `K`."""
    digits = person(cpr)
    return None if digits is None else "M" if int(digits[-1]) % 2 else "K"


# ---- days


def month_end(date: dt.date) -> dt.date:
    """The last day of the date's month."""
    return dt.date(date.year + date.month // 12, date.month % 12 + 1, 1) - dt.timedelta(days=1)


def months(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """The last days of all months from that of `first` to that of `last`."""
    end = month_end(first)
    while end <= month_end(last):
        yield end
        end = month_end(end + dt.timedelta(days=1))


def month(date: dt.date) -> str:
    """Such as 2026-05."""
    return f"{date:%Y-%m}"


def quarter(date: dt.date) -> str:
    """Such as 2026-Q2."""
    return f"{date.year}-Q{(date.month + 2) // 3}"


def quarter_end(date: dt.date) -> dt.date:
    """The last day of the date's quarter."""
    return month_end(dt.date(date.year, (date.month + 2) // 3 * 3, 1))


def school_year(date: dt.date) -> str:
    """Such as 2025/2026, from 1 August to 31 July."""
    start = date.year if date.month >= 8 else date.year - 1
    return f"{start}/{start + 1}"


def school_year_end(label: str) -> dt.date:
    """31 July of the second year."""
    return dt.date(int(label[5:]), 7, 31)


def age(born: dt.date, on: dt.date) -> int:
    """Whole years."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


# ---- deliveries


@dataclass(frozen=True)
class Delivery:
    """A file with rows: what it covers (`first` to `last` with a label of days), and as of when."""

    file: str
    label: str | None
    as_of: dt.date
    frame: pd.DataFrame

    @property
    def days(self) -> tuple[dt.date, dt.date]:
        """The first and last day of the label."""
        return days_of(self.label or "")


def days_of(label: str) -> tuple[dt.date, dt.date]:
    """First and last day of a year, month, school year or range of days, as file names tell them."""
    if re.fullmatch(r"\d{8}-\d{8}", label):
        first, last = (dt.datetime.strptime(part, "%Y%m%d").date() for part in label.split("-"))
        return first, last
    if re.fullmatch(r"\d{4}-\d{4}", label):
        return dt.date(int(label[:4]), 8, 1), dt.date(int(label[5:]), 7, 31)
    if re.fullmatch(r"\d{4}-\d{2}", label):
        first = dt.date(int(label[:4]), int(label[5:]), 1)
        return first, month_end(first)
    if re.fullmatch(r"\d{4}", label):
        return dt.date(int(label), 1, 1), dt.date(int(label), 12, 31)
    raise ValueError(f"no period: {label!r}")


def decoded(content: bytes) -> str:
    """UTF-8 with or without its mark, else Windows-1252."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def table(content: bytes) -> pd.DataFrame:
    """A delimited file, every cell as text; a line that only sums the others is left out."""
    text = decoded(content)
    head = text.split("\n", 1)[0]
    delimiter = ";" if head.count(";") >= head.count(",") else ","
    lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if line]
    header = [name.strip() for name in lines[0]]
    body = [line for line in lines[1:] if line[0].strip().lower() != "total"]
    for line in body:
        if len(line) != len(header):
            raise ValueError(f"{len(line)} cells under {len(header)} headers")
    return pd.DataFrame(body, columns=header, dtype="object")


@functools.cache
def contract(dataset: str) -> dict[str, Any]:
    """What the contract declares about deliveries and columns."""
    found = yaml.safe_load((CONTRACTS / f"{dataset}.yaml").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def header_of(dataset: str, column: str) -> str:
    """The header under which a column of the contract is delivered."""
    (found,) = (entry for entry in contract(dataset)["columns"] if entry["name"] == column)
    return str(found.get("header") or column)


@functools.lru_cache(maxsize=4)
def deliveries(inbox: Path, dataset: str) -> tuple[Delivery, ...]:
    """A dataset's files with a header line, the oldest first.

    The same bytes twice are one delivery, as of the later time. That needs no rule here: whichever kind of period, the
    later file takes the place of the earlier one, and its rows are the same.
    """
    found = []
    for file in (inbox / dataset).glob("*.csv"):
        name = _NAME.match(file.stem)
        if not name or name["dataset"] != dataset:
            raise ValueError(f"not named after its dataset: {file.name}")
        date = day(name["as_of"])
        assert date is not None
        found.append(Delivery(file.name, name["period"], date, table(file.read_bytes())))
    return tuple(sorted(found, key=lambda delivery: (delivery.as_of, delivery.file)))


@functools.lru_cache(maxsize=8)
def first_known_numbers(inbox: Path) -> dict[str, str]:
    """By number the first one that the same child had, of all numbers that the population register calls replaced.

    Whatever it told once holds, also of a statement that a newer one has taken the place of.
    """
    before: dict[str, str] = {}
    for delivery in deliveries(inbox, "residents"):
        own = [person(text) for text in delivery.frame["Personnummer"]]
        earlier = [person(text) for text in delivery.frame["Tidligere personnummer"]]
        before |= {new: old for new, old in zip(own, earlier, strict=True) if new and old}
    first = dict(before)
    while any(old in before for old in first.values()):
        first = {new: before.get(old, old) for new, old in first.items()}
    return first


@functools.lru_cache(maxsize=64)
def _standing(inbox: Path, dataset: str) -> tuple[pd.DataFrame, dt.date | None]:
    """The rows that stand, each with its file, and the newest as_of of these files."""
    kind = contract(dataset)["delivery"]["period"]
    files = deliveries(inbox, dataset)
    if not files:
        return pd.DataFrame(), None
    if kind == "whole":
        chosen = [(files[-1], files[-1].frame)]
    elif kind == "label":
        newest = {delivery.label: delivery for delivery in files}
        chosen = [(delivery, delivery.frame) for delivery in newest.values()]
    else:
        chosen = list(_day_by_day(dataset, files))
    frames = []
    for delivery, frame in sorted(chosen, key=lambda entry: (entry[0].as_of, entry[0].file)):
        frames.append(frame.assign(delivery_file=delivery.file, delivery_as_of=delivery.as_of))
    rows = pd.concat(frames, ignore_index=True).fillna("")
    first_numbers = first_known_numbers(inbox)
    for entry in contract(dataset)["columns"]:
        header = str(entry.get("header") or entry["name"])
        if entry.get("personal") == "key" and header in rows:
            rows[header] = [first_numbers.get(person(text) or "", text) for text in rows[header]]
    keys = [header_of(dataset, column) for column in contract(dataset)["keys"]]
    # Sorted by age, so the last row of a key is that of the newest delivery: a row that moved to another period counts
    # once. Within one file each key is there once.
    rows = rows.loc[~rows[keys].duplicated(keep="last")].reset_index(drop=True)
    return rows, max(delivery.as_of for delivery, _ in chosen)


def _day_by_day(dataset: str, files: Sequence[Delivery]) -> Iterator[tuple[Delivery, pd.DataFrame]]:
    """Of each file the rows of days that no newer file covers; of a file that covers no such day, nothing at all."""
    column = header_of(dataset, contract(dataset)["delivery"]["column"])
    owner: dict[dt.date, int] = {}
    for place, delivery in enumerate(files):
        first, last = delivery.days
        for later in range((last - first).days + 1):
            owner[first + dt.timedelta(days=later)] = place
    owning = set(owner.values())
    for place, delivery in enumerate(files):
        if place in owning:
            of_day = [owner.get(date) == place if (date := day(text)) else False for text in delivery.frame[column]]
            yield delivery, delivery.frame.loc[of_day]


def current(inbox: Path, dataset: str) -> pd.DataFrame:
    """The rows that stand now: text, one column a delivered header, and `delivery_file` and `delivery_as_of`."""
    if dataset in _OTHER_FORMS:
        return _OTHER_FORMS[dataset][0](inbox)
    return _standing(inbox, dataset)[0].copy()


def data_as_of(inbox: Path, dataset: str) -> dt.date | None:
    """The newest as_of among the deliveries that stand; none where nothing was delivered."""
    if dataset in _OTHER_FORMS:
        return _OTHER_FORMS[dataset][1](inbox)
    return _standing(inbox, dataset)[1]


def as_of(inbox: Path) -> dt.date:
    """The night's business date: the newest day in the names of the inbox's files."""
    found = [
        date
        for file in inbox.glob("*/*.csv")
        if (name := _NAME.match(file.stem)) and (date := day(name["as_of"])) is not None
    ]
    return max(found)


def records(frame: pd.DataFrame) -> Iterable[Mapping[str, Any]]:
    """The rows as dictionaries."""
    return frame.to_dict("records")


def seed(name: str) -> pd.DataFrame:
    """A seed, every cell as text, empty where it is null."""
    return pd.read_csv(SEEDS / f"{name}.csv", dtype=str, keep_default_na=False, encoding="utf-8")


# ---- answers of APIs, documents and forms


def accounts(inbox: Path) -> pd.DataFrame:
    """Cells of Statistics Denmark's tables as the newest file of each table has them."""
    rows = []
    for code, (info, cells) in sorted(_tables(inbox).items()):
        names = [variable["id"] for variable in info["variables"]]
        place = next(name for name in names if name in {"OMRÅDE", "REGI07A"})
        for cell in cells:
            *codes, text = cell.split(";")
            named = dict(zip(names, codes, strict=True))
            rows.append(
                {
                    "table": code,
                    "place": named[place],
                    "function": named["FUNKTION"],
                    "account_kind": named["DRANST"],
                    "art": named["ART"],
                    "price_unit": named["PRISENHED"],
                    "year": named["Tid"],
                    "value": text,
                    "suppressed": str(info["suppressedDataValue"]),
                    "updated": info["updated"],
                }
            )
    return pd.DataFrame(rows)


def _tables(inbox: Path) -> dict[str, tuple[dict[str, Any], list[str]]]:
    found = {}
    for file in sorted((inbox / "municipal_accounts").glob("stub_answers*.json")):
        for part in json.loads(file.read_text("utf-8"))["tables"]:
            found[part["info"]["id"]] = (part["info"], part["cells"])
    return found


def _accounts_as_of(inbox: Path) -> dt.date | None:
    return max((date for info, _ in _tables(inbox).values() if (date := day(info["updated"]))), default=None)


_LABELS = {"1": "BO1", "2": "BO2", "3": "BO3"}
_BLOCK = re.compile(r"^[ \xa0]?(\d+\.\d{2})\.[ \xa0]", re.MULTILINE)
_HEADER = "Kort beskrivelse af indsatsen"
_SMILEY = r"\s*[\uf04a-\uf04c]?\s*"
_FURNITURE = (
    re.compile(r"^\s*- \d+ -\s*$"),
    re.compile(r"^\s*Børne- og Skoleudvalget\s+Udmøntning af Aftale om budget \d{4}\s*$"),
    re.compile(r"^\s*Sagsid: .*$"),
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        [
            *("januar", "februar", "marts", "april", "maj", "juni"),
            *("juli", "august", "september", "oktober", "november", "december"),
        ],
        start=1,
    )
}


@dataclass(frozen=True)
class Initiative:
    """An initiative of a budget agreement; `milestones` in order, each its follow-up and whether it has a text.

    `amounts` are those that the finance line states: kind (expenditure, saving) to millions of kroner. Money that is
    moved from year to year is counted in, which makes 3.19 too much; no measure here reads that one.
    """

    agreement_year: int
    initiative_id: str
    initiative_type: str
    responsible_center: str
    milestones: tuple[tuple[str, bool], ...]
    amounts: Mapping[str, Decimal]

    @property
    def key(self) -> str:
        """Such as 2026/3.04."""
        return f"{self.agreement_year}/{self.initiative_id}"


@functools.lru_cache(maxsize=8)
def agreements(inbox: Path) -> tuple[tuple[Initiative, ...], dt.date | None]:
    """All initiatives of the newest version of each year's agreement, and the newest date of these documents."""
    newest: dict[int, tuple[dt.date, str, str]] = {}
    for file in sorted((inbox / "budget_agreement").iterdir()):
        text = _pdf_text(file) if file.suffix == ".pdf" else decoded(file.read_bytes()).replace("\r\n", "\n")
        (year,) = set(re.findall(r"^\s*Aftale om budget (\d{4})\s*$", text, re.MULTILINE))
        dated = re.search(r"^\s*Sagsid: \S+\s+(\d+)\. (\w+) (\d{4})", text, re.MULTILINE)
        assert dated is not None
        date = dt.date(int(dated[3]), _MONTHS[dated[2]], int(dated[1]))
        newest[int(year)] = max(newest.get(int(year), (date, "", "")), (date, file.name, text))
    found = [initiative for year, (_, _, text) in sorted(newest.items()) for initiative in _initiatives(year, text)]
    return tuple(found), max((date for date, _, _ in newest.values()), default=None)


def _pdf_text(file: Path) -> str:
    import pdfplumber

    with pdfplumber.open(file) as document:
        return "\n".join(page.extract_text() or "" for page in document.pages)


def _initiatives(year: int, text: str) -> Iterator[Initiative]:
    lines = [line for line in text.split("\n") if not any(form.match(line) for form in _FURNITURE)]
    text = "\n".join(lines)
    starts = []
    for found in _BLOCK.finditer(text):
        # A title wraps over three lines at most, with a blank one before the header.
        ahead = "\n".join(text[found.start() :].split("\n")[:6])
        head = ahead.find(_HEADER)
        if head >= 0 and not _BLOCK.search(ahead[:head], found.end() - found.start()):
            starts.append((found.start(), found[1]))
    numbers = [number for _, number in starts]
    seen: dict[str, int] = {}
    for place, (start, number) in enumerate(starts):
        end = starts[place + 1][0] if place + 1 < len(starts) else len(text)
        seen[number] = seen.get(number, 0) + 1
        name = f"{number}-{seen[number]}" if numbers.count(number) > 1 else number
        yield _initiative(year, name, text[start:end])


def _initiative(year: int, initiative_id: str, block: str) -> Initiative:
    kind = re.search(rf"{_HEADER} \(([^)]+)\)", block)
    center = re.search(r"Ansvarligt center:\s*(.*?)\s*Ansvarligt udvalg:", block, re.DOTALL)
    assert kind is not None
    assert center is not None
    head, *rows = re.split(r"^[ \xa0]?Milepæl\b", block, flags=re.MULTILINE)
    # the finance line follows the last milestone
    *_, last = rows or [head]
    finance = re.split(r"^[ \xa0]?Økonomi\b", last, flags=re.MULTILINE)
    if len(finance) != 2:
        raise ValueError(f"{year}/{initiative_id}: no single finance line")
    rows[-1:] = [finance[0]]
    return Initiative(
        year,
        initiative_id,
        " ".join(kind[1].split()),
        " ".join(center[1].split()),
        tuple(_milestone(year, row) for row in rows),
        _amounts(year, finance[1]),
    )


def _milestone(year: int, row: str) -> tuple[str, bool]:
    """The follow-up, and whether any word is left beside its label; a PDF puts the label's year on a line below."""
    labels = [
        *re.finditer(rf"([123])\. budgetopfølgning(?: {year})?{_SMILEY}$", row, re.MULTILINE),
        *re.finditer(rf"31\.12\.{year}{_SMILEY}$", row, re.MULTILINE),
    ]
    if len(labels) != 1:
        raise ValueError(f"{len(labels)} follow-ups in one milestone: {row!r}")
    (label,) = labels
    rest = row[: label.start()] + "\n" + row[label.end() :]
    if str(year) not in label[0]:
        rest = re.sub(rf"(?<!\d){year}{_SMILEY}$", "", rest, count=1, flags=re.MULTILINE)
    code = _LABELS[label[1]] if label.re.groups else "YE"
    return f"{code}-{year}", bool(rest.strip())


def _amounts(year: int, text: str) -> dict[str, Decimal]:
    """What is spent or saved in the agreement's own year: the verb before an amount tells which."""
    found: dict[str, Decimal] = {}
    text = " ".join(text.split())
    for sentence in re.split(r"(?<=[a-zæøå0-9]\.) (?=[A-ZÆØÅ])", text):
        for stated in re.finditer(r"(\d+(?:,\d+)?) mio\. ?kr", sentence):
            years = re.findall(r"\b20\d{2}\b", sentence)
            if years and str(year) not in years:
                continue
            kind = "saving" if re.search(r"[Bb]esparelse", sentence[: stated.start()]) else "expenditure"
            found[kind] = found.get(kind, Decimal(0)) + Decimal(stated[1].replace(",", "."))
    return found


@functools.lru_cache(maxsize=8)
def _answers(inbox: Path) -> pd.DataFrame:
    import openpyxl

    rows = []
    for file in sorted((inbox / "milestone_status").glob("*.xlsx")):
        sheet = openpyxl.load_workbook(file, read_only=True).worksheets[0]
        lines = [tuple(line) for line in sheet.iter_rows(values_only=True)]
        follow_up, center = lines[1][0], lines[2][0]
        begin = next(place for place, line in enumerate(lines) if line[0] == "Nøgle")
        names = [str(name) for name in lines[begin] if name]
        answers = []
        for line in lines[begin + 1 :]:
            cells = dict(zip(names, line, strict=False))
            if not cells["Nøgle"] or not cells["Status"]:
                continue
            date = cells["Dato"]
            answers.append(
                {
                    "follow_up": str(follow_up),
                    "center": str(center),
                    "key": str(cells["Nøgle"]).split()[0],
                    "status": str(cells["Status"]).strip().lower(),
                    "answered": date.date() if isinstance(date, dt.datetime) else day(str(date)),
                    "delivery_file": file.name,
                }
            )
        newest = max((answer["answered"] for answer in answers if answer["answered"]), default=None)
        rows += [answer | {"delivery_as_of": newest} for answer in answers]
    return pd.DataFrame(rows)


def status_answers(inbox: Path) -> pd.DataFrame:
    """All answers of the centres' forms; a correction stands beside what it corrects, so the newer one counts."""
    return _answers(inbox).copy()


def _answers_as_of(inbox: Path) -> dt.date | None:
    found = _answers(inbox)
    return None if found.empty else max(date for date in found["delivery_as_of"] if date)


def _no_table(inbox: Path) -> pd.DataFrame:
    raise ValueError("an agreement is no table; see agreements()")


_OTHER_FORMS: dict[str, tuple[Any, Any]] = {
    "municipal_accounts": (accounts, _accounts_as_of),
    "milestone_status": (status_answers, _answers_as_of),
    "budget_agreement": (_no_table, lambda inbox: agreements(inbox)[1]),
}
