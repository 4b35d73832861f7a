"""Links: which data of two purposes may be brought together, what for, by whose consent, and what leads across.

Keys of two purposes have nothing to do with each other, so a row of one is found in the other only through a link that
`links.yaml` declares: a row of `from` is linked if its child has a row in `to` of that day or later. The link has a
vault of its own, made as the others are (digest under the link's own key → random number; rotation, replaced numbers
and erasure work alike), which keeps for each person the keys of the two datasets and of no other. It is filled while
the two datasets land, since only then are the numbers in memory, and a child's link works from the first delivery on
that lands after the link was declared. Replacement numbers are never noted.

What leaves the landing process (`linking.py`) is one row a linked row of `from` with the declared columns: no key, no
number of a record, no day, nothing of the other purpose but that a row is there. So the rows of a link can't be joined
back to a child of either purpose, which pairs of keys in a table of their own could.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.errors import WarehouseError
from include.landing.contract import Contract, Text, load_contracts
from include.landing.persons import SCHEMA, Key, PersonNumber, Vault, vault_file
from include.settings import Settings

LINKS = Path(__file__).parent / "links.yaml"

SideName = Literal["from", "to"]
SIDES: tuple[SideName, ...] = get_args(SideName)

_UNLINKED = "trivsel"
"""Answers to the wellbeing measurement link to nothing."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Side(_Part):
    """The rows of one dataset that a link is about.

    `condition` is DuckDB's, over delivered columns of one row; a row counts from the day in `date` on.
    """

    dataset: str
    key: str
    date: str
    condition: str = "true"


class Consent(_Part):
    """Who has consented: rows of a dataset of the same purpose as `from` that fulfil `condition`.

    `given` and `ended` are DuckDB's expressions, days; `ended` is empty while a consent holds. Whoever withdraws,
    withdraws for the child: on a day a consent holds if it was given after all that had ended by then.
    """

    dataset: str
    key: str
    condition: str
    given: str
    ended: str


class LinkColumn(_Part):
    """What leaves with a linked row: an expression over delivered columns of `from`, never a key or a day."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: str
    expression: str
    description: Text


class LinkRetention(_Part):
    """Rows of `from` that are older are not linked, whatever their own dataset's retention says."""

    years: int = Field(gt=0)


class Link(_Part):
    """All that is declared about bringing two purposes together."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: Text
    each_row_is_a: str
    purpose: Text
    owner: str
    legal_basis: str = Field(min_length=1)
    from_: Side = Field(alias="from")
    to: Side
    consent: Consent
    columns: list[LinkColumn] = Field(min_length=1)
    retention: LinkRetention

    @property
    def domain(self) -> str:
        """The domain of the rows that are linked."""
        return load_contracts()[self.from_.dataset].domain

    @property
    def table(self) -> str:
        """What dbt sees."""
        return f"link_{self.name}"

    @property
    def vault_purpose(self) -> str:
        """What the link's vault is called where those of purposes have the purpose."""
        return f"link_{self.name}"

    @property
    def datasets(self) -> tuple[str, str, str]:
        """Those of the rows and of the consents."""
        return self.from_.dataset, self.to.dataset, self.consent.dataset

    def sides(self, dataset: str) -> dict[SideName, Side]:
        """The sides that are rows of a dataset."""
        return {name: side for name in SIDES if (side := self.side(name)).dataset == dataset}

    def side(self, name: SideName) -> Side:
        """The side of that name."""
        return self.from_ if name == "from" else self.to

    def purpose_of(self, name: SideName) -> str:
        """The purpose of a side's keys."""
        return _purpose(load_contracts()[self.side(name).dataset], self.side(name).key)


@cache
def load_links() -> dict[str, Link]:
    """All declared links by name. Raises WarehouseError where one is not sound, see `parse_links`."""
    return parse_links(yaml.safe_load(LINKS.read_text("utf-8")))


