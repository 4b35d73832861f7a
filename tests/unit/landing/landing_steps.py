"""Steps that the tests of landing share: deliver a file, take it in, ask what landed and what did not."""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from include.demo.deliveries import Nights
from include.demo.municipality import fill
from include.demo.population import Population
from include.landing import process, store
from include.landing.contract import Contract, load_contracts
from include.landing.ledger import Delivery, Ledger
from include.settings import Settings


def write_lines(
    settings: Settings, path: str, *lines: str, encoding: str = "utf-8", newline: str = "\n", end: str | None = None
) -> Path:
    """A file `<dataset>/<name>` in the inbox, of these lines; `end` stands after the last one, else `newline`."""
    file = settings.inbox / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((newline.join(lines) + (newline if end is None else end)).encode(encoding))
    return file


def take_in(settings: Settings, contract: Contract | str) -> list[Delivery]:
    """Land what is new of a dataset and accept it, as the judge would; returns all deliveries of the dataset."""
    if isinstance(contract, str):
        contract = load_contracts()[contract]
    process.take_in(settings, contract)
    with Ledger(settings) as ledger:
        for delivery in ledger.deliveries(contract.dataset, status="landed"):
            ledger.decide(delivery, is_accepted=True, notes=[], problems=[])
        return ledger.deliveries(contract.dataset)


def landed(settings: Settings, select: str) -> list[tuple[Any, ...]]:
    """Rows of the landing database, which has a view of each dataset's rows that stand."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "landing.duckdb"
        store.write_landing_database(settings, file)
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(select).fetchall()


def problems(settings: Settings, dataset: str) -> list[tuple[int | None, str | None, str]]:
    """Line, column and rule of all that was quarantined of a dataset."""
    with Ledger(settings) as ledger:
        return [(problem.line, problem.column, problem.rule) for problem in ledger.problems(dataset=dataset)]


def kept_files(settings: Settings) -> list[Path]:
    """All files of the home but those of the inbox: where nothing personal may stand."""
    files = [file for file in settings.home.rglob("*") if file.is_file() and "inbox" not in file.parts]
    assert files
    return files


@dataclass(frozen=True)
class Spoilt:
    """A field of the first row that has the texts in `of` is changed; the column and the rule that must be named."""

    dataset: str
    of: dict[str, str]
    change: dict[str, str]
    column: str
    rule: str


@dataclass(frozen=True)
class Synthetic:
    """An inbox with the synthetic municipality's deliveries of some datasets, and the truth of each.

    `encodings` says how a source writes where it writes no UTF-8 with its mark.
    """

    inbox: Path
    truth: dict[str, Any]
    population: Population
    encodings: dict[str, str]

    @classmethod
    def of(
        cls, inbox: Path, *datasets: str, nights: Nights = "week", encodings: dict[str, str] | None = None
    ) -> Synthetic:
        filled = fill(inbox, nights=nights, only=datasets)
        return cls(inbox, filled.truth, filled.population, encodings or {})

    def home(self, folder: Path) -> Settings:
        """A new warehouse home below `folder` that reads this inbox."""
        return Settings(home=folder / "home", inputs=self.inbox, key_file=folder / "key")

    def newest(self, dataset: str) -> Path:
        """The last file of a dataset."""
        return max((self.inbox / dataset).iterdir(), key=lambda file: file.stem.rpartition("_")[2])

    def lines(self, file: Path) -> list[list[str]]:
        """The fields of all lines of a file, the header first."""
        text = file.read_text(self.encodings.get(file.parent.name, "utf-8-sig"))
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))

    def rows(self, file: Path) -> list[dict[str, str]]:
        """The rows of a file by the names of its header."""
        header, *rows = self.lines(file)
        return [dict(zip(header, row, strict=False)) for row in rows]

    def spoil(self, settings: Settings, spoilt: Spoilt) -> int:
        """Write the newest file with the fault into another inbox; returns the line where it stands."""
        source = self.newest(spoilt.dataset)
        lines = self.lines(source)
        header = lines[0]
        line = next(
            number
            for number, row in enumerate(lines[1:], start=2)
            if all(row[header.index(name)] == value for name, value in spoilt.of.items())
        )
        for name, value in spoilt.change.items():
            lines[line - 1][header.index(name)] = value
        self._write(settings, source, lines)
        return line

    def assert_quarantines(self, settings: Settings, spoilt: Spoilt) -> None:
        """The spoilt row of the newest file, and no other, goes to quarantine, by line, column and rule."""
        line = self.spoil(settings, spoilt)
        (delivery,) = take_in(settings, spoilt.dataset)
        assert delivery.quarantined_count == 1
        assert delivery.row_count == delivery.landed_count + 1
        assert (line, spoilt.column, spoilt.rule) in problems(settings, spoilt.dataset)

    def assert_refuses_another_header(self, settings: Settings, dataset: str) -> None:
        """The newest file with another name of its first column is rejected, and the name that is missing is told."""
        source = self.newest(dataset)
        lines = self.lines(source)
        first = lines[0][0]
        assert first == load_contracts()[dataset].columns[0].source_name
        self._write(settings, source, [["Løbenr", *lines[0][1:]], *lines[1:]])
        (delivery,) = take_in(settings, dataset)
        assert delivery.status == "rejected"
        with Ledger(settings) as ledger:
            (problem,) = ledger.problems(dataset=dataset)
        assert f"missing: {first}" in problem.reason

    def _write(self, settings: Settings, source: Path, lines: list[list[str]]) -> None:
        dataset = source.parent.name
        file = settings.inbox / dataset / source.name
        file.parent.mkdir(parents=True)
        with file.open("w", encoding=self.encodings.get(dataset, "utf-8-sig"), newline="") as stream:
            csv.writer(stream, delimiter=";", lineterminator="\r\n").writerows(lines)
