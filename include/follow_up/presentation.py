"""What the follow-up document says, in its order and its words: told once, then set as HTML and as PDF.

Everything here is text or a drawing; figures are those of the edition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from include.follow_up import charts, words
from include.follow_up.charts import Drawing
from include.follow_up.content import (
    Answer,
    CenterLine,
    Content,
    Economy,
    Initiative,
    Measure,
    MeasurePoint,
    Milestone,
    Smiley,
)

_BULLET = re.compile(r"^[•*–-]\s+")
_RANK: dict[Smiley, int] = {"sur": 0, "neutral": 1, "glad": 2}
PERSON_POSTINGS = "Forbruget vises ikke: bogført på personer"
NO_ACCOUNT = "Ingen konti"
NO_MILESTONE = "Ingen milepæl"
NO_CONTRIBUTORS = "Ingen angivet"
NOT_REPORTED = "Ikke meldt"
ALL_CENTERS = "I alt"
OTHER_SECTION = "Øvrige indsatser"
HIDDEN = "tilbageholdt"
PRELIMINARY = "foreløbig"


@dataclass(frozen=True)
class Fact:
    """A label and what it says."""

    label: str
    value: str


@dataclass(frozen=True)
class Mark:
    """A smiley with the words beside it; `status` is glad, neutral, sur or none, `note` a second line or empty."""

    status: str
    face: Drawing
    word: str
    meaning: str
    note: str = ""


@dataclass(frozen=True)
class Block:
    """A paragraph, or the items of a list of bullets."""

    is_list: bool
    texts: tuple[str, ...]


@dataclass(frozen=True)
class KeyFigure:
    """A figure of the overview, large, with what it counts and a line of detail."""

    value: str
    label: str
    note: str


@dataclass(frozen=True)
class MilestoneLine:
    """A centre's milestones at the follow-up; `counts` in the order of the headings."""

    center: str
    counts: tuple[str, ...]
    shares: Drawing
    is_total: bool


@dataclass(frozen=True)
class EconomyLine:
    """A centre's economy in mio. kr.; `cells` in the order of the headings."""

    center: str
    cells: tuple[str, ...]
    is_total: bool


@dataclass(frozen=True)
class Turn:
    """An initiative whose smiley changed since the follow-up before."""

    anchor: str
    initiative: str
    about: str
    before: Mark
    after: Mark


@dataclass(frozen=True)
class Correction:
    """What a correcting edition changed; `summary` says how much."""

    heading: str
    summary: str
    changes: tuple[ChangeLine, ...]


@dataclass(frozen=True)
class ChangeLine:
    """One change, before and after."""

    initiative: str
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class MilestoneRow:
    """A milestone: `text` is empty where there is none, `answered` who and when, `earlier` the answers before."""

    follow_up: str
    is_current: bool
    text: tuple[Block, ...]
    mark: Mark
    remark: str
    answered: str
    earlier: tuple[str, ...]


@dataclass(frozen=True)
class EconomyTold:
    """An initiative's economy: the agreement's words and amounts, the account's amounts, bar, smiley, notes."""

    agreement: tuple[Block, ...]
    adopted: tuple[Fact, ...]
    amounts: tuple[Fact, ...]
    bar: Drawing | None
    mark: Mark
    notes: tuple[str, ...]
    remark: str
    margin: tuple[str, ...]


@dataclass(frozen=True)
class PointRow:
    """A measure's point in words."""

    period: str
    value: str
    target: str
    count: str
    note: str


@dataclass(frozen=True)
class MeasureTold:
    """A measure with its chart, newest value, target and margin notes."""

    title: str
    definition: str
    unit: str
    chart: Drawing
    newest: str
    newest_note: str
    target: str
    verdict: str
    notes: tuple[str, ...]
    margin: tuple[Fact, ...]
    rows: tuple[PointRow, ...]


