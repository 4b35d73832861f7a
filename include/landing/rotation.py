"""The secret key's rotation: a new key, and every stored digest wrapped by it, HMAC(new key, old digest).

The key file is written first and holds the old keys too; then vault after vault is wrapped, each in one transaction
with the id of its key. So a killed rotation is told by a vault whose key is not the newest, and whoever comes next, a
landing or another rotation, finishes it before anything else. Only the landing process calls this.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass

from include.landing.persons import Key, Vault, new_part, read_key, replace_key
from include.settings import Settings


@dataclass(frozen=True)
class VaultState:
    """What may be told of a vault: whose it is and which key its digests are under. Of persons nothing, no count."""

    municipality_code: str
    purpose: str
    key_id: str | None
    is_wrapped: bool


@dataclass(frozen=True)
class VaultReport:
    """The present key's id, whether this run made it or only finished an earlier one, and the vaults."""

    key_id: str
    is_new: bool
    has_finished_another: bool
    vaults: list[VaultState]


@contextlib.contextmanager
def settled_key(settings: Settings) -> Iterator[Key]:
    """The key, with all vaults wrapped up to it; while the block runs, no rotation begins.

    Raises WarehouseError if key or vaults can't be used.
    """
    while True:
        with _lock(settings, fcntl.LOCK_SH):
            key = read_key(settings)
            if all(state.is_wrapped for state in _states(settings, key)):
                yield key
                return
        with _lock(settings, fcntl.LOCK_EX):
            _wrap_all(settings, read_key(settings))


def rotate(settings: Settings) -> VaultReport:
    """A new key, and all vaults of the home wrapped; or, if an earlier rotation was killed, the end of that one.

    Waits until no landing of persons runs. Raises WarehouseError if key or vaults can't be used.
    """
    with _lock(settings, fcntl.LOCK_EX):
        key = read_key(settings)
        has_finished_another = not all(state.is_wrapped for state in _states(settings, key))
        if not has_finished_another:
            old, key = key, Key((*key.parts, new_part()))
            replace_key(settings, old, key)
        _wrap_all(settings, key)
        return VaultReport(key.ids[-1], not has_finished_another, has_finished_another, _states(settings, key))


def status(settings: Settings) -> VaultReport:
    """Which key the vaults are under. Raises WarehouseError if the key can't be used or is another one."""
    with _lock(settings, fcntl.LOCK_SH):
        key = read_key(settings)
        return VaultReport(key.ids[-1], is_new=False, has_finished_another=False, vaults=_states(settings, key))


@contextlib.contextmanager
def _lock(settings: Settings, kind: int) -> Iterator[None]:
    settings.prepare()
    with (settings.vault / ".lock").open("w") as stream:
        fcntl.flock(stream, kind)
        yield


def _vaults(settings: Settings, key: Key) -> Iterator[tuple[str, str, Vault]]:
    """Municipality, purpose and vault, of all that the home holds."""
    for file in sorted(settings.vault.glob("*.sqlite")):
        municipality_code, _, purpose = file.stem.partition("_")
        yield municipality_code, purpose, Vault(settings, purpose, key, municipality_code=municipality_code)


def _states(settings: Settings, key: Key) -> list[VaultState]:
    return [
        VaultState(municipality_code, purpose, *vault.state())
        for municipality_code, purpose, vault in _vaults(settings, key)
    ]


def _wrap_all(settings: Settings, key: Key) -> None:
    for _, _, vault in _vaults(settings, key):
        vault.wrap()
