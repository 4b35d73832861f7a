"""Four budget follow-ups of the small municipality: forms out and in, editions, and what stays of them.

The centres' forms are those that the warehouse writes; they are filled in by the dice and put into the inbox. Statuses
are compared with the record of the dice, the economy with the second computation over the native files.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from nights import settings_of, stand_ins_of
from replay import Template, keep_template, land_all, publish_again
from second import measures_a

from include import night
from include.demo.municipality import SYNTHETIC_MARKER, copy_until, generate, nights_of
from include.follow_up import calendar, edition
from include.follow_up.content import Content, read_content
from include.settings import Settings
from include.sources import status_form as layout
from include.warehouse.release import new_run_id

pytestmark = pytest.mark.proof

CODES = ("BO2-2025", "BO3-2025", "YE-2025", "BO1-2026")
FURTHER_NIGHTS = 30

log = logging.getLogger(__name__)

Asked = tuple[str, str]
"""Follow-up, and key of a milestone or an economy."""


@dataclass
class Year:
    """What the four follow-ups left: by code the edition's folder and a copy of the inbox as it was at the freeze."""

    settings: Settings
    template: Template
    source: Path
    editions: dict[str, Path] = field(default_factory=dict)
    inboxes: dict[str, Path] = field(default_factory=dict)
    answers: dict[Asked, str] = field(default_factory=dict)
    """The newest status that the dice gave each row of a form."""
    corrected: set[Asked] = field(default_factory=set)


def at(settings: Settings, date: dt.date) -> Settings:
    return settings.model_copy(update={"as_of": date})


def without_forms(inbox: Path) -> None:
    """Take the generated forms of the four follow-ups out: here the warehouse's own go out and come back."""
    file = inbox / SYNTHETIC_MARKER
    marker: dict[str, Any] = json.loads(file.read_text("utf-8"))
    marker["deliveries"] = {
        path: came
        for path, came in marker["deliveries"].items()
        if not (path.startswith("milestone_status/") and path.split("/")[1].split()[0] in {*CODES, "BO2-2026"})
    }
    file.write_text(json.dumps(marker), "utf-8")


def filled_in(year: Year, path: Path, code: str, date: dt.date, dice: random.Random) -> None:
    """A form as its centre sends it back; of a longer one the first answer is turned in a second form a day later."""
    target = year.settings.inbox / "milestone_status"
    target.mkdir(exist_ok=True)
    book = openpyxl.load_workbook(path)
    sheet = book[layout.SHEET]
    keys = []
    for row in range(layout.FIRST_ROW, sheet.max_row + 1):
        if not (key := str(sheet.cell(row, layout.KEY).value or "").split(" ")[0]):
            continue
        kind = "economy" if key.endswith("/economy") else "effort"
        year.answers[code, key] = answer(sheet, row, dice.choice(layout.STATUSES[kind]), date)
        keys.append((row, key))
    book.save(target / path.name)
    if len(keys) > 3:
        row, key = keys[0]
        turned = "sur" if year.answers[code, key] == "glad" else "glad"
        year.answers[code, key] = answer(sheet, row, turned, date + dt.timedelta(days=1))
        year.corrected.add((code, key))
        book.save(target / f"{path.stem} rettet.xlsx")