@dataclass(frozen=True)
class InitiativeTold:
    """An initiative as the document shows it; `anchor` is its address in the document."""

    anchor: str
    number: str
    title: str
    facts: tuple[Fact, ...]
    effort: Mark
    economy_mark: Mark
    description: tuple[Block, ...]
    elaboration: tuple[Block, ...]
    milestones: tuple[MilestoneRow, ...]
    milestone_margin: tuple[str, ...]
    economy: EconomyTold
    measures: tuple[MeasureTold, ...]


@dataclass(frozen=True)
class Section:
    """A heading of the agreement and its initiatives."""

    title: str
    initiatives: tuple[InitiativeTold, ...]


@dataclass(frozen=True)
class SourceRow:
    """A dataset behind the edition."""

    title: str
    dataset: str
    newest: str
    state: str


@dataclass(frozen=True)
class Page:
    """The whole document."""

    municipality: str
    title: str
    follow_up: str
    edition: str
    data_as_of: str
    synthetic: str
    facts: tuple[Fact, ...]
    correction: Correction | None
    no_status: str
    guide: tuple[str, ...]
    effort_legend: tuple[Mark, ...]
    economy_legend: tuple[Mark, ...]
    unanswered_legend: Mark
    key_figures: tuple[KeyFigure, ...]
    milestone_headings: tuple[str, ...]
    milestone_lines: tuple[MilestoneLine, ...]
    milestone_note: str
    economy_headings: tuple[str, ...]
    economy_lines: tuple[EconomyLine, ...]
    economy_notes: tuple[str, ...]
    turned_heading: str
    better: tuple[Turn, ...]
    worse: tuple[Turn, ...]
    turned_note: str
    sections: tuple[Section, ...]
    sources: tuple[SourceRow, ...]
    method: tuple[Fact, ...]
    identity: tuple[Fact, ...]


def page(content: Content) -> Page:
    """Put an edition into words."""
    better, worse = turns(content)
    return Page(
        municipality=content.municipality_name,
        title=title(content),
        follow_up=content.follow_up_name,
        edition=content.edition,
        data_as_of=f"Data pr. {words.day(content.as_of)}",
        synthetic=words.SYNTHETIC if content.is_synthetic else "",
        facts=_facts(content),
        correction=_correction(content),
        no_status=_no_status(content),
        guide=_GUIDE,
        effort_legend=tuple(_legend(status, meaning) for status, meaning in _EFFORT_MEANINGS.items()),
        economy_legend=tuple(_legend(status, meaning) for status, meaning in _ECONOMY_MEANINGS.items()),
        unanswered_legend=Mark("none", _face(None), NOT_REPORTED, "Centret har ikke svaret."),
        key_figures=_key_figures(content),
        milestone_headings=MILESTONE_HEADINGS,
        milestone_lines=_milestone_lines(content),
        milestone_note=f"Milepæle, som aftalen sætter til {content.follow_up_name}. "
        "De uden tekst tæller ikke med i de andre kolonner.",
        economy_headings=ECONOMY_HEADINGS,
        economy_lines=_economy_lines(content),
        economy_notes=_economy_notes(content),
        turned_heading=f"Ændret siden {content.previous_follow_up_name}"
        if content.previous_follow_up_name
        else "Ændret siden sidst",
        better=better,
        worse=worse,
        turned_note=turned_note(content),
        sections=tuple(
            Section(heading or OTHER_SECTION, tuple(_initiative(content, initiative) for initiative in group))
            for heading, group in groupby(content.initiatives, key=lambda initiative: initiative.section_title)
        ),
        sources=tuple(
            SourceRow(
                source.title,
                source.dataset,
                words.day_or(source.newest_day, "ingen data"),
                "forældet" if source.is_stale else "ajour",
            )
            for source in content.sources
        ),
        method=_method(content),
        identity=identity(content),
    )


def title(content: Content) -> str:
    """The document's title."""
    return f"Udmøntning af, og status på {content.agreement_title}"


def identity(content: Content) -> tuple[Fact, ...]:
    """What tells an edition from every other."""
    return (
        Fact("Udgave", content.edition),
        Fact("Nummer", f"{content.number}. udgave af {content.follow_up_name}"),
        *([Fact("Retter", content.corrects)] if content.corrects else []),
        Fact("Frosset", words.instant(content.frozen_at)),
        Fact("Indholdets kontrolsum", content.content_hash),
        Fact("Frigivelse", content.release_id),
    )


