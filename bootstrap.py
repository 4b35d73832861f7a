"""Set the environment up: `python3.11 bootstrap.py` makes or mends `.venv/` from `uv.lock`, and nothing else.

The standard library alone does it, so that a machine with python3.11 (without pip and venv) is enough. The lock file
names one wheel of the installer `uv` for each platform, with its address and its SHA-256: it is fetched, compared, and
its one program unpacked into `.uv/`. Then `uv sync --frozen` installs what the lock file lists, no more and no less.
When nothing has changed since the last time the whole thing is one comparison of a hash.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
PYTHON = (3, 11)
ATTEMPTS = 3
TIMEOUT_SECONDS = 60
HASH_PREFIX = "sha256:"


class SetUpFailed(Exception):
    """The environment can't be set up; the message says why and what to do."""


@dataclass(frozen=True)
class Wheel:
    """One wheel of the lock file: where it lies and which bytes it must have."""

    version: str
    url: str
    sha256: str


@dataclass(frozen=True)
class Platform:
    """What decides which wheel runs here; `libc` is `glibc`, `musl` or empty (macOS), `libc_version` its version."""

    system: str
    machine: str
    libc: str
    libc_version: tuple[int, int]

    @classmethod
    def here(cls) -> Platform:
        """The platform of the running interpreter."""
        name, version = platform.libc_ver()
        if platform.system() == "Darwin":
            version = platform.mac_ver()[0]
        # platform.libc_ver() knows glibc only; a Linux without it has musl, whose first wheels ask for 1.1.
        libc = "" if platform.system() == "Darwin" else ("glibc" if name == "glibc" else "musl")
        major, minor, *_ = [*(int(part) for part in re.findall(r"\d+", version)), 1, 2]
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
        return cls(platform.system(), machine, libc, (major, minor))

    def runs(self, tag: str) -> bool:
        """True if a wheel with this platform tag (PEP 600, PEP 656, macOS) runs here."""
        kinds = {("Linux", "glibc"): "manylinux", ("Linux", "musl"): "musllinux", ("Darwin", ""): "macosx"}
        match = re.fullmatch(r"(manylinux|musllinux|macosx)_(\d+)_(\d+)_(\w+)", tag)
        if match is None or match[1] != kinds.get((self.system, self.libc)):
            return False
        machine = match[4].replace("arm64", "aarch64")
        return machine == self.machine and (int(match[2]), int(match[3])) <= self.libc_version


def locked_wheel(lock: Path, here: Platform, package: str = "uv") -> Wheel:
    """The wheel of `package` in the lock file that runs here. Raises SetUpFailed if there is none."""
    entries: list[dict[str, Any]] = tomllib.loads(lock.read_text("utf-8")).get("package", [])
    entry = next((entry for entry in entries if entry["name"] == package), None)
    if entry is None:
        raise SetUpFailed(f"{lock.name} has no package {package}. Remedy: take the file from the repository again.")
    for wheel in entry.get("wheels", []):
        tags = wheel["url"].rsplit("/", 1)[-1].removesuffix(".whl").rsplit("-", 1)[-1].split(".")
        if any(here.runs(tag) for tag in tags) and wheel["hash"].startswith(HASH_PREFIX):
            return Wheel(entry["version"], wheel["url"], wheel["hash"].removeprefix(HASH_PREFIX))
    raise SetUpFailed(
        f"{lock.name} has no wheel of {package} {entry['version']} for {here.system} {here.machine} "
        f"{here.libc} {'.'.join(map(str, here.libc_version))}. "
        f"Remedy: install {package} {entry['version']} yourself and run `{package} sync --frozen` here."
    )


