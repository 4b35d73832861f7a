"""What the environment may say of the schedule, and what it may not."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from include.settings import Settings


@pytest.mark.parametrize("cron", ["0 1 * * *", "30 3 * * *", "*/6 * * * *", "15 12,22 * * 1-5", "0 3-6/2 * * *"])
def test_a_municipality_may_have_other_hours(monkeypatch: pytest.MonkeyPatch, cron: str) -> None:
    monkeypatch.setenv("WAREHOUSE_REFRESH_AT", f" {cron} ")
    assert Settings().refresh_at == cron
    assert Settings().environment()["WAREHOUSE_REFRESH_AT"] == cron


@pytest.mark.parametrize("cron", ["30 2 * * *", "0 1,2 * * *", "0 1-4 * * *", "0 2/3 * * *"])
def test_not_in_the_hour_that_daylight_saving_time_repeats_or_leaves_out(cron: str) -> None:
    with pytest.raises(ValidationError, match="daylight saving time"):
        Settings(extract_at=cron)


@pytest.mark.parametrize("cron", ["", "0 1 * *", "@daily", "0 1 * * * *"])
def test_what_is_no_cron_text_is_refused(cron: str) -> None:
    with pytest.raises(ValidationError, match="five fields"):
        Settings(refresh_at=cron)
