"""Stands in for the program `airflow` where process handling is tested: real processes and signals, no Airflow.

`api-server` answers as Airflow's does; the other parts sleep. `FAKE_AIRFLOW` says what goes wrong, comma between.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAULTS = set(os.environ.get("FAKE_AIRFLOW", "").split(","))
DAGS = ("extract_budget", "extract_referrals", "extract_school_absence", "extract_trivsel", "refresh_warehouse")


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/api/v2/monitor/health"):
            health: dict[str, dict[str, str | None]] = {"metadatabase": {"status": "healthy"}}
            for part in ("scheduler", "triggerer", "dag_processor"):
                beat = heartbeat(part).read_text("utf-8") if heartbeat(part).is_file() else None
                healthy = "healthy" if beat and "never-healthy" not in FAULTS else "unhealthy"
                health[part] = {"status": healthy, f"latest_{part}_heartbeat": beat}
            self._answer(health)
        elif self.headers["Authorization"] == "Bearer a-token":
            self._answer({"dags": [{"dag_id": dag, "is_paused": dag == DAGS[3]} for dag in DAGS]})
        else:
            self.send_error(401)

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = json.loads(Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"]).read_text("utf-8"))
        if known.get(given["username"]) == given["password"]:
            self._answer({"access_token": "a-token"})
        else:
            self.send_error(401)

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def heartbeat(part: str) -> Path:
    """Where a part leaves its sign of life, as Airflow's parts do in their metadata."""
    return Path(os.environ["AIRFLOW_HOME"]) / f"{part.replace('-', '_')}.heartbeat"


def main() -> None:
    part = sys.argv[1]
    heartbeat(part).write_text(dt.datetime.now(dt.UTC).isoformat(), "utf-8")
    if part == "db":
        sys.stdout.write("the metadata are locked\n")
        raise SystemExit("migration-fails" in FAULTS)
    if part == "api-server":
        time.sleep(2 * ("slow-api" in FAULTS))
        ThreadingHTTPServer(("127.0.0.1", int(os.environ["AIRFLOW__API__PORT"])), Server).serve_forever()
    if part == "scheduler" and "stubborn" in FAULTS:
        # A task in a session of its own, and neither of the two ends when it is asked to.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, __file__, "task"], start_new_session=True)
    if part == "task":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(120)


if __name__ == "__main__":
    main()
