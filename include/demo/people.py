"""Made-up people: CPR numbers that no real person can have, and names.

The numbers have the right form (day, month, year, a seventh digit of the right century, the last digit odd for boys;
cpr.dk, "Opbygning af CPR-nummeret") but fail modulus 11 on birthdays other than 1 January. All real numbers without
the check digit were issued for 1 January, so these belong to nobody.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

Texts = NDArray[np.str_]
Ints = NDArray[np.int64]
Days = NDArray[np.datetime64]

CPR_WEIGHTS = np.array([4, 3, 2, 7, 6, 5, 4, 3, 2, 1])
"""The weights of the modulus 11 check."""

_FIRST_SERIAL_OF_2000S = 4000
"""For births in 2000-2036 the seventh digit is 4 to 9, for those in 1937-1999 it may be 0 to 3."""

_AVOIDED_SERIALS = np.array([4037, 4039, 5050, 5054, 5056, 6062])
"""Four digits that also end account strings; left out so that a search for a CPR number can't hit an account."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIRLS = _words(
    "Agnes Alberte Alma Amina Anna Asta Astrid Aya Barbara Bodil Caroline Clara Dagmar Ebba Ella Ellen Emma Esther "
    "Filippa Freja Frida Gry Gudrun Hannah Ida Ingeborg Isabella Johanne Josefine Karen Karla Katrine Laura Leonora "
    "Lilly Liv Liva Maja Malou Marie Mathilde Merle Naja Nora Olivia Rigmor Rosa Saga Sara Selma Signe Silje Sofia "
    "Solvej Sølvi Thea Tilde Vigga Vilma Yasmin Åse Élise"
)
BOYS = _words(
    "Adam Aksel Albert Alfred Anker Anton Arthur Asger August Bertram Birk Bjørn Carl Christian Ditlev Ebbe Elias Emil "
    "Erik Esben Felix Frederik Georg Gorm Gustav Hans Hjalte Holger Hugo Ibrahim Isak Jeppe Johan Jonathan Kalle Karim "
    "Konrad Lauge Liam Loui Lucas Magnus Malthe Marius Mikkel Milas Noah Oliver Oskar Otto Philip Rasmus Rumle Sigurd "
    "Storm Søren Theo Thor Valdemar Viggo Villads Walther Yusuf Ørn"
)
SURNAMES = _words(
    "Abildgaard Agerskov Ahmadi Amstrup Balslev Bang Bech Birkedal Bjerregaard Bork Brandt Bruun Byskov Carstensen "
    "Çelik Dalsgaard Degn Ditlevsen Ebbesen Elkjær Enevoldsen Fabricius Faurholt Fjord Frandsen Friis Færch Gade "
    "Gammelgaard Gjerløv Grønbæk Haagensen Halkjær Haugaard Hedemand Holm Højgaard Ibsen Iversen Jastrup Jessen Juul "
    "Kaczmarek Kjeldgaard Klausen Kofoed Krogh Kvist Kærgaard Langballe Lauridsen Lindegaard Lykke Løvstrøm Mahmoud "
    "Meldgaard Mikkelborg Molbech Munk Møllegaard Nordentoft Nygaard Nørrelund Odgaard Overby Paludan Pilegaard "
    "Quistgaard Rahbek Ravn Riis Rosenkilde Rytter Sandbæk Skaarup Skovgaard Sloth Smidstrup Staal Strandvig Søgaard "
    "Tang Thestrup Thorup Toft Tranberg Uldall Vadgaard Vestergaard Villadsen Vinther Wedel Wichmann Yıldız Østerby "
    "Ågaard Šarić"
)
"""Yıldız and Šarić can't be written in Windows-1252 as a whole: the school's files are UTF-8, the ledger's are not."""


def cpr_numbers(
    rng: np.random.Generator, birth_days: Days, is_male: NDArray[np.bool_], *, avoid: Collection[str] = ()
) -> Texts:
    """Ten digits for each person; `birth_days` are in 1937-2036 and never a 1 January. All different, none of `avoid`.

    Raises ValueError if a birthday is a 1 January or outside 1937-2036.
    """
    years = birth_days.astype("datetime64[Y]").astype(int) + 1970
    months = birth_days.astype("datetime64[M]").astype(int) % 12 + 1
    days = (birth_days - birth_days.astype("datetime64[M]")).astype(int) + 1
    if ((years < 1937) | (years > 2036) | ((months == 1) & (days == 1))).any():  # noqa: PLR2004
        raise ValueError("birthdays must be in 1937-2036 and not on 1 January")
    is_young = years >= 2000  # noqa: PLR2004
    lowest = np.where(is_young, _FIRST_SERIAL_OF_2000S // 2, 0)
    highest = np.where(is_young, 5000, _FIRST_SERIAL_OF_2000S // 2)
    taken = np.array(sorted(int(number) for number in avoid), dtype=np.int64)
    front = days * 10_000 + months * 100 + years % 100
    numbers = np.zeros(len(front), dtype=np.int64)
    open_ = np.arange(len(front))
    while len(open_):
        serials = rng.integers(lowest[open_], highest[open_]) * 2 + is_male[open_]
        numbers[open_] = front[open_] * 10_000 + serials
        _, first = np.unique(numbers, return_index=True)
        is_bad = np.ones(len(numbers), dtype=bool)
        is_bad[first] = False
        is_bad |= passes_modulus_11(numbers) | np.isin(numbers % 10_000, _AVOIDED_SERIALS) | np.isin(numbers, taken)
        open_ = np.flatnonzero(is_bad)
    return np.array([f"{number:010d}" for number in numbers.tolist()])


def passes_modulus_11(numbers: Ints) -> NDArray[np.bool_]:
    """True where a number of ten digits has the check digit that numbers had until 1 October 2007."""
    digits = numbers[:, None] // 10 ** np.arange(9, -1, -1) % 10
    result: NDArray[np.bool_] = (digits * CPR_WEIGHTS).sum(axis=1) % 11 == 0
    return result


def dashed(number: str) -> str:
    """Ten digits as `DDMMYY-SSSS`."""
    return f"{number[:6]}-{number[6:]}"


def full_names(rng: np.random.Generator, is_male: NDArray[np.bool_]) -> list[str]:
    """A first name, a middle name and a surname for each person; the last two differ."""
    size = len(is_male)
    girls, boys = rng.integers(len(GIRLS), size=size).tolist(), rng.integers(len(BOYS), size=size).tolist()
    last = rng.integers(len(SURNAMES), size=size)
    middle = ((last + rng.integers(1, len(SURNAMES), size)) % len(SURNAMES)).tolist()
    return [
        f"{BOYS[boy] if male else GIRLS[girl]} {SURNAMES[between]} {SURNAMES[surname]}"
        for male, boy, girl, between, surname in zip(is_male.tolist(), boys, girls, middle, last.tolist(), strict=True)
    ]
