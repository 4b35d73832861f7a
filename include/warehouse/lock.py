"""One refresh at a time, whoever starts it: Airflow, a person, or a task that Airflow lost and started again."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from include.errors import WarehouseError
from include.settings import Settings


class _Held(threading.local):
    """The locks of one thread: how deep each was taken. A forked child is another process and holds none."""

    def __init__(self) -> None:
        self.depth: dict[tuple[Path, int], int] = {}


_HELD = _Held()


@contextlib.contextmanager
def refresh_lock(settings: Settings) -> Iterator[None]:
    """Hold `<home>/refresh.lock`. The kernel gives it back when the process ends, by whatever way.

    The same thread may take it again inside itself. Raises WarehouseError at once, naming the process that holds it,
    if anybody else does.
    """
    file = settings.home.resolve() / "refresh.lock"
    held = (file, os.getpid())
    if held in _HELD.depth:
        _HELD.depth[held] += 1
        try:
            yield
        finally:
            _HELD.depth[held] -= 1
        return
    descriptor = _take(file)
    _HELD.depth[held] = 1
    try:
        yield
    finally:
        del _HELD.depth[held]
        os.close(descriptor)


def _take(file: Path) -> int:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Python does not hand descriptors to programs it starts: the lock ends with this process, not with dbt's.
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise WarehouseError(
            f"another refresh is under way (process {holder})",
            where=file.name,
            remedy=f"wait until it has ended, or end process {holder} if it hangs; the lock ends with the process",
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
    return descriptor
