"""The synthetic municipality's budget agreements, as text or PDF, laid out as the real document is.

The text form has the real one's traps: page furniture between any two lines, one blank at the start of a page, titles
over several lines, words divided at line ends beside hyphens that belong to the word, blank lines inside sentences,
labels on the text's line or below it, milestones, finance lines and contributors without text, a reference to another
initiative that looks like the start of one. What has been planted comes back as `AgreementTruth`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

import numpy as np

from include.demo.agreement_content import CHILDREN, INITIATIVES, YEARS, Initiative
from include.demo.agreement_layout import Head, LaidOutInitiative, write_pdf, write_text
from include.demo.agreement_wording import READING_GUIDE, WORDING, Texts, Wording

__all__ = ["INITIATIVES", "AgreementTruth", "Initiative", "PlantedAmount", "PlantedMilestone", "write_agreement"]

FOLLOW_UPS = ("BO1", "BO2", "BO3", "YE")


@dataclass(frozen=True)
class PlantedMilestone:
    """A milestone as planted; paragraphs and bullets are separated by a line feed, None if it has no text."""

    initiative_id: str
    follow_up_code: str
    milestone_text: str | None


@dataclass(frozen=True)
class PlantedAmount:
    """An amount that counts, positive, in million kroner; what a description repeats of its finance line is none."""

    initiative_id: str
    budget_year: int
    amount_kind: Literal["expenditure", "saving"]
    amount_mdkk: Decimal
    stated_in: Literal["finance", "description"]


@dataclass(frozen=True)
class PlantedText:
    """The other texts of an initiative."""

    initiative_id: str
    description: str
    elaboration: str | None
    finance_text: str | None


@dataclass(frozen=True)
class AgreementTruth:
    """What a written document says."""

    path: Path
    agreement_year: int
    document_date: dt.date
    case_number: str
    initiatives: tuple[Initiative, ...]
    texts: tuple[PlantedText, ...]
    milestones: tuple[PlantedMilestone, ...]
    amounts: tuple[PlantedAmount, ...]


def write_agreement(
    folder: Path,
    year: int,
    form: Literal["txt", "pdf"],
    *,
    revision: int = 0,
    date: dt.date | None = None,
    rng: np.random.Generator | None = None,
) -> AgreementTruth:
    """Write the agreement of a year into `folder` and tell what it says.

    The file is `aftale_om_budget_<year>.<form>`, a revision's `aftale_om_budget_<year>_rev<revision>.<form>`. A
    revision says the same but for what it corrects: the finance line of 3.02, and the milestones of 3.05 that were
    still empty; in its text form the smiley cells hold glyphs. `date` is that of the document: 12 February of the
    year, revisions from 2 June on. `rng` (by default one of the year's own) decides amounts, then layout: the same
    state writes the same file, and a revision needs the state that its first version had. Raises KeyError for a year
    that isn't in `INITIATIVES`.
    """
    rng = np.random.default_rng(year) if rng is None else rng
    date = date or (dt.date(year, 6, 1) + dt.timedelta(days=revision) if revision else dt.date(year, 2, 12))
    case_number = f"00.30.00-S00-{year - YEARS[0] + 4}-{year % 100}"
    initiatives = INITIATIVES[year]
    laid_out, texts, milestones, amounts = [], [], [], []
    for initiative in initiatives:
        wording = WORDING[initiative.initiative_id]
        values = _values(wording, rng)
        if revision and initiative.initiative_id == "3.02":
            values["a"] += Decimal("0.4") * revision
        cells = _cells(initiative.initiative_id, wording, values, year, revision)
        laid_out.append(cells.laid_out(initiative, year))
        texts.append(
            PlantedText(
                initiative.initiative_id,
                _truth(cells.description) or "",
                _truth(cells.elaboration),
                _truth(cells.finance),
            )
        )
        milestones += [
            PlantedMilestone(initiative.initiative_id, f"{code}-{year}", _truth(text))
            for code, text in zip(FOLLOW_UPS, cells.milestones, strict=True)
        ]
        amounts += [
            PlantedAmount(
                initiative.initiative_id, year + planned.offset, planned.kind, values[planned.name], planned.stated_in
            )
            for planned in wording.amounts
        ]
    path = folder / f"aftale_om_budget_{year}{f'_rev{revision}' if revision else ''}.{form}"
    head = Head(year, date, case_number, CHILDREN, _filled(READING_GUIDE, {}, year))
    folder.mkdir(parents=True, exist_ok=True)
    if form == "pdf":
        write_pdf(path, head, laid_out)
    else:
        write_text(path, head, laid_out, rng, has_glyphs=revision > 0)
    return AgreementTruth(path, year, date, case_number, initiatives, tuple(texts), tuple(milestones), tuple(amounts))


@dataclass(frozen=True)
class _Cells:
    description: Texts
    elaboration: Texts
    milestones: tuple[Texts, ...]
    finance: Texts

    def laid_out(self, initiative: Initiative, year: int) -> LaidOutInitiative:
        labels = (*(f"{number}. budgetopfølgning {year}" for number in (1, 2, 3)), f"31.12.{year}")
        return LaidOutInitiative(
            number=initiative.initiative_id.partition("-")[0],
            title=initiative.title,
            section=f"{initiative.initiative_id.partition('.')[0]}. {initiative.section_title}",
            initiative_type=initiative.initiative_type,
            center=initiative.responsible_center,
            committee=initiative.committee,
            contributors=_listed(initiative.contributors),
            description=self.description,
            elaboration=self.elaboration,
            milestones=tuple(zip(labels, self.milestones, strict=True)),
            finance=self.finance,
        )


def _values(wording: Wording, rng: np.random.Generator) -> dict[str, Decimal]:
    return {
        name: Decimal(int(rng.integers(low, high, endpoint=True))) / 10
        for name, (low, high) in (wording.ranges or {}).items()
    }


def _cells(initiative_id: str, wording: Wording, values: dict[str, Decimal], year: int, revision: int) -> _Cells:
    milestones = wording.milestones
    if revision and initiative_id == "3.05":
        milestones = (*milestones[:2], ("Forløbene er begyndt på alle skoler.",), ("Forløbene er evalueret.",))
    return _Cells(
        _filled(wording.description, values, year),
        _filled(wording.elaboration, values, year),
        tuple(_filled(texts, values, year) for texts in milestones),
        _filled(wording.finance, values, year),
    )


def _filled(texts: Texts, values: dict[str, Decimal], year: int) -> Texts:
    years = {"y": year, "y1": year + 1, "y2": year + 2, "p": year - 1}
    written = {name: _danish(value) for name, value in values.items()}
    return tuple(text.format(**years, **written) for text in texts)


def _danish(value: Decimal) -> str:
    """As such documents write amounts: 1,7 and 2 and 7,0 and 0,750, whichever came to mind."""
    if value == value.to_integral_value():
        return f"{value:.1f}".replace(".", ",") if int(value) % 2 else str(int(value))
    return f"{value:.3f}".replace(".", ",") if value < 1 and int(value * 10) % 2 else f"{value:.1f}".replace(".", ",")


def _listed(units: Texts) -> str:
    if len(units) < 2:  # noqa: PLR2004
        return "".join(units)
    return f"{', '.join(units[:-1])} samt {units[-1]}"


def _truth(texts: Texts) -> str | None:
    return "\n".join(texts).replace("\v", "") or None
