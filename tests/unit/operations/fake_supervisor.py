"""The supervisor of `make up` over the stand-in for Airflow, with short waits."""

from __future__ import annotations

import sys
from pathlib import Path

from include.operations import standalone
from include.settings import Settings

standalone.PAUSE_SECONDS = 0.2
standalone.END_SECONDS = 1.0
program = (sys.executable, str(Path(__file__).parent / "fake_airflow.py"))
raise SystemExit(standalone.supervise(Settings(), int(sys.argv[1]), {"ADDED": "yes"}, airflow=program))