def link_between(purpose: str, other: str) -> Link:
    """The link from one purpose to another. Raises WarehouseError if none is declared."""
    for link in load_links().values():
        if (link.purpose_of("from"), link.purpose_of("to")) == (purpose, other):
            return link
    raise WarehouseError(
        f"no link from {purpose} to {other} is declared.",
        remedy="declare it with its purpose, legal basis and consent rule, or do without",
        where=LINKS.name,
    )


def parse_links(content: Any) -> dict[str, Link]:
    """The links that a declaration holds, by name.

    Raises WarehouseError if one is incomplete (above all: without a consent rule), is from or to answers to the
    wellbeing measurement or within one purpose, names what is not there, keeps rows longer than their datasets, or
    lets a key, a number of a record or a day leave.
    """
    found: dict[str, Link] = {}
    for told in content["links"]:
        name = str(told.get("name"))
        if not told.get("consent"):
            raise _unsound(name, "it has no consent rule", "say which dataset tells whose consent holds")
        try:
            link = Link.model_validate(told)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise _unsound(name, f"it is not complete ({wrong})", "correct the declaration") from None
        if name in found:
            raise _unsound(name, "another link has its name", "give it a name of its own")
        _check(link)
        found[name] = link
    return found


def _check(link: Link) -> None:
    _check_keys(link)
    _check_days(link)
    contracts = load_contracts()
    origin, target = contracts[link.from_.dataset], contracts[link.to.dataset]
    secret = {column.name for column in (*origin.person_columns, *target.person_columns)}
    secret |= {*origin.keys} | {column.name for column in origin.columns if column.derived or column.personal}
    days = {column.name for column in origin.landed_columns if column.type == "DATE"}
    for column in link.columns:
        used = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", column.expression.lower())))
        if used & secret or column.name in secret:
            raise _unsound(link.name, f"its column {column.name} tells a key or a person", "leave it out")
        if column.type in {"DATE", "TIMESTAMP"} or column.expression.strip() in days:
            raise _unsound(link.name, f"its column {column.name} tells a day", "tell a month or a year instead")


def _check_keys(link: Link) -> None:
    contracts = load_contracts()
    if unknown := sorted(set(link.datasets) - contracts.keys()):
        raise _unsound(link.name, f"{', '.join(unknown)} is no dataset", "name one that has a contract")
    if _UNLINKED in {column.purpose for one in link.datasets for column in contracts[one].person_columns}:
        raise _unsound(
            link.name, "answers to the wellbeing measurement are linked to nothing", "leave that dataset as it stands"
        )
    for part in (link.from_, link.to, link.consent):
        if part.key not in {column.name for column in contracts[part.dataset].person_columns}:
            raise _unsound(link.name, f"{part.key} of {part.dataset} is no key of a person", "name the key's column")
    if link.purpose_of("from") == link.purpose_of("to"):
        raise _unsound(link.name, "both datasets are of one purpose", "join them by their keys, without a link")
    if _purpose(contracts[link.consent.dataset], link.consent.key) != link.purpose_of("from"):
        raise _unsound(
            link.name,
            "its consents are of another purpose than the rows that they are asked for",
            "turn the link round, or take consents that come with the purpose it is from",
        )


def _check_days(link: Link) -> None:
    contracts = load_contracts()
    for side in map(link.side, SIDES):
        if side.date not in {c.name for c in contracts[side.dataset].landed_columns if c.type == "DATE"}:
            raise _unsound(link.name, f"{side.date} of {side.dataset} is no date that lands", "name a column of days")
    if link.retention.years > min(contracts[link.side(name).dataset].retention.years for name in SIDES):
        raise _unsound(link.name, "it would keep longer than its datasets are kept", "shorten its retention")


def _purpose(contract: Contract, key: str) -> str:
    return next(str(column.purpose) for column in contract.person_columns if column.name == key)