def fetch(wheel: Wheel, *, attempts: int = ATTEMPTS, pause_seconds: float = 2.0) -> bytes:
    """The wheel's bytes, compared with the lock file's hash. Raises SetUpFailed without network or on other bytes."""
    for attempt in range(1, attempts + 1):
        try:
            with urllib.request.urlopen(wheel.url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the lock's address
                content: bytes = answer.read()
            break
        except OSError as error:  # URLError, HTTPError and timeouts are all OSError
            is_final = isinstance(error, urllib.error.HTTPError) and error.code in {401, 403, 404, 410}
            if is_final or attempt == attempts:
                reason = getattr(error, "reason", None) or error
                raise SetUpFailed(
                    f"the installer uv {wheel.version} could not be fetched from the address in uv.lock: {reason}. "
                    "Remedy: see that this machine reaches the package registry (proxy: HTTPS_PROXY, own certificate "
                    "authority: SSL_CERT_FILE), then run the command again."
                ) from error
            time.sleep(pause_seconds * attempt)
    found = hashlib.sha256(content).hexdigest()
    if found != wheel.sha256:
        raise SetUpFailed(
            f"what was fetched as uv {wheel.version} is not the file that uv.lock names (SHA-256 {found[:12]}…, "
            f"expected {wheel.sha256[:12]}…); it was thrown away. Remedy: run the command again; if it stays, "
            "something between this machine and the registry changes files: tell those who run your network."
        )
    return content


def unpack(content: bytes, target: Path) -> None:
    """Write the wheel's program `uv` to `target`, executable. Raises SetUpFailed if the wheel has none."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = next((name for name in archive.namelist() if name.endswith(".data/scripts/uv")), None)
        if name is None:
            raise SetUpFailed("the wheel of uv holds no program uv. Remedy: take uv.lock from the repository again.")
        target.parent.mkdir(parents=True, exist_ok=True)
        half_done = target.with_suffix(".part")
        half_done.write_bytes(archive.read(name))
        half_done.chmod(0o755)
        half_done.replace(target)


def installer(root: Path, here: Platform) -> Path:
    """The program `uv` in the version that the lock file names, fetched if it is not there yet."""
    wheel = locked_wheel(root / "uv.lock", here)
    folder = root / ".uv"
    program = folder / f"{wheel.version}-{here.machine}" / "uv"
    if not program.is_file():
        say(f"fetching the installer, uv {wheel.version}")
        unpack(fetch(wheel), program)
        (folder / ".gitignore").write_text("*\n", "utf-8")
    return program


def state(root: Path, python: str) -> str:
    """What the environment depends on, as one hash: project file, lock file, interpreter and this script."""
    digest = hashlib.sha256(f"{python} {sys.version}".encode())
    for name in ("pyproject.toml", "uv.lock", "bootstrap.py"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def sync(root: Path, program: Path, python: str) -> None:
    """Run `uv sync --frozen` for `.venv/`. Raises SetUpFailed with uv's own words if it fails."""
    environment = {
        **os.environ,
        "UV_PYTHON": python,
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PROJECT_ENVIRONMENT": ".venv",
        # Compiled now, so that the first night does not spend its time on it.
        "UV_COMPILE_BYTECODE": "1",
    }
    # An environment that happens to be active must not become the one that is changed.
    environment.pop("VIRTUAL_ENV", None)
    # Hard links need one file system for cache and environment; said here, uv does not warn about each file.
    if "UV_LINK_MODE" not in environment and _other_file_system(root, environment):
        environment["UV_LINK_MODE"] = "copy"
    command = [str(program), "sync", "--frozen", "--no-progress"]
    said: list[str] = []
    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            said.append(line)
            if re.match(r"(Prepared|Installed|Uninstalled|Bytecode compiled|Removed|Creating)\b", line):
                say(line.strip())
    if process.returncode:
        raise SetUpFailed(
            "uv sync failed:\n"
            + "".join(line for line in said if not line.startswith((" + ", " - ", " ~ ")))
            + "Remedy: the last lines name the package and the reason; most often the registry can't be reached or the "
            "disk is full (2 GB are needed). Then run the command again: it goes on where it stopped."
        )


def _other_file_system(root: Path, environment: dict[str, str]) -> bool:
    cache = Path(environment.get("UV_CACHE_DIR") or environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    while not cache.exists():
        cache = cache.parent
    return cache.stat().st_dev != root.stat().st_dev


def interpreter() -> str:
    """The Python that the environment is made of. Raises SetUpFailed if the running one has another version."""
    if sys.version_info[:2] != PYTHON:
        wanted = ".".join(map(str, PYTHON))
        raise SetUpFailed(
            f"this is Python {platform.python_version()}, the project is locked for {wanted}. Remedy: install "
            f"python{wanted} (Debian 12 has it) and run make again, or name it: make PYTHON=/path/to/python{wanted}"
        )
    # Under an active environment the base interpreter counts, so that `.venv` never stands on itself.
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def say(line: str) -> None:
    """One line of progress, on stderr."""
    sys.stderr.write(f"set-up: {line}\n")
    sys.stderr.flush()


def set_up(root: Path = ROOT) -> bool:
    """Make or mend `.venv/`; returns False if it was up to date. Raises SetUpFailed."""
    python = interpreter()
    stamp = root / ".venv" / ".set-up"
    wanted = state(root, python)
    if stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return False
    started = time.monotonic()
    say("the environment .venv is being set up; the first time takes a minute or two")
    program = installer(root, Platform.here())
    stamp.unlink(missing_ok=True)
    sync(root, program, python)
    stamp.write_text(wanted, "utf-8")
    for old in program.parent.parent.iterdir():
        if old.is_dir() and old != program.parent:
            shutil.rmtree(old)
    say(f"done in {time.monotonic() - started:.0f} s")
    return True


def main() -> int:
    """Exit code 0 if `.venv/` is as the lock file says."""
    try:
        set_up()
    except SetUpFailed as failure:
        sys.stderr.write(f"set-up failed: {failure}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("set-up: stopped; run the command again, it goes on where it stopped\n")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
