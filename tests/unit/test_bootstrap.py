"""The set-up script: the right wheel is found, other bytes are refused, an up-to-date environment is left alone."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import bootstrap
from include.settings import PROJECT_ROOT

GLIBC = bootstrap.Platform("Linux", "x86_64", "glibc", (2, 36))


def wheel_of(program: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("uv-0.0.1.data/scripts/uv", program)
        archive.writestr("uv-0.0.1.dist-info/RECORD", "")
    return content.getvalue()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing: the test's output stays readable."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}", folder
        serving.shutdown()


def test_the_lock_file_names_a_wheel_for_this_machine() -> None:
    wheel = bootstrap.locked_wheel(PROJECT_ROOT / "uv.lock", bootstrap.Platform.here())
    assert wheel.url.endswith(".whl")
    assert len(wheel.sha256) == 64


@pytest.mark.parametrize(
    ("here", "tag"),
    [
        (GLIBC, "manylinux_2_17_x86_64"),
        (bootstrap.Platform("Linux", "aarch64", "glibc", (2, 36)), "aarch64"),
        (bootstrap.Platform("Linux", "x86_64", "musl", (1, 2)), "musllinux_1_1_x86_64"),
        (bootstrap.Platform("Darwin", "aarch64", "", (14, 0)), "macosx_11_0_arm64"),
    ],
)
def test_each_platform_gets_its_own_wheel(here: bootstrap.Platform, tag: str) -> None:
    assert tag in bootstrap.locked_wheel(PROJECT_ROOT / "uv.lock", here).url


def test_a_platform_without_a_wheel_is_told_what_to_do() -> None:
    old = bootstrap.Platform("Linux", "x86_64", "glibc", (2, 5))
    with pytest.raises(bootstrap.SetUpFailed, match=r"no wheel of uv .* glibc 2\.5\. Remedy: install uv"):
        bootstrap.locked_wheel(PROJECT_ROOT / "uv.lock", old)


def test_the_right_bytes_are_unpacked_as_a_program(server: tuple[str, Path], tmp_path: Path) -> None:
    address, folder = server
    content = wheel_of(b"#!/bin/sh\necho installed\n")
    (folder / "uv.whl").write_bytes(content)
    wheel = bootstrap.Wheel("0.0.1", f"{address}/uv.whl", hashlib.sha256(content).hexdigest())

    program = tmp_path / "bin" / "uv"
    bootstrap.unpack(bootstrap.fetch(wheel), program)

    assert program.stat().st_mode & stat.S_IXUSR
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "installed\n"
    assert [file.name for file in program.parent.iterdir()] == ["uv"]


def test_other_bytes_than_the_lock_names_are_refused(server: tuple[str, Path]) -> None:
    address, folder = server
    (folder / "uv.whl").write_bytes(wheel_of(b"something else"))
    wheel = bootstrap.Wheel("0.0.1", f"{address}/uv.whl", hashlib.sha256(b"what the lock names").hexdigest())
    with pytest.raises(bootstrap.SetUpFailed, match=r"not the file that uv\.lock names"):
        bootstrap.fetch(wheel)


def test_a_missing_file_and_no_network_are_told_apart_from_a_bad_hash(server: tuple[str, Path]) -> None:
    address, _ = server
    with pytest.raises(bootstrap.SetUpFailed, match=r"could not be fetched .* Remedy: see that this machine reaches"):
        bootstrap.fetch(bootstrap.Wheel("0.0.1", f"{address}/gone.whl", "0" * 64))
    with pytest.raises(bootstrap.SetUpFailed, match="could not be fetched"):
        bootstrap.fetch(bootstrap.Wheel("0.0.1", "http://127.0.0.1:9/uv.whl", "0" * 64), attempts=2, pause_seconds=0)


def test_another_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "PYTHON", (3, 99))
    with pytest.raises(bootstrap.SetUpFailed, match=r"locked for 3\.99. Remedy: install python3\.99"):
        bootstrap.interpreter()


def project(tmp_path: Path, address: str, content: bytes) -> Path:
    """A project whose lock names one wheel; its `uv` makes `.venv` and counts how often it was asked."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\n", "utf-8")
    (root / "bootstrap.py").write_text("", "utf-8")
    tag = bootstrap.Platform.here()
    name = {"glibc": "manylinux", "musl": "musllinux", "": "macosx"}[tag.libc]
    wheel = f"uv-0.0.1-py3-none-{name}_1_0_{tag.machine}.whl"
    (root / "uv.lock").write_text(
        f'[[package]]\nname = "uv"\nversion = "0.0.1"\n'
        f'wheels = [{{ url = "{address}/{wheel}", hash = "sha256:{hashlib.sha256(content).hexdigest()}" }}]\n',
        "utf-8",
    )
    (tmp_path / "served" / wheel).write_bytes(content)
    return root


UV = b"""#!/bin/sh
mkdir -p .venv && echo "$UV_PYTHON $UV_PYTHON_DOWNLOADS $*" >> .venv/asked
echo 'Installed 3 packages in 1ms' >&2
echo ' + somepackage==1' >&2
"""


def test_the_environment_is_made_once_and_again_when_the_project_changes(
    server: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project(tmp_path, server[0], wheel_of(UV))
    asked = root / ".venv" / "asked"

    assert bootstrap.set_up(root)
    said = capsys.readouterr().err
    assert "Installed 3 packages" in said
    assert "somepackage" not in said
    assert asked.read_text("utf-8").strip() == f"{bootstrap.interpreter()} never sync --frozen --no-progress"
    assert (root / ".uv" / ".gitignore").read_text("utf-8") == "*\n"

    assert not bootstrap.set_up(root)
    (root / "pyproject.toml").write_text("[project]\nname = 'other'\n", "utf-8")
    assert bootstrap.set_up(root)
    assert len(asked.read_text("utf-8").splitlines()) == 2


def test_a_failed_installation_says_why_and_is_tried_again(server: tuple[str, Path], tmp_path: Path) -> None:
    failing = b"#!/bin/sh\nmkdir -p .venv\necho 'error: no space left' >&2\nexit 2\n"
    root = project(tmp_path, server[0], wheel_of(failing))
    for _ in range(2):
        with pytest.raises(bootstrap.SetUpFailed, match="error: no space left"):
            bootstrap.set_up(root)
    assert not (root / ".venv" / ".set-up").exists()


def test_as_a_program_it_ends_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    script = tmp_path / "bootstrap.py"
    script.write_text((PROJECT_ROOT / "bootstrap.py").read_text("utf-8"), "utf-8")
    (tmp_path / "pyproject.toml").write_text("", "utf-8")
    (tmp_path / "uv.lock").write_text("", "utf-8")
    ended = subprocess.run([sys.executable, "-S", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "uv.lock has no package uv" in ended.stderr
    assert "Traceback" not in ended.stderr
