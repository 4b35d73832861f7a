"""The budget agreements of three years as the council's documents, and a corrected one of the last."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from include.demo.agreement import AgreementTruth, write_agreement
from include.demo.deliveries import NIGHTS
from include.demo.world import World

_CORRECTED_ON, _CORRECTED_DATE = NIGHTS[2], NIGHTS[1]


def generate(world: World) -> dict[str, Any]:
    """Write the documents: one as PDF, the others as text."""
    folder = world.inbox / "budget_agreement"

    def rng(year: int) -> np.random.Generator:
        """A correction starts from the same state as what it corrects."""
        return np.random.default_rng([world.seed, year])

    documents = [
        (write_agreement(folder, 2024, "pdf", rng=rng(2024)), world.calendar.backfill),
        (write_agreement(folder, 2025, "txt", rng=rng(2025)), world.calendar.backfill),
    ]
    adopted = write_agreement(folder, 2026, "txt", rng=rng(2026))
    documents.append((adopted, max(world.calendar.backfill, adopted.document_date)))
    corrected = write_agreement(folder, 2026, "txt", revision=1, date=_CORRECTED_DATE, rng=rng(2026))
    documents.append((corrected, _CORRECTED_ON))
    newest = {document.agreement_year: document for document, _ in documents}
    files = {}
    for document, came in documents:
        path = f"{folder.name}/{document.path.name}"
        world.came(path, came)
        rows = len(document.initiatives)
        files[path] = {
            "rows": rows,
            "current_rows": rows if newest[document.agreement_year] is document else 0,
            "agreement_year": document.agreement_year,
            "document_date": document.document_date.isoformat(),
        }
    return {"deliveries": files, "agreements": {str(year): _agreement(document) for year, document in newest.items()}}


def _agreement(document: AgreementTruth) -> dict[str, Any]:
    """What the newest document of a year says: its initiatives, milestones and amounts."""
    return {
        "document_date": document.document_date.isoformat(),
        "case_number": document.case_number,
        "initiatives": [dataclasses.asdict(initiative) for initiative in document.initiatives],
        "finance_texts": {text.initiative_id: text.finance_text for text in document.texts},
        "milestones": [dataclasses.asdict(milestone) for milestone in document.milestones],
        "amounts": [
            dataclasses.asdict(amount) | {"amount_mdkk": str(amount.amount_mdkk)} for amount in document.amounts
        ],
    }