def anchor(initiative: Initiative) -> str:
    """An initiative's address in the document."""
    return f"indsats-{initiative.agreement_year}-{re.sub('[^0-9a-z]+', '-', initiative.initiative_id.lower())}"


def part_title(measure: Measure) -> str:
    """A measure's title with the name of its part."""
    return measure.title if measure.part_name is None else f"{measure.title}: {measure.part_name}"


# ---- the head


def _facts(content: Content) -> tuple[Fact, ...]:
    assumed = " (antaget)" if content.is_cut_off_assumed else ""
    return (
        Fact("Opfølgning", content.follow_up_name),
        Fact("Data pr.", words.day(content.as_of)),
        Fact("Skæringsdato", f"{words.day(content.data_cut_off_date)}{assumed}"),
        Fact("Fagudvalg", words.day_or(content.committee_meeting_date, "Mødedato ikke fastsat")),
        Fact("Kommunalbestyrelsen", words.day_or(content.council_meeting_date, "Mødedato ikke fastsat")),
        Fact("Aftalens dato", words.day_or(content.document_date, "Ikke angivet")),
        Fact("Sagsnummer", content.case_number or "Ikke angivet"),
        Fact("Udgave", content.edition),
    )


def _correction(content: Content) -> Correction | None:
    if content.corrects is None:
        return None
    changes = tuple(
        ChangeLine(f"{change.initiative_id} {change.title}".strip(), change.what, change.before, change.after)
        for change in content.changes
    )
    return Correction(
        f"Rettelse af {content.corrects}",
        f"{words.counted(len(changes), 'rettelse', 'rettelser')}, se begyndelsen af overblikket.",
        changes,
    )


def _no_status(content: Content) -> str:
    """The plain word that nobody has answered yet; empty if anybody has."""
    milestones = [milestone for initiative in content.initiatives for milestone in initiative.milestones]
    if any(answer.follow_up_code == content.follow_up_code for one in milestones for answer in one.answers):
        return ""
    if any(line.glad or line.neutral or line.sur for line in content.centers):
        return ""
    told = f"Der er endnu ikke meldt status på nogen milepæl ved {content.follow_up_name}."
    if any(one.answers for one in milestones):
        told += " Svar fra tidligere opfølgninger står ved milepælene."
    if any(initiative.economy.computed_status for initiative in content.initiatives):
        told += " Smileys for økonomi er beregnet ud fra regnskabet."
    return told


# ---- smileys

_GUIDE = (
    "Hver indsats i aftalen følges op fire gange om året. Indsatsen får en smiley for den milepæl, der var sat til "
    "opfølgningen; det ansvarlige center melder den. Er der svaret på flere milepæle, gælder den dårligste.",
    "Økonomien får én smiley for hele indsatsen. Den beregnes af regnskabet, hvor det kan lade sig gøre, og måles mod "
    "det korrigerede budget, altså med de ændringer, Kommunalbestyrelsen har godkendt. Ellers melder centret den.",
    f"Tegnet {words.NOT_TOLD} betyder, at tallet ikke kan opgøres.",
)
_EFFORT_MEANINGS: dict[Smiley, str] = {
    "glad": "Milepælen er nået.",
    "neutral": "Milepælen er ikke helt nået, men årets mål kan stadig nås.",
    "sur": "Milepælen er ikke nået, og den ventes ikke nået i perioden, som forholdene er.",
}
_ECONOMY_MEANINGS: dict[Smiley, str] = {
    "glad": "Budgettet holder, eller besparelsen nås.",
    "sur": "Budgettet holder ikke, eller besparelsen nås ikke i perioden.",
}


def _legend(status: Smiley, meaning: str) -> Mark:
    return Mark(status, _face(status), words.SMILEYS[status], meaning)


def _face(status: Smiley | None) -> Drawing:
    return charts.smiley(status, "Ingen smiley" if status is None else f"{words.SMILEYS[status]} smiley")


