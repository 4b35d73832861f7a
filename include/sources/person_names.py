"""Whether a remark names a person, by how Danish writes names.

Danish begins only names with a capital inside a sentence, so two such words in a row that nobody knows as a place, a
house or a project are taken for a person; so is what follows "hr." or "fru", a common given name or surname alone, and
an e-mail address. The lists are in `person_names.yaml` and the seeds that it names. Wrong in both ways at times: a
single rare name passes, and a project that is in no list is held back; in quotation marks its name is taken for that of
a thing, unless it is made of common names of people.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from include.settings import PROJECT_ROOT

LISTS = Path(__file__).with_name("person_names.yaml")
SEEDS = PROJECT_ROOT / "dbt_project" / "seeds"

_WORD = re.compile(r"[^\W\d_]+(?:[-’'][^\W\d_]+)*")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w")
_QUOTED = re.compile(r"[\"“”„»«](?:[^\"“”„»«]*)[\"“”„»«]|[‘](?:[^‘’]*)[’]")
_NEW_SENTENCE = re.compile(r"[.!?:;•·*–—\n(\[\"“”„»«‘]")
_ORDINARY_ENDINGS = (
    *("en", "et", "er", "erne", "ne", "ede", "te", "t", "else", "ing", "tion", "hed", "skab", "dom", "ig", "sk", "isk"),
    *("lige", "ende", "ligt", "ner", "nde", "ske"),
)
"""How Danish words end that begin a sentence before a name: definite nouns, verbs, adjectives."""
_BLANKS_AND_QUOTES = ' \t\n\xa0"“”„»«‘’'
_PATRONYMIC = "sen"
_TWO = 2


@dataclass(frozen=True)
class _Lists:
    given: frozenset[str]
    given_and_words: frozenset[str]
    surnames: frozenset[str]
    titles: frozenset[str]
    particles: frozenset[str]
    kinds: frozenset[str]
    openers: frozenset[str]
    words: frozenset[str]
    place_endings: tuple[str, ...]
    phrases: re.Pattern[str]


@dataclass(frozen=True)
class _Token:
    """A word. `before` is what stands between it and the word before, without the full stop of an initial or title."""

    text: str
    before: str
    is_begun: bool
    """It begins a sentence, so that its capital says nothing."""
    is_quoted: bool
    is_known: bool
    """It is part of a phrase that the lists know."""

    @property
    def is_apart(self) -> bool:
        """Something else than blanks stands before it; a new line too."""
        return not self.before or bool(self.before.strip(" \t\xa0"))

    @property
    def is_initial(self) -> bool:
        return len(self.text) == 1 and self.text.isupper()

    @property
    def is_capitalised(self) -> bool:
        return self.text[0].isupper() and (self.is_initial or not self.text.isupper())

    @property
    def forms(self) -> tuple[str, ...]:
        """The word in small letters, with and without a genitive's s."""
        word = self.text.casefold().replace("’", "'")
        return tuple(dict.fromkeys((word, word.removesuffix("'s"), word.removesuffix("'"), word.removesuffix("s"))))


def names_a_person(text: str) -> bool:
    """True if a person seems to be named; where and who stays here."""
    if _ADDRESS.search(text):
        return True
    lists = _lists()
    tokens = list(_tokens(text, lists))
    runs = list(_runs(tokens, lists))
    things = {place for run in runs if _names_a_thing(tokens, run, lists) for place in run}
    return (
        any(_is_name_alone(token, lists) for place, token in enumerate(tokens) if place not in things)
        or any(
            _is_named_by_the_one_before(*pair, lists)
            for place, pair in enumerate(itertools.pairwise(tokens))
            if place not in things
        )
        or any(_is_name_of_several([tokens[place] for place in run], lists) for run in runs if not things & {*run})
    )


@cache
def _lists() -> _Lists:
    told: dict[str, Any] = yaml.safe_load(LISTS.read_text("utf-8"))
    names = [*told["phrases"], *(name for seed, column in told["seeds"].items() for name in _of_seed(seed, column))]

    def words(name: str) -> frozenset[str]:
        return frozenset(told[name].casefold().split())

    parts = frozenset(
        word.casefold() for name in names for word in _WORD.findall(name) if word[0].isupper() and len(word) > 1
    )
    longest_first = sorted({" ".join(name.split()) for name in names}, key=len, reverse=True)
    return _Lists(
        given=words("given_names"),
        given_and_words=words("given_names_and_words"),
        surnames=words("surnames"),
        titles=words("titles"),
        particles=words("particles"),
        kinds=words("kinds"),
        openers=words("openers"),
        words=words("words") | parts,
        place_endings=tuple(told["place_endings"].split()),
        phrases=re.compile(
            r"\b(?:"
            + "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in longest_first)
            + r")(?:ens|ets|ernes|s)?\b",
            re.IGNORECASE,
        ),
    )