def _unsound(name: str, reason: str, remedy: str) -> WarehouseError:
    return WarehouseError(f"link {name}: {reason}.", remedy=remedy, where=LINKS.name)


_SCHEMA = (
    SCHEMA
    + """
create table if not exists linked (
    person_key integer not null,
    side text not null check (side in ('from', 'to')),
    domain_key integer not null,
    primary key (person_key, side, domain_key)
) without rowid;
"""
)


class LinkVault(Vault):
    """The vault of one declared link: for each person the keys that its rows have in the two datasets."""

    _schema = _SCHEMA
    _of_person = (*Vault._of_person, "linked")

    def __init__(self, settings: Settings, link: Link, key: Key) -> None:
        if load_links().get(link.name) != link:
            raise _unsound(link.name, "it is not declared", "declare it with its purpose and its consent rule")
        super().__init__(settings, link.vault_purpose, key)
        self.link = link

    def note(self, side: SideName, keys: Mapping[PersonNumber, int]) -> None:
        """Keep under which keys persons have rows on one side. Replacement numbers are passed over."""
        lasting = {number: its for number, its in keys.items() if number.status == "person"}
        if not lasting:
            return
        own = self.person_keys(list(lasting))
        with self._connect() as connection, connection:
            connection.executemany(
                "insert or ignore into linked values (?, ?, ?)",
                [(own[number.digits], side, domain_key) for number, domain_key in lasting.items()],
            )

    def partners(self, keys: Collection[int], same: Mapping[SideName, Mapping[int, int]]) -> list[tuple[int, int]]:
        """Of persons with one of these keys on the side `from`: that key, and each that they have on the side `to`.

        `same` leads from keys that are no person's own any more to the one that is, as in the landing views. Of
        others than those asked for nothing is told: who has not consented is not asked for.
        """
        if not self.file.exists():
            return []
        with self._connect() as connection:
            connection.execute("begin immediate")
            self._check_key(connection)
            linked: dict[int, dict[str, set[int]]] = defaultdict(lambda: {name: set() for name in SIDES})
            for own, side, domain_key in connection.execute("select person_key, side, domain_key from linked"):
                linked[own][side].add(same[side].get(domain_key, domain_key))
            asked, found = set(keys), set()
            for its in self._persons(connection).values():
                known = [linked[own] for own in its if own in linked]
                here = {one for sides in known for one in sides["from"]} & asked
                found |= {(one, other) for one in here for sides in known for other in sides["to"]}
        return sorted(found)

    def remove_linked(self, keys: Mapping[str, Collection[int]], numbers: Collection[PersonNumber] = ()) -> None:
        """Erase persons by numbers, and by their keys in the purposes of the two sides, with all that leads to them."""
        if not self.file.exists():
            return
        wanted = {(side, one) for side in SIDES for one in keys.get(self.link.purpose_of(side), ())}
        with self._connect() as connection:
            rows = connection.execute("select person_key, side, domain_key from linked").fetchall()
        self.remove({own for own, side, one in rows if (side, one) in wanted}, numbers)

    def keep_only(self, landed: Mapping[SideName, Collection[int]]) -> None:
        """Drop keys that have no landed row left on their side, and persons who have none at all."""
        if not self.file.exists():
            return
        with self._connect() as connection:
            rows = connection.execute("select person_key, side, domain_key from linked").fetchall()
            gone = [row for row in rows if row[2] not in landed[row[1]]]
            staying = {own for own, side, one in rows if one in landed[side]}
            with connection:
                connection.executemany("delete from linked where person_key = ? and side = ? and domain_key = ?", gone)
            without = [its for its in self._persons(connection).values() if not its & staying]
        self.remove(set().union(*without))


def link_vault_file(settings: Settings, link: Link) -> Path:
    """Where a link's vault lies; it is there once a row of the link has landed."""
    return vault_file(settings, link.vault_purpose, settings.municipality_code)
