"""What docker-compose.yaml, Dockerfile and the env file promise. No container engine is needed.

With docker compose on the machine its own check of the file runs too; where it is not, that one test says so.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from include.operations import standalone
from include.settings import PROJECT_ROOT

COMPOSE = PROJECT_ROOT / "docker-compose.yaml"
PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
AIRFLOW = ("init", *PARTS)
SECRETS = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY")
KEY = "/var/lib/warehouse-key"
REQUIRED = re.compile(r"\$\{([A-Z_]+):\?[^}]+\}")
VARIABLE = re.compile(r"\$\{([A-Z_]+)[^}]*\}")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    return found


@pytest.fixture(scope="module")
def container_env() -> ModuleType:
    spec = importlib.util.spec_from_file_location("container_env", PROJECT_ROOT / "container_env.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def env_of(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def compose_program() -> list[str] | None:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is None:
            continue
        if subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    return None


# ---- the parts


def test_airflow_s_parts_are_services_of_one_image_with_postgres(services: dict[str, Any]) -> None:
    assert set(services) == {"postgres", *AIRFLOW}
    assert len({services[name]["image"] for name in AIRFLOW}) == 1
    for part in PARTS:
        assert services[part]["command"][:2] == ["airflow", part]
        assert services[part]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
        assert "@postgres:5432/" in services[part]["environment"]["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert "airflow db migrate" in services["init"]["command"][-1]


def test_the_parts_are_those_of_one_machine(services: dict[str, Any]) -> None:
    assert set(PARTS) == set(standalone.PARTS)


def test_all_parts_wait_for_the_metadata_to_be_brought_up_to_date(services: dict[str, Any]) -> None:
    for part in PARTS:
        assert services[part]["depends_on"]["init"] == {"condition": "service_completed_successfully"}
    assert services["init"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    # A task that gets no answer has failed a try.
    assert services["scheduler"]["depends_on"]["api-server"] == {"condition": "service_healthy"}


def test_postgres_is_healthy_only_when_it_answers_the_network(services: dict[str, Any]) -> None:
    # While it makes its first database it answers on its socket alone, and then it starts anew.
    assert "--host=127.0.0.1" in services["postgres"]["healthcheck"]["test"]


def test_tasks_find_the_api_server_and_speak_with_the_same_secrets(services: dict[str, Any]) -> None:
    for part in AIRFLOW:
        environment = services[part]["environment"]
        assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://api-server:8080/execution/"
        for secret in SECRETS:
            assert environment[secret] == services["api-server"]["environment"][secret], f"{part}: {secret}"


def test_each_service_that_stays_says_whether_it_is_healthy(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if name == "init":
            assert service["restart"] == "no"
        else:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


# ---- secrets


def test_no_secret_has_a_value_or_a_default_here(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for variable, value in service["environment"].items():
            if re.search(r"PASSWORD$|SECRET|FERNET|SQL_ALCHEMY_CONN", variable):
                assert REQUIRED.search(str(value)), f"{name}: {variable} must come from the env file: ${{NAME:?…}}"
                assert not REQUIRED.sub("", str(value)).count("${"), f"{name}: {variable} has a default"
    assert not re.search(r":-[^}]*(password|secret|airflow)", COMPOSE.read_text("utf-8"), flags=re.IGNORECASE)


def test_the_env_file_holds_what_compose_asks_for_and_no_more(container_env: ModuleType) -> None:
    text = COMPOSE.read_text("utf-8")
    assert set(env_of(container_env.content(Path("/data/inbox")))) == set(REQUIRED.findall(text))
    assert set(REQUIRED.findall(text)) < set(VARIABLE.findall(text))


def test_secrets_are_long_and_new_each_time_and_need_no_quotes(container_env: ModuleType) -> None:
    first, second = (env_of(container_env.content(Path("/data/inbox"))) for _ in range(2))
    for name in set(first) - {"INBOX"}:
        assert first[name] != second[name]
        assert len(first[name]) >= 20
        assert re.fullmatch(r"[A-Za-z0-9_=-]+", first[name]), name
    assert first["INBOX"] == "/data/inbox"


def test_the_env_file_is_private_and_never_overwritten(
    container_env: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(container_env, "ROOT", tmp_path)
    monkeypatch.setenv("WAREHOUSE_INPUTS", "/data/inbox")
    assert container_env.main() == 0
    before = (tmp_path / ".env").read_text("utf-8")
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr().err
    assert "/data/inbox" in said
    assert not any(value in said for name, value in env_of(before).items() if name != "INBOX")

    assert container_env.main() == 1
    assert "stays" in capsys.readouterr().err
    assert (tmp_path / ".env").read_text("utf-8") == before


def test_the_env_file_stays_out_of_git_and_image() -> None:
    assert ".env" in (PROJECT_ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert (PROJECT_ROOT / ".dockerignore").read_text("utf-8").splitlines()[1] == "*"


# ---- persons


def test_the_key_is_only_where_deliveries_land_and_outside_the_warehouse(services: dict[str, Any]) -> None:
    scheduler = services["scheduler"]
    assert f"key:{KEY}" in scheduler["volumes"]
    assert scheduler["environment"]["WAREHOUSE_KEY_FILE"] == f"{KEY}/person.key"
    assert not scheduler["environment"]["WAREHOUSE_KEY_FILE"].startswith(
        scheduler["environment"]["WAREHOUSE_HOME"] + "/"
    )
    for name in set(services) - {"scheduler"}:
        assert KEY not in str(services[name]), f"{name} has no business with the key"


def test_deliveries_and_warehouse_are_with_the_tasks_alone(services: dict[str, Any]) -> None:
    inbox = next(volume for volume in services["scheduler"]["volumes"] if "INBOX" in volume)
    assert inbox.endswith(":ro")
    for name in set(services) - {"scheduler"}:
        assert not [v for v in services[name]["volumes"] if "INBOX" in v or v.startswith("warehouse:")], name


# ---- exposure


def test_nothing_but_the_page_is_published_and_that_on_loopback(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(published) == ["api-server"]
    (port,) = published["api-server"]
    assert port.startswith("127.0.0.1:")
    assert port.endswith(":8080")
    for service in services.values():
        assert "network_mode" not in service
        assert "privileged" not in service


def test_the_metadata_are_not_reached_from_outside(services: dict[str, Any]) -> None:
    networks = yaml.safe_load(COMPOSE.read_text("utf-8"))["networks"]
    assert networks["inside"]["internal"] is True
    assert services["postgres"]["networks"] == ["inside"]
    assert [name for name in services if "outside" in services[name]["networks"]] == ["api-server", "scheduler"]


def test_nobody_is_root(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["user"] in {"10001:10001", "postgres"}, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    assert (PROJECT_ROOT / "Dockerfile").read_text("utf-8").rstrip().splitlines()[-1] == "USER 10001:10001"


# ---- the image


def test_images_are_pinned_by_version(services: dict[str, Any]) -> None:
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text("utf-8")
    images = re.findall(r"^FROM (\S+)", dockerfile, flags=re.MULTILINE) + [s["image"] for s in services.values()]
    for image in images:
        assert re.search(r":\d+\.\d+(\.\d+)?(-[a-z]+)*$", image), image


def test_the_image_has_the_locked_environment_with_postgres(services: dict[str, Any]) -> None:
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text("utf-8")
    syncs = re.findall(r"sync (--\S.*?)(?:$|&&)", dockerfile, flags=re.MULTILINE)
    assert len(syncs) == 2
    assert all("--frozen --no-dev --group postgres" in sync for sync in syncs)
    assert "bootstrap.py" in dockerfile
    assert "pip install" not in dockerfile
    project = (PROJECT_ROOT / "pyproject.toml").read_text("utf-8")
    assert re.search(r"^postgres = \[\n.*asyncpg.*\n.*psycopg2", project, flags=re.MULTILINE)


def test_the_image_gets_all_that_a_night_needs() -> None:
    dockerfile = (PROJECT_ROOT / "Dockerfile").read_text("utf-8")
    kept = (PROJECT_ROOT / ".dockerignore").read_text("utf-8")
    for folder in ("include", "dags", "dbt_project", "expectations"):
        assert f"COPY {folder} {folder}" in dockerfile
        assert f"\n!{folder}\n" in kept
    copied = {
        name for line in re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, flags=re.MULTILINE) for name in line.split()
    }
    assert {f"!{name}" for name in copied} == set(re.findall(r"^!\S+$", kept, flags=re.MULTILINE))


# ---- docker compose itself


def test_docker_compose_takes_the_file_with_the_env_file_and_refuses_it_without(
    container_env: ModuleType, tmp_path: Path
) -> None:
    program = compose_program()
    if program is None:
        pytest.skip("docker compose is not on this machine, so it can't check docker-compose.yaml")
    for file in (COMPOSE, PROJECT_ROOT / "Dockerfile"):
        shutil.copy(file, tmp_path)
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}

    def config() -> subprocess.CompletedProcess[str]:
        command = [*program, "-f", "docker-compose.yaml", "config"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    refused = config()
    assert refused.returncode != 0
    assert "run make env first" in refused.stderr

    container_env.write(tmp_path / ".env", Path("/data/inbox"))
    taken = config()
    assert taken.returncode == 0, taken.stderr
    services = yaml.safe_load(taken.stdout)["services"]
    secrets = env_of((tmp_path / ".env").read_text("utf-8"))
    assert services["scheduler"]["environment"]["AIRFLOW__CORE__FERNET_KEY"] == secrets["AIRFLOW_FERNET_KEY"]
    assert set(services) == {"postgres", *AIRFLOW}
