"""The rules that every DAG keeps. A message names the DAG or the file, and what to do."""

from __future__ import annotations

import ast
import datetime as dt
import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from include.landing.contract import contracts_of
from include.settings import COPENHAGEN, DOMAINS, PROJECT_ROOT

EXTRACTS = [f"extract_{domain}" for domain in DOMAINS]
FOLLOW_UP = ["send_status_forms", "freeze_follow_up"]
ALL = [*EXTRACTS, "refresh_warehouse", "erase_personal_data", *FOLLOW_UP]
HEADINGS = ["Formål", "Beskrivelse", "Afhængigheder", "Schedule", "Når den fejler"]
DAG_FILES = sorted((PROJECT_ROOT / "dags").glob("*.py"))


def sources(folder: str) -> list[Path]:
    return sorted((PROJECT_ROOT / folder).rglob("*.py"))


def imported(file: Path) -> set[str]:
    """The top-level modules that a file imports anywhere, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_the_bag_holds_the_eight_dags_and_no_other(dags: dict[str, Any]) -> None:
    assert sorted(dags) == sorted(ALL)


def test_each_dag_file_is_named_as_its_dag(dags: dict[str, Any]) -> None:
    files = {name: Path(dag.fileloc).name for name, dag in dags.items()}
    assert files == {name: f"{name}.py" for name in ALL}


@pytest.mark.parametrize("name", ALL)
def test_owner_tags_and_one_run_at_a_time(dags: dict[str, Any], name: str) -> None:
    dag = dags[name]
    assert dag.tags, f"{name} has no tags"
    # Those of the follow-ups have nothing on their schedule that is older than today (test_follow_up_dags).
    assert dag.catchup is (name in FOLLOW_UP), f"{name} would run past nights again: catchup=False"
    assert dag.max_active_runs == 1, f"{name} could run beside itself: max_active_runs=1"
    assert {task.owner for task in dag.tasks} == {"data-warehouse"}, f"a task of {name} has another owner"


@pytest.mark.parametrize("name", ALL)
def test_every_task_has_a_time_limit_and_patience(dags: dict[str, Any], name: str) -> None:
    for task in dags[name].tasks:
        place = f"{name}.{task.task_id}"
        assert task.execution_timeout, f"{place} could hang for ever: execution_timeout"
        assert task.execution_timeout <= dt.timedelta(minutes=90), f"{place}: the night is shorter than that"
        if task.task_id == "account_for_domain":
            assert task.retries == 0, f"{place} only tells what is so; telling it again changes nothing"
        else:
            assert task.retries == 2, f"{place}: retries"
            assert task.retry_delay == dt.timedelta(minutes=5), f"{place}: retry_delay"
            assert task.retry_exponential_backoff, f"{place}: retry_exponential_backoff"


@pytest.mark.parametrize("name", ALL)
def test_the_page_says_what_a_person_needs(dags: dict[str, Any], name: str) -> None:
    page = dags[name].doc_md
    assert re.findall(r"^## (.+)$", page, flags=re.MULTILINE) == HEADINGS, f"{name}: headings of doc_md"
    for part in re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]:
        assert len(part.strip()) > 40, f"{name}: a part of doc_md says next to nothing"
    triage = page.partition("## Når den fejler")[2]
    assert triage.count("\n- ") >= 3, f"{name}: triage notes for the cases that happen"


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_extract_names_each_dataset_and_its_owner(dags: dict[str, Any], domain: str) -> None:
    page = dags[f"extract_{domain}"].doc_md
    for contract in contracts_of(domain):
        assert f"`{contract.dataset}`" in page
        assert contract.owner in page


@pytest.mark.parametrize("domain", DOMAINS)
def test_an_extract_has_a_landing_for_each_contract_and_one_leaf(dags: dict[str, Any], domain: str) -> None:
    dag = dags[f"extract_{domain}"]
    landings = {f"land_{contract.dataset}" for contract in contracts_of(domain)}
    assert {task.task_id for task in dag.tasks} == landings | {"judge_deliveries", "account_for_domain"}

    judge = dag.get_task("judge_deliveries")
    assert judge.upstream_task_ids == landings
    assert judge.trigger_rule == "all_done", "a landing that failed must not hold the domain up"
    assert [asset.name for asset in judge.outlets] == [f"landed_{domain}"]
    assert [task.task_id for task in dag.tasks if task.outlets] == ["judge_deliveries"]

    # A green leaf after `all_done` would turn a run with a failed landing green.
    assert [task.task_id for task in dag.tasks if not task.downstream_task_ids] == ["account_for_domain"]
    account = dag.get_task("account_for_domain")
    assert account.upstream_task_ids == {"judge_deliveries"}
    assert account.trigger_rule == "all_success"


def test_the_refresh_goes_step_by_step(dags: dict[str, Any]) -> None:
    dag = dags["refresh_warehouse"]
    order = ["look_in_ledger", "build", "validate", "protect", "publish"]
    assert [task.task_id for task in dag.topological_sort()] == order
    for before, after in itertools.pairwise(order):
        assert before in dag.get_task(after).upstream_task_ids
    assert {task.trigger_rule for task in dag.tasks} == {"all_success"}, "no step may run past a gate"


def test_the_erasure_is_one_task_once_a_month_after_the_night(dags: dict[str, Any]) -> None:
    dag = dags["erase_personal_data"]
    assert [task.task_id for task in dag.tasks] == ["erase_past_retention"]
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 5 1 * *", "Europe/Copenhagen")
    assert "Den første i hver måned kl. 05:00 dansk tid" in dag.doc_md


def test_a_person_is_erased_by_hand_only(dags: dict[str, Any]) -> None:
    """A run's conf, a variable and a connection are kept and shown by Airflow; a CPR number must never be there."""
    dag = dags["erase_personal_data"]
    assert not dag.params
    assert "kun i hånden" in dag.doc_md
    assert "`warehouse erase person`" in dag.doc_md
    calls = {
        (ast.unparse(node.func), ast.unparse(node.args[1]))
        for file in DAG_FILES
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and len(node.args) > 1 and ast.unparse(node.func).endswith(".erase")
    }
    assert calls == {("night.erase", "'retention'")}