def answer(sheet: Any, row: int, status: str, date: dt.date) -> str:
    sheet.cell(row, layout.STATUS).value = status
    sheet.cell(row, layout.COMMENT).value = "Tidsplanen følges."
    sheet.cell(row, layout.ROLE).value = "Centerchef"
    sheet.cell(row, layout.DATE).value = date
    return status


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    folder = tmp_path_factory.mktemp("follow_ups")
    source = folder / "all"
    generate(source, size="small", nights="year")
    without_forms(source)
    settings = settings_of(folder, folder / "inbox")
    settings.prepare()
    found: Year | None = None
    dice = random.Random(2025)  # noqa: S311
    for code in CODES:
        follow_up = calendar.find(settings, code)
        asked = max(follow_up.forms_sent_date, nights_of(source)[0])
        copy_until(source, settings.inbox, asked)
        with stand_ins_of(settings.inbox):
            land_all(settings)
        if found is None:
            run_id = new_run_id()
            night.build_step(at(settings, asked), run_id)
            found = Year(settings, keep_template(at(settings, asked), run_id, folder / "template"), source)
        publish_again(at(settings, asked), found.template)
        forms = night.forms_step(at(settings, asked), code)
        for path in forms:
            filled_in(found, path, code, follow_up.form_deadline_date - dt.timedelta(days=2), dice)
        copy_until(source, settings.inbox, follow_up.data_cut_off_date)
        with stand_ins_of(settings.inbox):
            land_all(settings)
        publish_again(at(settings, follow_up.data_cut_off_date), found.template)
        made = night.freeze_step(at(settings, follow_up.data_cut_off_date), code)
        assert made.is_new
        found.editions[code] = made.path
        found.inboxes[code] = folder / f"inbox-{code}"
        shutil.copytree(settings.inbox, found.inboxes[code])
        log.info("%s: %s forms, %s answers", made.edition, len(forms), len(found.answers))
    assert found is not None
    return found


def contents(year: Year) -> Iterator[tuple[str, Content]]:
    for code, path in year.editions.items():
        yield code, read_content(path)


def test_every_milestone_has_the_smiley_that_its_centre_gave_last(year: Year) -> None:
    compared = moved = 0
    for code, content in contents(year):
        order = [one for one in CODES if one[-4:] == code[-4:]]
        so_far = order[: order.index(code) + 1]
        for initiative in content.initiatives:
            for milestone in initiative.milestones:
                key = layout.milestone_key(initiative.agreement_year, initiative.initiative_id, milestone.number)
                given = [(at, year.answers[at, key]) for at in so_far if (at, key) in year.answers]
                own = [(one.follow_up_code, one.status) for one in milestone.answers if one.follow_up_code in CODES]
                assert own == given, (code, key)
                compared += len(given)
                moved += len({status for _, status in given}) > 1
                if milestone.text is None:
                    assert milestone.status is None
    assert compared > 100
    assert moved > 0, "no milestone was asked for again and moved"
    assert year.corrected


def test_every_economy_has_the_smiley_of_the_second_computation_and_its_money_to_the_ore(year: Year) -> None:
    compared = 0
    for code, content in contents(year):
        second = {one.key: one for one in measures_a.economy(year.inboxes[code]) if one.follow_up.code == code}
        for initiative in content.initiatives:
            key = f"{initiative.agreement_year}/{initiative.initiative_id}"
            economy = initiative.economy
            told = second.get(key)
            if economy.has_person_postings or told is None:
                assert economy.spent_to_date_dkk is None
                assert economy.computed_status is None
                continue
            assert (economy.spent_to_date_dkk, economy.corrected_budget_dkk) == (told.spent, told.corrected), (
                code,
                key,
            )
            if told.corrected is None:
                assert economy.computed_status is None
                continue
            allowed = Fraction(told.corrected)
            if told.corrected < 0:
                allowed = allowed * told.months / 12
            smiley = "glad" if Fraction(told.spent) <= allowed else "sur"
            assert (economy.computed_status, economy.status, economy.basis) == (smiley, smiley, "computed"), (code, key)
            compared += 1
        reported = {
            key: year.answers.get((code, layout.milestone_key(one.agreement_year, one.initiative_id, None)))
            for one in content.initiatives
            for key in [one.initiative_id]
        }
        assert {one.initiative_id: one.economy.reported_status for one in content.initiatives} == reported
    assert compared > 40


