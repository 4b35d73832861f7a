"""The political document: the real one of 2017 with all its traps, synthetic ones back and forth, damaged ones."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pytest
import typst
import yaml

from include.demo.agreement import AgreementTruth, write_agreement
from include.errors import DeliveryRejected
from include.landing.contract import load_contracts
from include.sources import agreement_pdf
from include.sources.budget_agreement import SCHEMA, AgreedInitiative, Agreement, parse_agreement, read
from include.sources.text import decode

Edit = Callable[[str], str]


def parsed(path: Path) -> Agreement:
    lines = agreement_pdf.lines(path)[0] if path.suffix == ".pdf" else decode(path).split("\n")
    return parse_agreement(lines, path.name)


def milestone(agreement: Agreement, initiative_id: str, code: str) -> str | None:
    (found,) = (
        milestone.milestone_text
        for initiative in agreement.initiatives
        if initiative.initiative_id == initiative_id
        for milestone in initiative.milestones
        if milestone.follow_up_code == code
    )
    return found


@pytest.fixture(scope="module")
def real_file(shared: Path) -> Path:
    return shared / "inbox" / "budget_agreement" / "aftale_om_budget_2017.txt"


@pytest.fixture(scope="module")
def real(real_file: Path) -> Agreement:
    return parsed(real_file)


@pytest.fixture(scope="module")
def by_id(real: Agreement) -> dict[str, AgreedInitiative]:
    return {initiative.initiative_id: initiative for initiative in real.initiatives}


@pytest.fixture(scope="module")
def facts(shared: Path) -> dict[str, dict[str, object]]:
    with (shared / "domain" / "budget_document.yaml").open(encoding="utf-8") as stream:
        loaded: dict[str, dict[str, object]] = yaml.safe_load(stream)
    return loaded


class TestRealDocument:
    def test_the_head(self, real: Agreement, facts: dict[str, dict[str, object]]) -> None:
        document = facts["budget_document"]
        assert real.year == 2017
        assert real.case_number == document["case_id"]
        assert real.document_date == dt.date.fromisoformat(str(document["date"]))

    def test_the_counts(self, real: Agreement, facts: dict[str, dict[str, object]]) -> None:
        milestones = [
            (f"{initiative.initiative_id} {found.follow_up_code}", found.milestone_text)
            for initiative in real.initiatives
            for found in initiative.milestones
        ]
        counted = {
            "initiative_blocks": len(real.initiatives),
            "distinct_numbers": len({initiative.initiative_id[:4] for initiative in real.initiatives}),
            "milestone_rows": len(milestones),
            "milestone_rows_with_text": sum(text is not None for _, text in milestones),
            "milestone_rows_empty": sum(text is None for _, text in milestones),
            "finance_rows": len(real.initiatives),
            "finance_rows_empty": sum(initiative.finance_text is None for initiative in real.initiatives),
            "contributors_empty": sum(not initiative.contributors for initiative in real.initiatives),
            "by_type": Counter(initiative.initiative_type for initiative in real.initiatives),
            "by_responsible_center": Counter(initiative.responsible_center for initiative in real.initiatives),
            "empty_milestones": [place for place, text in milestones if text is None],
            "empty_finance": [found.initiative_id for found in real.initiatives if found.finance_text is None],
            "empty_contributors": [found.initiative_id for found in real.initiatives if not found.contributors],
            "blocks_with_text_after_center_lines": sum(found.elaboration is not None for found in real.initiatives),
        }
        expected = facts["counts"]
        assert counted == {name: expected[name] for name in counted}
        assert {found.committee for found in real.initiatives} == {"Børne- og Skoleudvalget"}

    def test_repeated_milestones(self, real: Agreement, facts: dict[str, dict[str, object]]) -> None:
        repeated = facts["counts"]["repeated_milestone_texts"]
        assert isinstance(repeated, dict)
        for text, places in repeated.items():
            for place in places:
                assert milestone(real, *place.split()) == text

    def test_finance_of_the_year(self, real: Agreement, facts: dict[str, dict[str, object]]) -> None:
        totals = facts["control_totals_2017"]
        by_kind: Counter[str] = Counter()
        by_type: Counter[str] = Counter()
        for initiative in real.initiatives:
            for amount in initiative.amounts:
                if amount.budget_year == real.year:
                    assert amount.stated_in == "finance"
                    by_kind[amount.amount_kind] += int(amount.amount_mdkk * 1000)
                    if amount.amount_kind == "expenditure":
                        by_type[initiative.initiative_type] += int(amount.amount_mdkk * 1000)
        assert by_kind["expenditure"] == 105_150 == round(float(str(totals["expenditure"])) * 1000)
        assert by_kind["saving"] == 1_700 == round(-float(str(totals["savings"])) * 1000)
        expected = totals["expenditure_by_type"]
        assert isinstance(expected, dict)
        assert by_type == {name: round(value * 1000) for name, value in expected.items()}

    # Every amount that the document states for a year after its own: the only ones that descriptions add.
    LATER = (
        ("3.01", 2018, "expenditure", "3.9"),
        ("3.01", 2019, "expenditure", "3.4"),
        ("3.01", 2020, "expenditure", "2.6"),
        ("3.02", 2018, "expenditure", "5.0"),
        ("3.02", 2019, "expenditure", "2.5"),
        ("3.03-2", 2018, "expenditure", "0.5"),  # yearly in 2017 and 2018; 2017's is the finance line's
        ("3.09", 2018, "saving", "0.3"),  # and on: without an end it is the first year's
        ("3.20", 2018, "expenditure", "7.75"),  # from the list of investments
    )

    def test_descriptions_add_later_years(self, real: Agreement) -> None:
        found = [
            (initiative.initiative_id, amount.budget_year, amount.amount_kind, amount.amount_mdkk)
            for initiative in real.initiatives
            for amount in initiative.amounts
            if amount.stated_in == "description"
        ]
        assert found == [(*place, Decimal(value)) for *place, value in self.LATER]

    # Everything else that looks like an amount, and why it isn't one of this agreement for one year.
    NOT_COUNTED = (
        ("3.03-4", "description", "0.1", "no_year"),  # the finance line's amount, said without its year
        ("3.08", "description", "2.5", "no_year"),  # history: yearly since the school structure of 2015
        ("3.15-1", "description", "23", "several_years"),  # in all over four years
        ("3.15-1", "description", "7", "no_year"),  # the grant released in October 2016; 2017's is in the finance line
        ("3.15-2", "description", "0.75", "no_year"),  # likewise
        ("3.15-2", "description", "1.6", "no_year"),  # a threshold of the rules on tenders
        ("3.16", "description", "10", "several_years"),  # the next four years
        ("3.17", "description", "66", "no_year"),  # set aside before, for the whole building
        ("3.17", "description", "2.7", "no_year"),  # a frame for extras, of no stated year
        ("3.19", "finance", "15", "history"),  # the agreement of 2016
        ("3.19", "finance", "9.5", "transfer"),  # from 2016 to 2017: part of the 14.5 that are stated as the sum
        ("3.19", "description", "15", "no_year"),  # the same 15 again
        ("7.08", "description", "0.2", "no_year"),  # the finance line's amount, said without its year
    )

    def test_what_is_no_amount_says_why(self, real: Agreement) -> None:
        found = [
            (initiative.initiative_id, place, mention.mdkk, mention.reason)
            for initiative in real.initiatives
            for place, mention in initiative.not_counted
        ]
        assert found == [(name, place, Decimal(value), reason) for name, place, value, reason in self.NOT_COUNTED]

    def test_single_finance_lines(self, by_id: dict[str, AgreedInitiative]) -> None:
        def amounts(name: str) -> list[tuple[str, Decimal]]:
            return [
                (found.amount_kind, found.amount_mdkk) for found in by_id[name].amounts if found.budget_year == 2017
            ]

        assert amounts("3.19") == [("expenditure", Decimal("14.5"))]
        assert amounts("3.04") == [("expenditure", Decimal("7.5")), ("saving", Decimal("1.5"))]
        assert amounts("7.08") == [("expenditure", Decimal("0.2"))]
        assert amounts("3.03-1") == amounts("3.13") == amounts("3.05") == []

    def test_titles_and_numbers(self, real: Agreement, by_id: dict[str, AgreedInitiative]) -> None:
        assert " ".join(initiative.initiative_id for initiative in real.initiatives) == (
            "3.01 3.02 3.03-1 3.03-2 3.03-3 3.03-4 3.04 3.05 3.06 3.08 3.09 3.10 3.11 3.12 3.13 3.15-1 3.15-2 3.16 "
            "3.17 3.19 3.20 7.08"
        )
        assert by_id["3.01"].title == "Kvalitet i dagtilbud og skoler: Fællesskab for Alle"
        assert by_id["3.03-2"].title == "Den tidlige indsats - del 2 - Headspace"
        assert by_id["3.03-4"].title.endswith("(Familiehuset) for børn og unge med højt skolefravær")
        assert by_id["3.13"].title == "Bøtø, evt. frasalg af grunde"
        assert {found.section_title for found in real.initiatives[:-1]} == {"Sammenhængende udviklingsforløb 0-25 år"}
        assert by_id["7.08"].section_title == "Borgeren og Kommunen"

    def test_hyphens(self, real: Agreement, by_id: dict[str, AgreedInitiative]) -> None:
        texts = "\n".join(
            text or ""
            for found in real.initiatives
            for text in (
                *(found.title, found.description, found.elaboration, found.finance_text),
                *(entry.milestone_text for entry in found.milestones),
            )
        )
        for kept in (
            "§ 50-undersøgelserne",
            "12-25 år",
            "UCC-bygningen",
            "tidligere UCC-bygning",
            "it-udstyr",
            "e-mail",
        ):
            assert kept in texts
        for kept in (
            "Børne- og Skoleudvalget",
            "Erhvervs- og Beskæftigelsesudvalget",
            "om- og tilbygninger",
            "0-1 års",
        ):
            assert kept.rstrip("s") in texts
        assert "Gate 21-projektet" in texts
        assert "angst-problematikker" in texts
        assert not re.findall(r"\w- (?!og )", texts), "a hyphen with a blank stands for a word that follows"
        for divided in ("opfølg-ningerne", "Beskæftigelses-udvalget", "Beskæftigelses-"):
            assert divided not in texts

    def test_no_furniture_label_or_layout_is_left(self, real: Agreement) -> None:
        for initiative in real.initiatives:
            texts = [initiative.title, initiative.description, initiative.elaboration, initiative.finance_text]
            texts += [found.milestone_text for found in initiative.milestones]
            for text in filter(None, texts):
                for left in ("Sagsid", "Udmøntning", "Smiley", "Milepæl", "Ansvarlig", "  ", " \n", "\n\n", "\f"):
                    assert left not in text
                assert text == text.strip()
            for found in initiative.milestones:
                assert "budgetopfølgning 20" not in (found.milestone_text or "")

    @pytest.mark.parametrize(
        ("place", "joined"),
        [
            ("3.10 BO2-2017", "totalentreprenør og de indledende"),
            ("3.11 BO2-2017", "inddraget og hørt. Evt. varsling"),
            ("3.15-1 BO2-2017", "baggrund af de første resultater"),
            ("3.17 YE-2017", "børnehus samt udredning"),
            ("3.19 BO3-2017", "ombygninger pågår."),
        ],
    )
    def test_blank_lines_inside_sentences(self, real: Agreement, place: str, joined: str) -> None:
        text = milestone(real, *place.split())
        assert text
        assert joined in text
        assert "\n" not in text

    def test_a_blank_line_inside_a_finance_sentence(self, by_id: dict[str, AgreedInitiative]) -> None:
        assert (by_id["7.08"].finance_text or "").endswith("vedligehold af Blokhytten.")

    @pytest.mark.parametrize(
        ("place", "starts"),
        [
            ("3.02 BO2-2017", ["Mulighederne", "Afklaring"]),
            ("3.03-2 BO1-2017", ["*"] * 5),
            ("3.03-2 BO3-2017", ["*", "*"]),
            ("3.03-3 BO1-2017", ["Analyse", "Plan"]),
            ("3.03-4 BO1-2017", ["Oplæg", "Plan"]),
            ("3.05 BO1-2017", ["a.", "b."]),
            ("3.05 BO2-2017", ["Ideer", "a.", "b."]),
            ("3.06 BO3-2017", ["Der", "1)", "-", "-", "-", "2)", "-", "3)"]),
            ("3.16 BO2-2017", ["1)", "2)"]),
        ],
    )
    def test_paragraphs_and_bullets_stay(self, real: Agreement, place: str, starts: list[str]) -> None:
        text = milestone(real, *place.split())
        assert text
        assert [line.split(maxsplit=1)[0] for line in text.split("\n")] == starts

    def test_descriptions_keep_their_paragraphs(self, by_id: dict[str, AgreedInitiative]) -> None:
        lines = by_id["3.01"].description.split("\n")
        assert [line[:1] for line in lines] == ["I", "B", "A", "•", "•", "•", "•", "•"]
        elaboration = (by_id["3.01"].elaboration or "").split("\n")
        assert [line[:1] for line in elaboration] == ["D", *"••••••", "I", "R"]

    def test_a_reference_starts_no_initiative(self, by_id: dict[str, AgreedInitiative]) -> None:
        assert "7.03" not in by_id
        assert by_id["3.10"].description.endswith("i afsnit 7.03. UCC – anvendelse og udvikling.")

    def test_contributors_with_commas_in_their_names(self, by_id: dict[str, AgreedInitiative]) -> None:
        schools, families = "Skoler, Institutioner og Kultur", "Børne- og Ungerådgivning"
        assert by_id["3.05"].contributors == ("By, Erhverv og Miljø", "Arbejdsmarkedscenter Ballerup", families)
        assert by_id["3.03-1"].contributors == (schools, families)
        assert by_id["3.04"].contributors == (schools, "Social og Sundhed")
        assert by_id["3.13"].contributors == ("Politisk Sekretariat",)

    def test_typos_stay_as_they_are(self, real: Agreement, by_id: dict[str, AgreedInitiative]) -> None:
        assert "Skolevalget" in (milestone(real, "3.12", "BO2-2017") or "")
        assert "tandlægestruktur" in (milestone(real, "3.20", "BO2-2017") or "")
        assert "UUC Maglemosen" in by_id["3.11"].description

    def test_the_table_raw(self, real_file: Path) -> None:
        contract = load_contracts()["budget_agreement"]
        with duckdb.connect() as connection:
            reading = read(real_file, connection, {column.source_name: True for column in contract.columns}, None)
            assert (reading.rows_in, reading.problems) == (22, [])
            assert reading.notes == [
                "Initiative 3.19: 1 amount of the finance line not counted: it belongs to a year before the agreement.",
                "Initiative 3.19: 1 amount of the finance line not counted: it is moved between years and part of a "
                "sum that is stated.",
            ]
            assert (reading.period_label, reading.as_of) == ("2017", dt.date(2017, 2, 9))
            assert reading.lines([1, 22]) == {1: 42, 22: 1069}
            types = dict(connection.execute("select column_name, column_type from (describe raw)").fetchall())
            assert types == {column.name: column.landed_type for column in contract.columns}
            sums = connection.execute(
                """
                select amount.amount_kind, sum(amount.amount_mdkk)
                from (select unnest(amounts) as amount from raw) where amount.budget_year = 2017
                group by all order by all
                """
            ).fetchall()
            assert sums == [("expenditure", Decimal("105.150")), ("saving", Decimal("1.700"))]


def same(agreement: Agreement, truth: AgreementTruth) -> None:
    """Assert that a document says what was planted, in every cell."""
    assert (agreement.year, agreement.case_number, agreement.document_date) == (
        truth.agreement_year,
        truth.case_number,
        truth.document_date,
    )
    for found, planted, texts in zip(agreement.initiatives, truth.initiatives, truth.texts, strict=True):
        for name in (
            *("initiative_id", "title", "section_title", "initiative_type"),
            *("responsible_center", "committee", "contributors"),
        ):
            assert getattr(found, name) == getattr(planted, name), (planted.initiative_id, name)
        for name in ("description", "elaboration", "finance_text"):
            assert getattr(found, name) == getattr(texts, name), (planted.initiative_id, name)
    assert [
        (initiative.initiative_id, found.follow_up_code, found.milestone_text)
        for initiative in agreement.initiatives
        for found in initiative.milestones
    ] == [(planted.initiative_id, planted.follow_up_code, planted.milestone_text) for planted in truth.milestones]
    assert Counter(
        (initiative.initiative_id, found.budget_year, found.amount_kind, found.amount_mdkk, found.stated_in)
        for initiative in agreement.initiatives
        for found in initiative.amounts
    ) == Counter(
        (planted.initiative_id, planted.budget_year, planted.amount_kind, planted.amount_mdkk, planted.stated_in)
        for planted in truth.amounts
    )


class TestSyntheticDocuments:
    @pytest.mark.parametrize("seed", range(8))
    @pytest.mark.parametrize(("year", "revision"), [(2024, 0), (2025, 0), (2026, 0), (2026, 1)])
    def test_text_comes_back_as_planted(self, tmp_path: Path, year: int, revision: int, seed: int) -> None:
        truth = write_agreement(tmp_path, year, "txt", revision=revision, rng=np.random.default_rng(seed))
        same(parsed(truth.path), truth)

    @pytest.mark.parametrize(("year", "revision"), [(2024, 0), (2026, 1)])
    def test_pdf_comes_back_as_planted(self, tmp_path: Path, year: int, revision: int) -> None:
        truth = write_agreement(tmp_path, year, "pdf", revision=revision)
        same(parsed(truth.path), truth)

    def test_a_pdf_names_pages(self, tmp_path: Path) -> None:
        truth = write_agreement(tmp_path, 2024, "pdf")
        with duckdb.connect() as connection:
            reading = read(truth.path, connection, SCHEMA.names, None)
        assert (reading.rows_in, reading.period_label, reading.as_of) == (22, "2024", truth.document_date)
        pages = list(reading.lines(range(1, 23)).values())
        assert pages == sorted(pages)
        assert (pages[0], pages[-1] > 5) == (2, True)

    @pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig"])
    def test_encodings(self, tmp_path: Path, encoding: str) -> None:
        truth = write_agreement(tmp_path, 2025, "txt")
        truth.path.write_bytes(truth.path.read_text(encoding="utf-8").replace("\n", "\r\n").encode(encoding))
        same(parsed(truth.path), truth)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_agreement(tmp_path_factory.mktemp("document"), 2026, "txt").path.read_text(encoding="utf-8")


def line_of(text: str, what: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), start=1) if what in line)


class TestOtherDocuments:
    def test_another_year(self, document: str) -> None:
        for offset in (3, 2, 1, 0):
            document = document.replace(str(2026 + offset), str(2031 + offset))
        agreement = parse_agreement(document.replace("2025", "2030").split("\n"), "x.txt")
        assert agreement.year == 2031
        codes = {found.follow_up_code for initiative in agreement.initiatives for found in initiative.milestones}
        assert codes == {"BO1-2031", "BO2-2031", "BO3-2031", "YE-2031"}
        years = {amount.budget_year for initiative in agreement.initiatives for amount in initiative.amounts}
        assert years == {2031, 2032, 2033}

    def test_fewer_initiatives_and_units_that_nobody_knows(self, document: str) -> None:
        lines = document.split("\n")
        start = line_of(document, "3.05. ") - 1
        short = "\n".join(lines[:start]).replace("Ansvarligt center: Social og Sundhed", "Ansvarligt center: Vej")
        short = short.replace("Væsentlig bidragsyder: Center for Dagtilbud", "Væsentlig bidragsyder: Børnelab", 1)
        agreement = parse_agreement(short.split("\n"), "x.txt")
        assert [found.initiative_id for found in agreement.initiatives] == (
            ["3.01", "3.02", "3.03-1", "3.03-2", "3.03-3", "3.04"]
        )
        third = agreement.initiatives[2]
        assert third.responsible_center == "Vej"
        assert third.contributors[0] == "Børnelab"
        assert third.contributors[-1] == "Center for Børne- og Ungerådgivning"


class TestNotes:
    """What a person should know of the amounts travels as notes: no row is kept out, no text or value is told."""

    @staticmethod
    def noted(tmp_path: Path, document: str) -> tuple[list[str], dict[tuple[str, int, str], tuple[Decimal, str]]]:
        path = tmp_path / "aftale.txt"
        path.write_text(document, encoding="utf-8")
        with duckdb.connect() as connection:
            reading = read(path, connection, SCHEMA.names, None)
            rows = connection.execute(
                """
                select initiative_id, amount.budget_year, amount.amount_kind, amount.amount_mdkk, amount.stated_in
                from (select initiative_id, unnest(amounts) as amount from raw)
                """
            ).fetchall()
        assert (reading.rows_in, reading.problems) == (22, [])
        return reading.notes, {(name, year, kind): (value, source) for name, year, kind, value, source in rows}

    @pytest.fixture
    def finance(self, document: str) -> Edit:
        """Puts another text into the finance line of 3.01."""
        found = re.search(r"Økonomi Der afsættes [\d,]+ mio\. kr\. i 2026\.", document)
        assert found
        return lambda text: document.replace(found[0], f"Økonomi {text}", 1)

    def test_a_description_that_differs_from_its_finance_line(self, tmp_path: Path, finance: Edit) -> None:
        before, _ = self.noted(tmp_path, finance("Der afsættes 77,7 mio. kr. i 2026."))
        note = (
            "Initiative 3.01: the description states another expenditure for 2026 than the finance line; the finance "
            "line counts."
        )
        assert note in before
        assert not any("77" in one for one in before)
        _, amounts = self.noted(tmp_path, finance("Der afsættes 77,7 mio. kr. i 2026."))
        assert amounts["3.01", 2026, "expenditure"] == (Decimal("77.700"), "finance")

    def test_one_that_says_the_same_is_not_noted(self, tmp_path: Path, document: str) -> None:
        notes, _ = self.noted(tmp_path, document)
        assert not any("description" in note for note in notes)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("Merforbruget på 0,5 mio. kr. finansieres inden for rammen.", "within the frame"),
            ("Der afsættes 400 kr. pr. elev.", "price for each"),
            ("Der afsættes 400 kr. i 2026.", "less than 1,000 kroner"),
            ("Der afsættes 12 mio. kr. over fire år.", "several years"),
            ("Der afsættes 12 mio. kr. til et hus, som er klar i 2027.", "budget year is not told"),
        ],
    )
    def test_each_amount_of_a_finance_line_that_does_not_count(
        self, tmp_path: Path, finance: Edit, text: str, reason: str
    ) -> None:
        notes, amounts = self.noted(tmp_path, finance(text))
        assert any(
            note.startswith("Initiative 3.01: 1 amount of the finance line") and reason in note for note in notes
        )
        # What the description says of the year is then all there is; nothing lands as zero.
        assert {source for (name, *_), (_, source) in amounts.items() if name == "3.01"} == {"description"}
        assert all(value > 0 for value, _ in amounts.values())


DAMAGES: list[tuple[str, Edit, str]] = [
    ("no title", lambda text: text.replace("Aftale om budget 2026 \n", "\n", 1), "title"),
    ("no page head", lambda text: text.replace("Sagsid:", "Sag"), "page head"),
    ("two dates", lambda text: text.replace("12. februar 2026", "13. februar 2026", 1), "different"),
    ("a date that is none", lambda text: text.replace("12. februar", "31. februar"), "date"),
    ("another year in the head", lambda text: text.replace("g af Aftale om budget 2026", "g af Aftale om budget 2025"),
     "year"),
    ("no initiatives", lambda text: text.replace("Kort beskrivelse", "Beskrivelse"), "no initiative"),
    ("empty", lambda text: "", "page head"),
    ("no number", lambda text: text.replace("3.02. ", "Nyt: "), "without number"),
    ("no type", lambda text: text.replace("(anlæg)", "", 1), "drift or anlæg"),
    ("no first header", lambda text: text.replace("Kort beskrivelse af indsatsen (drift)", "", 1), "no beginning"),
    ("cut in a title", lambda text: text[: text.index(" Kort", text.index("7.08. "))],
     "no beginning|cut short"),
    ("no header", lambda text: text.replace("Kort beskrivelse af indsatsen (anlæg)", "", 1), "no beginning"),
    ("no centre field", lambda text: text.replace("Ansvarligt center:", "Center:", 1), "3.01.*center"),
    ("nothing in the centre field", lambda text: text.replace("center: Ejendomme", "center:", 1), "3.10.*center"),
    ("no committee", lambda text: text.replace("Ansvarligt udvalg:", "Udvalg:", 1), "3.01.*udvalg"),
    ("no contributors field", lambda text: text.replace("Væsentlig bidragsyder:", "Med:", 1), "3.01.*bidragsyder"),
    ("no first follow-up", lambda text: text.replace("1. budgetopfølgning 2026", "", 1), "3.01.*four follow-ups"),
    ("no last follow-up", lambda text: text.replace("31.12.2026", "", 1), "3.01"),
    ("follow-ups out of order", lambda text: text.replace("3. budgetopf", "2. budgetopf", 1), "3.01.*four follow-ups"),
    ("a follow-up twice", lambda text: text.replace("Milepæl Alle distrikter",
     "Milepæl Igen. 2. budgetopfølgning 2026 \nMilepæl Alle distrikter", 1), "3.01.*four follow-ups"),
    ("years mixed", lambda text: text.replace("2. budgetopfølgning 2026", "2. budgetopfølgning 2027", 1), "3.01.*four"),
    ("no finance line", lambda text: text.replace("Økonomi ", "", 1), "3.01.*finance line"),
    ("cut in a milestone", lambda text: text[: text.index("Tiderne er fordelt")], "7.08.*finance line"),
    ("cut in the last finance line", lambda text: text[: text.rindex("stierne")], "cut short"),
    ("an unreadable amount", lambda text: text.replace("Økonomi Der skal anvendes ", "Økonomi Der skal anvendes x"),
     "number"),
]  # fmt: skip


class TestDamagedDocuments:
    @pytest.mark.parametrize(("edit", "message"), [pytest.param(*damage[1:], id=damage[0]) for damage in DAMAGES])
    def test_is_rejected_with_file_line_and_remedy(self, document: str, edit: Edit, message: str) -> None:
        damaged = edit(document)
        assert damaged != document
        with pytest.raises(DeliveryRejected, match=f"(?s){message}") as rejected:
            parse_agreement(damaged.split("\n"), "aftale.txt")
        assert rejected.value.file == "aftale.txt"
        assert rejected.value.line
        assert rejected.value.remedy

    def test_the_line_is_that_of_the_initiative(self, document: str) -> None:
        damaged = document.replace("Ansvarligt center: Ejendomme", "Center: Ejendomme", 1)
        with pytest.raises(DeliveryRejected) as rejected:
            parse_agreement(damaged.split("\n"), "aftale.txt")
        assert rejected.value.line == line_of(document, "3.10. ")

    def test_no_message_holds_the_number(self, document: str) -> None:
        damaged = document.replace("Økonomi Der afsættes ", "Økonomi Der afsættes 98,76,", 1)
        with pytest.raises(DeliveryRejected) as rejected:
            parse_agreement(damaged.split("\n"), "aftale.txt")
        assert "98,76" not in str(rejected.value)

    def test_no_pdf(self, tmp_path: Path) -> None:
        path = tmp_path / "aftale.pdf"
        path.write_bytes(b"%PDF-1.7 cut short")
        with duckdb.connect() as connection, pytest.raises(DeliveryRejected, match="can't be read as a PDF"):
            read(path, connection, SCHEMA.names, None)

    def test_a_pdf_without_text(self, tmp_path: Path) -> None:
        path = tmp_path / "aftale.pdf"
        typst.compile(b"#rect(width: 5cm, height: 5cm)", output=str(path))
        with duckdb.connect() as connection, pytest.raises(DeliveryRejected, match="holds no text"):
            read(path, connection, SCHEMA.names, None)

    def test_a_damaged_pdf_names_the_page(self, tmp_path: Path) -> None:
        path = tmp_path / "aftale.pdf"
        typst.compile(
            "Børne- og Skoleudvalget Udmøntning af Aftale om budget 2030\n\nSagsid: 00.30-S00-1-30 1. februar 2030\n\n"
            'Aftale om budget 2030 #pagebreak() #text("3.01. Noget")\n\n'
            "Kort beskrivelse af indsatsen (drift)\n\nEn tekst.".encode(),
            output=str(path),
        )
        with (
            duckdb.connect() as connection,
            pytest.raises(DeliveryRejected, match=r"On page 2: Initiative 3\.01") as rejected,
        ):
            read(path, connection, SCHEMA.names, None)
        assert rejected.value.file == "aftale.pdf"

    def test_a_contract_with_other_columns_is_a_mistake(self, real_file: Path) -> None:
        with duckdb.connect() as connection, pytest.raises(ValueError, match="reads"):
            read(real_file, connection, {"title": True}, None)