@pytest.mark.parametrize("domain", DOMAINS)
def test_extracts_start_at_one_in_copenhagen(dags: dict[str, Any], domain: str) -> None:
    timetable = dags[f"extract_{domain}"].timetable
    assert (timetable.expression, str(timetable.timezone)) == ("0 1 * * *", "Europe/Copenhagen")


def test_the_refresh_starts_by_all_four_domains_or_by_the_clock(dags: dict[str, Any]) -> None:
    timetable = dags["refresh_warehouse"].timetable
    clock = timetable.timetable
    assert (clock.expression, str(clock.timezone)) == ("30 3 * * *", "Europe/Copenhagen")
    assert type(timetable.asset_condition).__name__ == "AssetAll", "any one domain would start the refresh"
    names = {asset.name for asset in timetable.asset_condition.objects}
    assert names == {f"landed_{domain}" for domain in DOMAINS}


def test_no_schedule_lies_in_the_hour_that_daylight_saving_time_repeats_or_leaves_out(dags: dict[str, Any]) -> None:
    for name, dag in dags.items():
        clock = getattr(dag.timetable, "timetable", dag.timetable)
        if name in FOLLOW_UP:
            hours = {str(moment.astimezone(COPENHAGEN).hour) for moment in clock.event_dates}
            assert hours, f"{name}: the calendar has nothing to come"
        else:
            hours = {clock.expression.split()[1]}
        assert "2" not in hours, f"{name}: not between 02:00 and 03:00"


def test_nothing_below_dags_knows_airflow() -> None:
    files = sources("include")
    assert len(files) > 10, "the folder include/ is not where it was"
    knowing = [str(file.relative_to(PROJECT_ROOT)) for file in files if "airflow" in imported(file)]
    assert not knowing, f"move what needs airflow to dags/wiring.py: {knowing}"


def test_only_the_program_itself_is_imported_by_dags() -> None:
    allowed = {
        "airflow",
        "include",
        "wiring",
        "__future__",
        "base64",
        "collections",
        "ctypes",
        "datetime",
        "os",
        "pathlib",
    }
    allowed |= {"logging", "secrets", "signal", "sys", "time", "traceback", "typing"}
    for file in DAG_FILES:
        assert imported(file) <= allowed, f"{file.name}: logic belongs into include/: {imported(file) - allowed}"


def test_no_sql_in_dags() -> None:
    statement = re.compile(r"\b(select\s+.+\s+from|insert\s+into|create\s+(table|view)|delete\s+from)\b")
    for file in DAG_FILES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not statement.search(node.value.lower()), f"{file.name}:{node.lineno}: SQL belongs into dbt"
        assert "duckdb" not in imported(file), f"{file.name}: SQL belongs into dbt"


@pytest.mark.parametrize("name", [*EXTRACTS, "erase_personal_data", *FOLLOW_UP])
def test_a_dag_file_only_names_its_domain_and_its_page(name: str) -> None:
    tree = ast.parse((PROJECT_ROOT / "dags" / f"{name}.py").read_text("utf-8"))
    logic = (ast.FunctionDef, ast.ClassDef, ast.For, ast.If, ast.While, ast.Try, ast.With, ast.Lambda)
    assert not [node for node in ast.walk(tree) if isinstance(node, logic)], f"{name}: logic belongs into include/"
