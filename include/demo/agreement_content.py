"""What the synthetic municipality has agreed on: the initiatives of its budget agreements, all invented.

Numbers recur every year while some of them mean something else the year after, as they do in real agreements: the key
of an initiative is year and number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

SCHOOLS = "Center for Dagtilbud, Skoler og Klubber"
FAMILIES = "Center for Børne- og Ungerådgivning"
LEISURE = "Center for Kultur, Idræt og Fritid"
FINANCE = "Center for Økonomi"
PROPERTY = "Ejendomme"
HEALTH = "Social og Sundhed"
CITY = "By, Erhverv og Miljø"
JOBS = "Arbejdsmarkedscenter Ballerup"
SECRETARIAT = "Politisk Sekretariat"
DIGITAL = "Digitaliseringssekretariatet"
COMMON_LIFE = "Center for Fællesliv"
DAILY_LIFE, CULTURAL_LIFE = "Center for Hverdagsliv", "Center for Kulturliv"
"""A made-up centre that was split on 1 July 2025 into two, so that a split can be played (seed `center`)."""

CHILDREN = "Børne- og Skoleudvalget"
ECONOMY = "Økonomiudvalget"
EMPLOYMENT = "Erhvervs- og Beskæftigelsesudvalget"

YEARS = (2024, 2025, 2026)
"""The agreement years of the synthetic municipality."""

SECTIONS: Mapping[str, str] = {"3": "Børn og unge i trygge fællesskaber 0-25 år", "7": "Borgerne og byen"}
"""The agreement's sections that the committee follows, by the number before the dot."""


@dataclass(frozen=True)
class Initiative:
    """An initiative as the agreement names it. `initiative_id` such as `3.01`, or `3.03-2` for part 2."""

    initiative_id: str
    title: str
    initiative_type: Literal["drift", "anlæg", "drift og anlæg"]
    responsible_center: str
    contributors: tuple[str, ...] = ()
    committee: str = CHILDREN

    @property
    def section_title(self) -> str:
        """The title of the agreement's section that the initiative stands in."""
        return SECTIONS[self.initiative_id.partition(".")[0]]


_BASE = (
    Initiative("3.01", "Fælles læsestrategi for dagtilbud, indskoling og klub", "drift", SCHOOLS, (FAMILIES,)),
    Initiative("3.02", "Støtte i almenklassen", "drift", SCHOOLS, (FAMILIES, FINANCE)),
    Initiative("3.03-1", "Trivsel i ungdomslivet - del 1", "drift", HEALTH, (SCHOOLS, FAMILIES)),
    Initiative("3.03-2", "Trivsel i ungdomslivet - del 2 - Åben rådgivning", "drift", FAMILIES),
    Initiative(
        "3.03-3",
        "Trivsel i ungdomslivet - del 3 - Tidlig hjælp til elever med bekymrende højt skolefravær",
        "drift",
        FAMILIES,
        (SCHOOLS,),
    ),
    Initiative("3.04", "Familiens faste kontaktperson", "drift", FAMILIES, (SCHOOLS, HEALTH)),
    Initiative(
        "3.05",
        "Fra udskolingen til erhvervsuddannelse og de første job i kommunens virksomheder",
        "drift",
        SCHOOLS,
        (CITY, JOBS, FAMILIES),
    ),
    Initiative("3.06", "Musik i fritiden", "drift", LEISURE, (SCHOOLS,)),
    Initiative("3.08", "Evaluering af klubtilbuddene", "drift", SCHOOLS),
    Initiative("3.09", "Måltider i skoleboderne", "drift", SCHOOLS),
    Initiative("3.10", "UU-huset - flytning af 10. klasse", "drift", PROPERTY, (SCHOOLS,)),
    Initiative("3.11", "Sammenlægning af to juniorklubber", "drift", SCHOOLS),
    Initiative("3.12", "Analyse af åbningstiderne i dagtilbud og af behovet for pasning i ferier", "drift", SCHOOLS),
    Initiative("3.13", "Lejrskolen, evt. udlejning", "drift og anlæg", LEISURE, (SECRETARIAT,)),
    Initiative(
        "3.15-1", "Ny ventilation og bedre akustik i skoler og dagtilbud - del 1", "anlæg", PROPERTY, (SCHOOLS,)
    ),
    Initiative(
        "3.15-2", "Ny ventilation og bedre akustik i skoler og dagtilbud - del 2", "anlæg", PROPERTY, (SCHOOLS,)
    ),
    Initiative("3.16", "Skærme i udskolingen", "anlæg", SCHOOLS, (DIGITAL,)),
    Initiative("3.17", "Ny daginstitution i Skovlunde", "anlæg", PROPERTY, (SCHOOLS,)),
    Initiative("3.19", "Ombygning af hallen i Hedegården", "anlæg", PROPERTY, (LEISURE, SCHOOLS)),
    Initiative("3.20", "Sundhedsplejens lokaler", "drift og anlæg", HEALTH, (PROPERTY,)),
    Initiative("7.02", "Digital indskrivning", "drift", DIGITAL, (SCHOOLS, FINANCE), committee=ECONOMY),
    Initiative("7.08", "Spejderhytten ved søen", "drift", PROPERTY),
)

_TITLES_OF_A_YEAR: Mapping[int, Mapping[str, str]] = {
    2024: {},
    2025: {
        "3.06": "Billedkunst i fritiden",
        "3.17": "Nyt børnehus i Måløv",
        "7.08": "Naturværkstedet ved åen",
    },
    2026: {
        "3.06": "Dans og teater i fritiden",
        "3.16": "Læringsplatform i folkeskolen",
        "3.17": "Udvidelse af børnehuset i Måløv",
        "3.19": "Ombygning af klubben i Baltorp",
    },
}

_CENTERS_OF_A_YEAR: Mapping[int, Mapping[str, str]] = {
    2024: {"3.03-2": COMMON_LIFE, "3.06": COMMON_LIFE},
    2025: {"3.03-2": COMMON_LIFE, "3.06": COMMON_LIFE},
    2026: {"3.03-2": DAILY_LIFE, "3.06": CULTURAL_LIFE},
}

INITIATIVES: Mapping[int, tuple[Initiative, ...]] = {
    year: tuple(
        replace(
            initiative,
            title=_TITLES_OF_A_YEAR[year].get(initiative.initiative_id, initiative.title),
            responsible_center=_CENTERS_OF_A_YEAR[year].get(initiative.initiative_id, initiative.responsible_center),
        )
        for initiative in _BASE
    )
    for year in YEARS
}
"""The initiatives of each agreement year, in the order of the document."""