def _mark(status: Smiley | None, meanings: dict[Smiley, str], otherwise: str, note: str = "") -> Mark:
    if status is None:
        return Mark("none", _face(None), otherwise, "", note)
    return Mark(status, _face(status), words.SMILEYS[status], meanings[status], note)


def effort_of(content: Content, initiative: Initiative) -> Mark:
    """An initiative's smiley for its effort at the follow-up, or why it has none."""
    has_text = any(
        one.text is not None and one.follow_up_code == content.follow_up_code for one in initiative.milestones
    )
    return _mark(initiative.effort_status, words.EFFORT, NOT_REPORTED if has_text else NO_MILESTONE)


def economy_of(economy: Economy) -> Mark:
    """An initiative's smiley for its economy with its basis, or why it has none."""
    if economy.status is None:
        return _mark(None, words.ECONOMY, NO_ACCOUNT if not economy.has_account else "Ikke opgjort")
    return _mark(economy.status, words.ECONOMY, "", words.BASIS.get(economy.basis or "", ""))


# ---- the overview

MILESTONE_HEADINGS = ("Indsatser", "Milepæle", "Glad", "Neutral", "Sur", NOT_REPORTED, "Uden tekst")
ECONOMY_HEADINGS = ("Med i sum", "Budget", "Forbrug", "Prognose", "Afvigelse", "Glad", "Sur", "Uden status")


def counts(line: CenterLine) -> tuple[int, ...]:
    """A centre's numbers, in the order of `MILESTONE_HEADINGS`."""
    return (
        line.initiatives,
        line.milestones,
        line.glad,
        line.neutral,
        line.sur,
        line.unreported,
        line.milestones_without_text,
    )


def center_of(line: CenterLine) -> str:
    """A row's centre, or what the row of all of them is called."""
    return line.responsible_center or ALL_CENTERS


def _key_figures(content: Content) -> tuple[KeyFigure, ...]:
    summed = content.total
    judged = summed.economies_glad + summed.economies_sur
    budget = (
        "det korrigerede budget kan ikke opgøres samlet"
        if summed.corrected_budget_dkk is None
        else f"af korrigeret budget på {words.millions(summed.corrected_budget_dkk)} mio. kr."
    )
    centers = words.counted(len(content.centers), "center", "centre")
    return (
        KeyFigure(words.number(summed.initiatives), "indsatser", f"fordelt på {centers}"),
        KeyFigure(
            f"{words.number(summed.glad)} af {words.number(summed.milestones)}",
            "milepæle nået",
            f"{words.number(summed.neutral)} delvist, {words.number(summed.sur)} ikke nået, "
            f"{words.number(summed.unreported)} ikke meldt",
        ),
        KeyFigure(
            f"{words.number(summed.economies_glad)} af {words.number(judged)}" if judged else words.NOT_TOLD,
            "budgetter holder",
            f"{words.counted(summed.economies_unknown, 'indsats', 'indsatser')} uden økonomistatus",
        ),
        KeyFigure(words.millions(summed.spent_to_date_dkk), "mio. kr. brugt", budget),
    )


def _signed(value: Decimal | None) -> str:
    told = words.millions(value)
    return f"+{told}" if value is not None and value > 0 else told


def _milestone_lines(content: Content) -> tuple[MilestoneLine, ...]:
    return tuple(
        MilestoneLine(
            center_of(line),
            tuple(words.number(count) for count in counts(line)),
            charts.shares(line),
            line.responsible_center is None,
        )
        for line in (*content.centers, content.total)
    )


def _economy_lines(content: Content) -> tuple[EconomyLine, ...]:
    return tuple(
        EconomyLine(
            center_of(line),
            (
                f"{words.number(line.economies_summed)} af {words.number(line.initiatives)}",
                words.millions(line.corrected_budget_dkk),
                words.millions(line.spent_to_date_dkk),
                words.millions(line.forecast_dkk),
                _signed(line.deviation_dkk),
                words.number(line.economies_glad),
                words.number(line.economies_sur),
                words.number(line.economies_unknown),
            ),
            line.responsible_center is None,
        )
        for line in (*content.centers, content.total)
    )


