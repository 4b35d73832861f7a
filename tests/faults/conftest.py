"""What the tests of faults share: one undisturbed night of a few small deliveries."""

from __future__ import annotations

import pytest
from fault_night import Place, good_night, pick_inbox

from include.demo.municipality import generate


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home after one good night without Airflow, in a folder of its own; tests only read it, or copy it."""
    root = tmp_path_factory.mktemp("undisturbed")
    small = generate(root / "small", size="small").inbox
    place = Place(root / "place", pick_inbox(small, root / "inbox"))
    good_night(place)
    return place