def _of_seed(seed: str, column: str) -> Iterator[str]:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as stream:
        yield from (row[column] for row in csv.DictReader(stream))


def _tokens(text: str, lists: _Lists) -> Iterator[_Token]:
    known = [found.span() for found in lists.phrases.finditer(text)]
    quoted = [found.span() for found in _QUOTED.finditer(text)]
    end, goes_on = 0, False
    for found in _WORD.finditer(text):
        before = text[end : found.start()]
        if goes_on:  # the full stop after an initial or a title ends no sentence
            before = before.removeprefix(".") or " "
        yield _Token(
            found[0],
            before,
            is_begun=not end or _NEW_SENTENCE.search(before) is not None,
            is_quoted=_lies_in(found.start(), quoted),
            is_known=_lies_in(found.start(), known),
        )
        end = found.end()
        goes_on = (len(found[0]) == 1 and found[0].isupper()) or found[0].casefold() in lists.titles


def _lies_in(place: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(first <= place < last for first, last in spans)


def _is(token: _Token, names: frozenset[str]) -> bool:
    return any(form in names for form in token.forms)


def _is_given(token: _Token, lists: _Lists) -> bool:
    return _is(token, lists.given) or any(part in lists.given for part in token.text.casefold().split("-"))


def _is_name_alone(token: _Token, lists: _Lists) -> bool:
    """A common given name, or a common surname in -sen."""
    if token.is_known or not token.text[0].isupper():
        return False
    return _is_given(token, lists) or any(form in lists.surnames and form.endswith(_PATRONYMIC) for form in token.forms)


def _is_named_by_the_one_before(first: _Token, second: _Token, lists: _Lists) -> bool:
    """Behind a title; or given name and surname, whatever their letters."""
    if second.is_apart or second.is_known:
        return False
    if first.text.casefold() in lists.titles:
        return second.text[0].isupper()
    return _is_given(first, lists) and _is(second, lists.surnames)


def _runs(tokens: Sequence[_Token], lists: _Lists) -> Iterator[list[int]]:
    """The places of capitalised words in a row that no list knows as words; small words inside names are left out."""
    run: list[int] = []
    for place, token in enumerate(tokens):
        if run and not token.is_apart and token.text.casefold() in lists.particles:
            continue
        joins = token.is_capitalised and not _is_word(token, lists)
        if run and (not joins or token.is_apart):
            yield run
            run = []
        if joins:
            run = [*run, place]
    if run:
        yield run


def _is_word(token: _Token, lists: _Lists) -> bool:
    return token.is_known or (_is(token, lists.words | lists.kinds) and not _is(token, lists.given))


def _names_a_thing(tokens: Sequence[_Token], run: Sequence[int], lists: _Lists) -> bool:
    """Beside a word that says what it is, or ending as places do: a street, a house, a project.

    What stands in quotation marks is the name of a thing if it has no common name of a person.
    """
    first, last = run[0], run[-1]
    kind = first - 2 if first > 1 and tokens[first - 1].text == "for" else first - 1  # "Rådet for Socialt Udsatte"
    if kind >= 0 and not tokens[first].before.strip(_BLANKS_AND_QUOTES) and _is(tokens[kind], lists.kinds):
        return not any(_is(tokens[place], lists.surnames) for place in run[1:])
    after = tokens[last + 1] if last + 1 < len(tokens) else None
    if after is not None and not after.is_apart and after.text[0].isupper() and _is(after, lists.kinds):
        return True
    if tokens[first].is_quoted:
        return not any(_is_given(tokens[place], lists) for place in run)
    ends_as_places_do = tokens[last].text.casefold().endswith(lists.place_endings)
    return ends_as_places_do and not _is(tokens[last], lists.given | lists.surnames)


def _is_name_of_several(run: Sequence[_Token], lists: _Lists) -> bool:
    """Two names or more; a word that begins a sentence counts as one if it is no ordinary word."""
    words = list(run[1:] if run[0].is_begun and _is_ordinary(run[0], lists) else run)
    while words and words[-1].is_initial:  # "Fase I", "Model B"
        words.pop()
    return len(words) >= _TWO


def _is_ordinary(token: _Token, lists: _Lists) -> bool:
    if _is(token, lists.given | lists.given_and_words):
        return False
    word = token.text.casefold()
    return word in lists.openers or word.endswith(_ORDINARY_ENDINGS)