def _economy_notes(content: Content) -> tuple[str, ...]:
    notes = ["Beløb i mio. kr. Afvigelse er budget minus prognose: minus betyder merforbrug, plus mindreforbrug."]
    by_person = _numbers(one for one in content.initiatives if one.economy.has_person_postings)
    if by_person:
        notes.append(f"Ikke med i summerne, fordi pengene er bogført på personer: {by_person}.")
    without = _numbers(
        one for one in content.initiatives if not one.economy.has_account and not one.economy.has_person_postings
    )
    if without:
        notes.append(f"Ikke med i summerne, fordi indsatsen ingen konti har: {without}.")
    return tuple(notes)


def _numbers(initiatives: Iterable[Initiative]) -> str:
    return words.listed(tuple(one.initiative_id for one in initiatives))


def turns(content: Content) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """What got better and what got worse since the follow-up before, by the smileys of both."""
    better: list[Turn] = []
    worse: list[Turn] = []
    for one in content.initiatives:
        for about, before, after, meanings in (
            ("Indsats", one.previous_effort_status, one.effort_status, words.EFFORT),
            ("Økonomi", one.previous_economy_status, one.economy.status, words.ECONOMY),
        ):
            if before is None or after is None or before == after:
                continue
            turn = Turn(
                anchor(one),
                f"{one.initiative_id} {one.title}",
                about,
                _mark(before, meanings, ""),
                _mark(after, meanings, ""),
            )
            (better if _RANK[after] > _RANK[before] else worse).append(turn)
    return tuple(better), tuple(worse)


def turned_note(content: Content) -> str:
    """What to say where nothing turned; empty if something did."""
    if content.previous_follow_up_name is None:
        return "Første opfølgning i året"
    return "" if any(turns(content)) else "Ingen ændringer"


# ---- an initiative


def _initiative(content: Content, one: Initiative) -> InitiativeTold:
    names = {milestone.follow_up_code: milestone.follow_up_name for milestone in one.milestones}
    agreement = [f"Tekst og milepæle: {content.agreement_title}"]
    if content.document_date is not None:
        agreement.append(f"Aftalens dato: {words.day(content.document_date)}")
    return InitiativeTold(
        anchor=anchor(one),
        number=one.initiative_id,
        title=one.title,
        facts=(
            Fact("Ansvarligt center", one.responsible_center),
            Fact("Ansvarligt udvalg", one.committee),
            Fact("Bidragydere", words.listed(one.contributors) or NO_CONTRIBUTORS),
            Fact("Type", one.initiative_type),
        ),
        effort=effort_of(content, one),
        economy_mark=economy_of(one.economy),
        description=blocks(one.description),
        elaboration=blocks(one.elaboration),
        milestones=tuple(_milestone(content, milestone, names) for milestone in one.milestones),
        milestone_margin=(*agreement, "Status: centrenes statusskemaer", f"Data pr. {words.day(content.as_of)}"),
        economy=_economy(content, one.economy),
        measures=tuple(
            _measure(content, measure, f"{anchor(one)}-maal-{number}")
            for number, measure in enumerate(one.measures, start=1)
        ),
    )


def blocks(text: str | None) -> tuple[Block, ...]:
    """A text's lines as paragraphs, and its bullets as lists."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    told: list[Block] = []
    for is_list, group in groupby(lines, key=lambda line: bool(_BULLET.match(line))):
        if is_list:
            told.append(Block(True, tuple(_BULLET.sub("", line) for line in group)))
        else:
            told.extend(Block(False, (line,)) for line in group)
    return tuple(told)


def milestone_mark(content: Content, milestone: Milestone) -> Mark:
    """A milestone's newest smiley, or why it has none."""
    if milestone.text is None:
        return Mark("none", _face(None), NO_MILESTONE, "")
    if milestone.status is None and milestone.sequence > content.sequence:
        return Mark("none", _face(None), "Følges op senere", "")
    return _mark(milestone.status, words.EFFORT, NOT_REPORTED)


