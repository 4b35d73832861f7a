"""What landing costs beside one hand-written DuckDB statement that does the same; `python benchmarks/landing.py`.

The statement reads the file, checks the same rules, joins keys that lie ready, and writes the same Parquet. What it
spares itself: recognising the encoding, the file's hash, telling which rule failed in which line, HMAC and vault, a
durable file and the ledger. `--copies` makes a file that many times larger than one of the `city` size.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from include.demo.municipality import generate
from include.landing import process
from include.landing.contract import load_contracts
from include.settings import Settings
from include.sources.prisme import account_sql
from include.sources.text import TextFile, number_sql, recognise

ROUNDS = 5


def handwritten_absence(file: str, keys: str, target: Path) -> str:
    """One statement for `absence_days`: read, check, join, write."""
    return f"""
        copy (
            with read as (
                select * from read_csv('{file}', delim = ';', header = true, all_varchar = true, auto_detect = false,
                    columns = {{'Personnummer': 'varchar', 'Institutionsnummer': 'varchar', 'Dato': 'varchar',
                        'Fraværsart': 'varchar', 'Registreret': 'varchar', 'Bemærkning': 'varchar'}})
            ),
            typed as (
                select k.person_key, Institutionsnummer as institution_number,
                    try_strptime(Dato, '%d-%m-%Y')::date as absence_date, Fraværsart as absence_kind,
                    try_strptime(Registreret, '%d-%m-%Y')::date as registered_date, Registreret
                from read left join {keys} as k on k.number = Personnummer
            )
            select person_key, institution_number, absence_date, absence_kind, registered_date,
                '151' as municipality_code, '0123456789abcdef' as delivery_id
            from typed
            where person_key is not null and regexp_full_match(institution_number, '\\d{{6}}')
                and absence_date between date '1900-01-01' and date '2100-01-01'
                and absence_kind in ('Sygdom', 'Lovligt', 'Ulovligt')
                and (Registreret is null or registered_date >= absence_date)
            qualify count(*) over (partition by person_key, absence_date) = 1
        ) to '{target}' (format parquet, compression zstd)
    """


def handwritten_ledger(file: str, keys: str, target: Path) -> str:
    """One statement for `ledger_postings` (the text already UTF-8): read, parse the account string, check, write."""
    parts = ", ".join(f"{sql} as {name}" for name, sql in account_sql("Kontostreng").items())
    headers = [column.header for column in load_contracts()["ledger_postings"].columns if column.header]
    columns = ", ".join(f"'{header}': 'varchar'" for header in headers)
    return f"""
        copy (
            with read as (
                select * from read_csv('{file}', delim = ';', header = true, auto_detect = false,
                    columns = {{{columns}}})
            ),
            typed as (
                select try_strptime(Bogføringsdato, ['%d-%m-%Y', '%d.%m.%Y', '%Y%m%d'])::date as posting_date,
                    Bilagsnr as voucher_number, try_cast(Linjenr as uinteger) as voucher_line,
                    Finanskontoalias as account_alias, Kontostreng as account_string,
                    try_cast({number_sql("Beløb", 2)} as decimal(15, 2)) as amount_dkk, {parts}
                from read where Bogføringsdato != 'Total'
            )
            select *, '151' as municipality_code, '0123456789abcdef' as delivery_id
            from typed
            where posting_date between date '1900-01-01' and date '2100-01-01' and voucher_line is not null
                and regexp_full_match(account_alias, '[A-Z0-9]{{4,12}}') and amount_dkk is not null
                and account_form is not null and regexp_full_match(account_number, '\\d{{9}}')
            qualify count(*) over (partition by voucher_number, voucher_line) = 1
        ) to '{target}' (format parquet, compression zstd)
    """


STATEMENTS: dict[str, Callable[[str, str, Path], str]] = {
    "absence_days": handwritten_absence,
    "ledger_postings": handwritten_ledger,
}


def enlarge(file: Path, target: Path, copies: int, dataset: str) -> None:
    """Repeat the rows of a file; keys stay unique by a changed day or voucher."""
    source = recognise(file)
    with source.open() as stream:
        header, *lines = stream.read().splitlines(keepends=True)
    with target.open("w", encoding=source.encoding, newline="") as out:
        out.write(header)
        if dataset == "absence_days":
            for copy in range(copies):
                out.writelines(_years_later(line, copy) for line in lines if "29-02-" not in line)
            return
        rows, total = lines[:-1], lines[-1].split(";")
        for copy in range(copies):
            for line in rows:
                day, voucher, rest = line.split(";", 2)
                out.write(f"{day};{voucher}{copy};{rest}")
        column = header.rstrip("\r\n").split(";").index("Beløb")
        total[column] = _times(total[column], copies)
        out.write(";".join(total))


def _times(written: str, copies: int) -> str:
    sign = -1 if "-" in written else 1
    oere = sign * int("".join(c for c in written if c.isdigit())) * copies
    return f"{'-' if oere < 0 else ''}{abs(oere) // 100},{abs(oere) % 100:02}"


def _years_later(line: str, years: int) -> str:
    person, school, day, kind, registered, rest = line.split(";", 5)
    registered = registered and registered[:6] + str(int(registered[6:]) + years)
    return f"{person};{school};{day[:6]}{int(day[6:]) + years};{kind};{registered};{rest}"


def measure(work: Callable[[], object]) -> float:
    """The median of some rounds, in seconds."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def benchmark(dataset: str, file: Path, folder: Path) -> str:
    """Land a file and run the statement over it, both some times; one line of figures."""
    contract = load_contracts()[dataset]
    settings = Settings(home=folder / f"home-{dataset}", key_file=folder / "key", inputs=folder / f"inbox-{dataset}")
    inbox = settings.inbox / dataset
    inbox.mkdir(parents=True)
    shutil.copy(file, inbox / file.name)

    def land() -> None:
        # Landing again what was landed: the ledger must not know it.
        settings.ledger_file.unlink(missing_ok=True)
        process.take_in(settings, contract)

    settings.landing.mkdir(parents=True)
    with contextlib.redirect_stderr(io.StringIO()):
        land()
        ours = measure(land)
    source: TextFile = recognise(file)
    plain = folder / "plain.csv"
    with source.open() as stream, plain.open("w", encoding="utf-8", newline="") as out:
        shutil.copyfileobj(stream, out)
    connection = duckdb.connect(config={"threads": settings.threads})
    connection.execute("create table keys (number varchar, person_key uinteger)")
    if contract.about_persons:
        connection.execute(
            f"""insert into keys select number, row_number() over () from (select distinct Personnummer as number
                from read_csv('{plain}', delim = ';', header = true, all_varchar = true))"""
        )
    statement = STATEMENTS[dataset](str(plain), "keys", folder / "hand.parquet")
    connection.execute(statement)
    theirs = measure(lambda: connection.execute(statement))
    (rows,) = connection.execute(f"select count(*) from '{folder / 'hand.parquet'}'").fetchone() or (0,)
    megabytes = file.stat().st_size / 1e6
    return (
        f"{dataset:16} {rows:>10,} rows {megabytes:8.1f} MB   landing {rows / ours:>10,.0f} rows/s ({ours:.2f} s)   "
        f"statement {rows / theirs:>10,.0f} rows/s ({theirs:.2f} s)   ratio {theirs / ours:.2f}"
    )


def main() -> None:
    """Generate `city`, take the largest file of each dataset, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 12], help="how many times larger than a city file")
    parser.add_argument("--inbox", type=Path, help="a synthetic inbox that lies ready")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inbox = arguments.inbox or generate(folder / "inbox", size="city").inbox
        for copies, dataset in itertools.product(arguments.copies, STATEMENTS):
            largest = max((inbox / dataset).glob("*.csv"), key=lambda file: file.stat().st_size)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                # Long before any night: the dates of copies lie in other years.
                file = Path(scratch) / f"{dataset}_20200101-20491231_20260612.csv"
                enlarge(largest, file, copies, dataset)
                print(benchmark(dataset, file, Path(scratch)), flush=True)


if __name__ == "__main__":
    main()
