"""Make the env file of the containers: `python3.11 container_env.py` writes `.env` beside docker-compose.yaml, once.

Every secret in it is drawn at random here; there is no default anywhere, and docker compose refuses to start without
the file. It is for its owner alone (0600) and not in git. A file that is there already is left as it is: other secrets
would lock Airflow out of its own metadata. The standard library is enough, so no environment is needed for it.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
HEAD = """\
# Secrets of the containers (docker-compose.yaml), made by container_env.py. Keep a copy in the safe: without the Fernet
# key Airflow can't read the connections that were entered on its page. To change the password of the page, change it
# here and start the containers again.
"""


def content(inbox: Path) -> str:
    """The file's lines: secrets without any sign that a shell, a URL, YAML or JSON would read as something else."""
    values = {
        "POSTGRES_PASSWORD": secrets.token_urlsafe(32),
        "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
        "AIRFLOW_JWT_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW_API_SECRET": secrets.token_urlsafe(48),
        "AIRFLOW_ADMIN_PASSWORD": secrets.token_urlsafe(15),
        "INBOX": str(inbox),
    }
    return HEAD + "".join(f"{name}={value}\n" for name, value in values.items())


def write(file: Path, inbox: Path) -> None:
    """Write the file for its owner alone. Raises FileExistsError if there is one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(content(inbox))


def main() -> int:
    """Exit code 0 if the file was written."""
    file = ROOT / ".env"
    inbox = Path(os.environ.get("WAREHOUSE_INPUTS") or ROOT / ".warehouse" / "inbox").absolute()
    try:
        write(file, inbox)
    except FileExistsError:
        sys.stderr.write(f"{file} is there already and stays; delete it only together with the containers' volumes\n")
        return 1
    lines = [
        f"written: {file}, for you alone",
        f"the containers read deliveries from {inbox}",
        "start them: docker compose up --detach --build",
        "Airflow's page: http://127.0.0.1:8080, user admin, password: AIRFLOW_ADMIN_PASSWORD of that file",
    ]
    sys.stderr.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