def answered(answer: Answer) -> str:
    """Who answered and when."""
    return f"{answer.role}, {answer.center_name}, {words.day(answer.answered_date)}"


def earlier(milestone: Milestone, names: dict[str, str]) -> tuple[str, ...]:
    """The answers before the newest one, newest first."""
    return tuple(
        f"{words.SMILEYS[answer.status]} ved {names.get(answer.follow_up_code, answer.follow_up_code)}"
        f" ({answered(answer)}){f': {answer.comment}' if answer.comment else ''}"
        for answer in reversed(milestone.answers[:-1])
    )


def _milestone(content: Content, milestone: Milestone, names: dict[str, str]) -> MilestoneRow:
    newest = milestone.answers[-1] if milestone.answers else None
    return MilestoneRow(
        follow_up=milestone.follow_up_name,
        is_current=milestone.follow_up_code == content.follow_up_code,
        text=blocks(milestone.text),
        mark=milestone_mark(content, milestone),
        remark=(newest.comment or "") if newest else "",
        answered=answered(newest) if newest else "",
        earlier=earlier(milestone, names),
    )


def _economy(content: Content, economy: Economy) -> EconomyTold:
    adopted = []
    if economy.adopted_expenditure_mdkk is not None:
        adopted.append(Fact("Afsat i aftalen", words.million_kroner(economy.adopted_expenditure_mdkk)))
    if economy.adopted_saving_mdkk is not None:
        adopted.append(Fact("Aftalt besparelse", words.million_kroner(economy.adopted_saving_mdkk)))
    through = f"Forbrug til og med {words.day(economy.spent_through_date)}" if economy.spent_through_date else "Forbrug"
    amounts = (
        Fact("Vedtaget budget", words.kroner(economy.adopted_budget_dkk)),
        Fact("Ændringer", words.kroner(economy.budget_changes_dkk)),
        Fact("Korrigeret budget", words.kroner(economy.corrected_budget_dkk)),
        Fact(through, words.kroner(economy.spent_to_date_dkk)),
        Fact("Prognose", words.kroner(economy.forecast_dkk)),
        Fact("Afvigelse", words.kroner(economy.deviation_dkk)),
    )
    return EconomyTold(
        agreement=blocks(economy.finance_text),
        adopted=tuple(adopted),
        amounts=amounts if economy.has_account or any(fact.value != words.NOT_TOLD for fact in amounts) else (),
        bar=charts.spending(economy),
        mark=economy_of(economy),
        notes=economy_notes(economy),
        remark=economy.comment or "",
        margin=(
            "Beløb: økonomisystemet",
            *([f"Forbrug til og med {words.day(economy.spent_through_date)}"] if economy.spent_through_date else []),
            f"Data pr. {words.day(content.as_of)}",
        ),
    )


def economy_notes(economy: Economy) -> tuple[str, ...]:
    """What has to be said about an initiative's amounts."""
    notes = []
    if economy.has_person_postings:
        notes.append(f"{PERSON_POSTINGS}.")
    elif not economy.has_account:
        notes.append(f"{NO_ACCOUNT}: forbruget kan ikke opgøres.")
    elif economy.is_preliminary:
        notes.append("Forbruget er foreløbigt: ikke alle måneder frem til skæringsdatoen er med.")
    if economy.deviation_dkk:
        kind = "Merforbrug" if economy.deviation_dkk < 0 else "Mindreforbrug"
        notes.append(f"{kind} på {words.kroner(abs(economy.deviation_dkk))} ventes for hele året.")
    if economy.basis == "computed" and economy.reported_status not in {None, economy.status}:
        assert economy.reported_status is not None, "compared on the line above"
        notes.append(f"Centret har selv meldt: {words.SMILEYS[economy.reported_status]}.")
    return tuple(notes)


# ---- measures


def point_value(point: MeasurePoint, scale: str) -> str:
    """A point's value, or that it is withheld."""
    return HIDDEN if point.is_hidden and point.value is None else words.measured(point.value, scale)


