"""One settings object for the whole program, read from the environment.

Every path below the warehouse home is named here and nowhere else, so that a reader can see in one place what a
night leaves on disk and a test can point all of it at a temporary folder.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds `dags/`, `dbt_project/`, `expectations/` and `include/`."""

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
"""The zone of every schedule and of every date a person reads; instants are stored in UTC."""

DOMAINS = ("budget", "school_absence", "referrals", "trivsel")
"""The four domains, in the order in which they are shown."""

SYNTHETIC_MARKER = "SYNTHETIC.json"
"""A file in the root of an inbox that says: everything here is made up (`include/demo` writes it)."""

_CRON_FIELDS = 5
_DOUBTFUL_HOUR = 2
"""The hour of the night that comes twice in October and never in March."""


class Settings(BaseSettings):
    """Paths, municipality and limits. Environment variables carry the prefix `WAREHOUSE_`."""

    model_config = SettingsConfigDict(env_prefix="WAREHOUSE_", extra="ignore", frozen=True)

    home: Path = Field(default=PROJECT_ROOT / ".warehouse", description="everything a night writes, but the key")
    inputs: Path | None = Field(default=None, description="another inbox than <home>/inbox")
    key_file: Path = Field(
        default=Path.home() / ".config" / "municipal-warehouse" / "person.key",
        description="the secret key of the pseudonyms; opened by the landing process only",
    )
    municipality_code: str = Field(default="151", pattern=r"^\d{3}$")
    municipality_name: str = "Ballerup"
    as_of: dt.date | None = Field(default=None, description="the business date of the night; today if empty")
    corrects: bool = Field(
        default=False, description="figures about persons may change within their month: after an error was mended"
    )
    kept_releases: int = Field(default=14, ge=1)
    threads: int = Field(default=2, ge=1)
    memory_limit: str = Field(default="8GB", description="DuckDB's own limit, a process")
    extract_at: str = Field(default="0 1 * * *", description="when the extracts start, as cron in Danish time")
    refresh_at: str = Field(default="30 3 * * *", description="when the refresh starts at the latest, as cron")
    erase_at: str = Field(default="0 5 1 * *", description="when retention erases, as cron in Danish time")
    notice_mail: str = Field(
        default="", description="who gets notices by mail, comma between them; sent through Airflow's `smtp_default`"
    )
    notice_webhook: str = Field(
        default="", description="the Airflow connection (type http) of the webhook that gets notices"
    )

    @field_validator("home", "inputs", "key_file")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        # Child processes have folders of their own to stand in.
        return path.expanduser().absolute() if path is not None else None

    @field_validator("extract_at", "refresh_at", "erase_at")
    @classmethod
    def _outside_the_doubtful_hour(cls, cron: str) -> str:
        """Five fields, and no start that daylight saving time would repeat or leave out."""
        fields = cron.split()
        if len(fields) != _CRON_FIELDS:
            raise ValueError("a cron schedule has five fields: minute, hour, day of month, month, day of week")
        for part in fields[1].split(","):
            first, _, last = part.partition("/")[0].partition("-")
            if first.isdigit() and int(first) <= _DOUBTFUL_HOUR <= int(last or first):
                raise ValueError("between 02:00 and 03:00 daylight saving time repeats or leaves out an hour")
        return " ".join(fields)

    def prepare(self) -> None:
        """Make the home and its folders: readers pass through to `releases`, all else is for the owner only."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o755)
        for folder in (
            self.landing,
            self.vault,
            self.staging,
            self.fetched,
            self.operations,
            self.airflow_home,
            self.home / "inbox",
        ):
            folder.mkdir(exist_ok=True, mode=0o700)
            folder.chmod(0o700)

    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, for a process of its own."""
        return {
            f"WAREHOUSE_{name.upper()}": str(value) for name, value in self.model_dump().items() if value is not None
        }

    @property
    def inbox(self) -> Path:
        """The folder that holds one folder a dataset, named as the dataset."""
        return (self.inputs or self.home / "inbox").resolve()

    @property
    def owns_inbox(self) -> bool:
        """True if the inbox lies under the home, so that files in it are the warehouse's own to remove."""
        return self.inbox.is_relative_to(self.home.resolve())

    @property
    def fetched(self) -> Path:
        """Answers of outside APIs, one folder a dataset: public statistics only, never person data."""
        return self.home / "fetched"

    @property
    def landing(self) -> Path:
        """Typed rows of deliveries as Parquet, one folder a dataset."""
        return self.home / "landing"

    @property
    def ledger_file(self) -> Path:
        """SQLite: which delivery came when and what became of it, quarantine, steps of the nights."""
        return self.landing / "ledger.sqlite"

    @property
    def vault(self) -> Path:
        """SQLite files that turn a keyed digest of a person number into a random id, one a purpose."""
        return self.home / "vault"

    @property
    def operations(self) -> Path:
        """The run log and the record of erasures."""
        return self.home / "operations"

    @property
    def erasures_file(self) -> Path:
        """SQLite: what was erased when, in counts; and what of known files must not land again."""
        return self.operations / "erasures.sqlite"

    @property
    def editions(self) -> Path:
        """Protected figures that stand for good, one folder an edition."""
        return self.home / "editions"

    @property
    def follow_up(self) -> Path:
        """What is made ahead of a budget follow-up, one folder a follow-up; its `forms/` go to the centres."""
        return self.home / "follow_up"

    @property
    def staging(self) -> Path:
        """Private folders of runs that have not been published."""
        return self.home / "staging"

    @property
    def releases(self) -> Path:
        """Published warehouses, one folder a release, and the link `current`."""
        return self.home / "releases"

    @property
    def current_release(self) -> Path:
        """The link to the release that BI tools read."""
        return self.releases / "current"

    @property
    def airflow_home(self) -> Path:
        """Airflow's own files for runs on one machine (SQLite metadata, logs)."""
        return self.home / "airflow"

    @property
    def notice_channels(self) -> tuple[str, ...]:
        """The channels to which notices go: `mail`, `webhook`, both or none."""
        configured = {"mail": self.notice_mail, "webhook": self.notice_webhook}
        return tuple(channel for channel, target in configured.items() if target.strip())

    @property
    def synthetic_marker(self) -> dict[str, object] | None:
        """What the inbox says of itself if it is synthetic (`as_of`, `size`, `seed`), else None."""
        marker = self.inbox / SYNTHETIC_MARKER
        return json.loads(marker.read_text("utf-8")) if marker.is_file() else None

    @property
    def is_synthetic(self) -> bool:
        """True if the inbox holds the synthetic municipality."""
        return self.synthetic_marker is not None

    @property
    def night(self) -> dt.date:
        """The business date: `WAREHOUSE_AS_OF`, else what a synthetic inbox says, else today in Copenhagen."""
        if self.as_of is not None:
            return self.as_of
        if self.synthetic_marker is not None:
            return dt.date.fromisoformat(str(self.synthetic_marker["as_of"]))
        return dt.datetime.now(COPENHAGEN).date()
