"""The children's houses of the five districts; the seed `daycare_house` says the same, and a test holds them together.

The documents name five districts with four to six houses each, and one house: Børnehuset Globen in Hedegården.
"""

from __future__ import annotations

from dataclasses import dataclass

DISTRICTS = {"BAL": "Baltorp", "SKL": "Skovlunde", "SKV": "Skovvejen", "MAA": "Måløvhøj", "HED": "Hedegården"}
"""Names by code, as the seed `district` has them."""

HOUSES_OF = {"BAL": 5, "SKL": 6, "SKV": 5, "MAA": 4, "HED": 5}
"""How many houses each district has."""

GLOBEN = "HED-01"


@dataclass(frozen=True)
class House:
    """A children's house: its code, name, and the code of its district."""

    code: str
    name: str
    district: str


HOUSES = tuple(
    House(
        code=f"{district}-{number:02d}",
        name="Børnehuset Globen"
        if f"{district}-{number:02d}" == GLOBEN
        else f"Børnehuset {DISTRICTS[district]} {number}",
        district=district,
    )
    for district, count in HOUSES_OF.items()
    for number in range(1, count + 1)
)
PROJECT_HOUSES = tuple(house for house in HOUSES if house.district in ("BAL", "HED"))
"""The ten houses of Sammen om Børn, which works in Baltorp and Hedegården."""