def verdict(point: MeasurePoint) -> str:
    """Whether a point meets its target."""
    return {True: "Målet er nået", False: "Målet er ikke nået", None: ""}[point.is_target_met]


def point_notes(point: MeasurePoint) -> str:
    """What a point is, but for its value: preliminary, target met."""
    return ", ".join(filter(None, (PRELIMINARY if point.is_preliminary else "", verdict(point).lower())))


def _measure(content: Content, measure: Measure, name: str) -> MeasureTold:
    known = [point for point in measure.points if point.value is not None]
    newest = known[-1] if known else None
    notes = []
    if any(point.is_hidden and point.value is None for point in measure.points):
        notes.append(f"Kryds på aksen: {HIDDEN}.")
    if any(point.is_preliminary and point.value is not None for point in measure.points):
        notes.append("Åben prik og prikket linje: foreløbig.")
    if any(point.value is None and not point.is_hidden for point in measure.points):
        notes.append("Brud på linjen: intet tal.")
    return MeasureTold(
        title=part_title(measure),
        definition=measure.definition,
        unit=measure.unit,
        chart=charts.line_chart(measure, name),
        newest="Intet tal endnu" if newest is None else words.measured(newest.value, measure.value_scale),
        newest_note="" if newest is None else _about(newest),
        target=_target(measure),
        verdict="" if newest is None else verdict(newest),
        notes=tuple(notes),
        margin=(
            Fact("Kilde", measure.source),
            Fact("Data pr.", words.day(content.as_of)),
            Fact("Må ikke bruges til", measure.not_for),
        ),
        rows=tuple(_point(point, measure.value_scale) for point in measure.points),
    )


def _about(point: MeasurePoint) -> str:
    count = "" if point.n is None else f"n{words.SPACE}={words.SPACE}{words.number(point.n)}"
    return ", ".join(filter(None, (words.period(point.period), count, PRELIMINARY if point.is_preliminary else "")))


def _target(measure: Measure) -> str:
    """The target in the measure's own words, else the newest point's figure."""
    if measure.target_text:
        return f"Mål: {measure.target_text}"
    told = [point for point in measure.points if point.target is not None]
    if not told:
        return ""
    comparison = words.COMPARISONS.get(told[-1].comparison or "", "")
    return f"Mål: {comparison} {words.measured(told[-1].target, measure.value_scale)}".replace("  ", " ")


def _point(point: MeasurePoint, scale: str) -> PointRow:
    return PointRow(
        words.period(point.period),
        point_value(point, scale),
        words.measured(point.target, scale),
        words.NOT_TOLD if point.n is None else words.number(point.n),
        point_notes(point),
    )


# ---- the end


def _method(content: Content) -> tuple[Fact, ...]:
    return (
        Fact(
            "Personer",
            "Antal personer er afrundet til et af de nærmeste multipla af 5, så intet tal røber, hvem det handler om. "
            "0 betyder 0 til 4, og en sum er summen af de tal, der vises.",
        ),
        Fact(
            "Tilbageholdt",
            "Andele, gennemsnit, dage og kroner om færre end 10 personer vises ikke; heller ikke tal, som andre tal "
            "kunne afsløre. Et tilbageholdt tal står som et kryds og er noget andet end et tal, der mangler.",
        ),
        Fact("n", "Antallet bag en værdi, afrundet som ovenfor, hvor det er personer."),
        Fact("Foreløbig", "Perioden er ikke slut, eller alle data for den er ikke modtaget."),
        Fact(
            "Penge",
            "Forbrug er netto, udgifter minus indtægter, fra årets begyndelse til og med den måned, der nævnes. "
            "Prognosen for drift regner med ens måneder. Hvor penge er bogført på personer, vises ingen af dem.",
        ),
        Fact(
            "Status",
            "Centrenes svar står med rolle, center og dato. Et senere svar gælder; de tidligere står ved milepælen.",
        ),
        *(
            [Fact("Syntetiske data", "Alle tal og svar er fremstillet til afprøvning og siger intet om kommunen.")]
            if content.is_synthetic
            else []
        ),
    )