def test_centres_add_up_to_their_initiatives(year: Year) -> None:
    for code, content in contents(year):
        assert sum(line.initiatives for line in content.centers) == len(content.initiatives)
        assert content.total.initiatives == len(content.initiatives)
        for line in (*content.centers, content.total):
            own = [one for one in content.initiatives if line.responsible_center in {None, one.responsible_center}]
            due = [
                milestone
                for one in own
                for milestone in one.milestones
                if milestone.follow_up_code == code and milestone.text is not None
            ]
            told = [next((a.status for a in one.answers if a.follow_up_code == code), None) for one in due]
            assert (line.glad, line.neutral, line.sur, line.unreported) == tuple(
                told.count(status) for status in ("glad", "neutral", "sur", None)
            ), (code, line.responsible_center)
            statuses = [one.economy.status for one in own]
            assert (line.economies_glad, line.economies_sur) == (statuses.count("glad"), statuses.count("sur"))
            shown = [one.economy for one in own if one.economy.spent_to_date_dkk is not None]
            assert line.economies_summed == len(shown)
            if shown:
                assert line.spent_to_date_dkk == sum((one.spent_to_date_dkk or Decimal(0) for one in shown), Decimal(0))


def test_what_turned_is_told_by_the_follow_up_before(year: Year) -> None:
    turned = 0
    before: Content | None = None
    for _, content in contents(year):
        if before is not None and before.follow_up_year == content.follow_up_year:
            earlier = {one.initiative_id: one for one in before.initiatives}
            for one in content.initiatives:
                assert one.previous_effort_status == earlier[one.initiative_id].effort_status
                turned += one.previous_effort_status != one.effort_status
        before = content
    assert turned > 0


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_editions_stand_through_further_nights_and_a_correction_names_them(year: Year) -> None:
    """30 further nights, with what comes late; then the last follow-up is frozen again."""
    before = {code: digests(path) for code, path in year.editions.items()}
    last = read_content(year.editions[CODES[-1]])
    nights = [one for one in nights_of(year.source) if one > last.data_cut_off_date][:FURTHER_NIGHTS]
    assert len(nights) == FURTHER_NIGHTS
    for date in nights:
        copy_until(year.source, year.settings.inbox, date)
        with stand_ins_of(year.settings.inbox):
            land_all(year.settings)
        publish_again(at(year.settings, date), year.template)
    assert {code: digests(path) for code, path in year.editions.items()} == before
    assert [edition.damaged(year.settings, path.name) for path in year.editions.values()] == [[]] * len(CODES)
    made = edition.freeze(at(year.settings, nights[-1]), CODES[-1])
    again = edition.freeze(at(year.settings, nights[-1]), CODES[-1])
    assert (again.edition, again.is_new) == (made.edition, False)
    if made.is_new:
        told = edition.diff(year.settings, f"{CODES[-1]}-1", made.edition)
        assert (made.edition, made.corrects, made.changes) == (f"{CODES[-1]}-2", f"{CODES[-1]}-1", len(told))
        assert read_content(made.path).changes == told
    log.info("%s: %s changes", made.edition, made.changes)


def test_an_edition_follows_from_its_deliveries(year: Year, tmp_path: Path) -> None:
    """Another home and key, and nothing but what the manifest names: the same content.

    A file that came again with the same bytes is one delivery, as new as its last extract: it comes under that day.
    """
    folder = year.editions[CODES[-1]]
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    settings = settings_of(tmp_path, tmp_path / "inbox")
    settings.prepare()
    inbox = year.inboxes[CODES[-1]]
    for delivery in manifest["deliveries"]:
        file = Path(delivery["dataset"]) / delivery["file"]
        (settings.inbox / file).parent.mkdir(parents=True, exist_ok=True)
        newest = (delivery["as_of"] or "").replace("-", "")
        shutil.copy(inbox / file, settings.inbox / re.sub(r"\d{8}(?=\.csv$)", newest, str(file)))
    shutil.copy(inbox / SYNTHETIC_MARKER, settings.inbox / SYNTHETIC_MARKER)
    with stand_ins_of(settings.inbox):
        land_all(settings)
    release = publish_again(at(settings, dt.date.fromisoformat(manifest["as_of"])), year.template)
    assert release.content_hash == manifest["content_hash"]
