"""The vaults from outside: what `warehouse vault` tells of them, and the start of a rotation.

Both are done by a landing process, since only that opens the key: `python -m include.landing vault rotate`. Between the
two goes what may be told of vaults, never a key and nothing of a person.
"""

from __future__ import annotations

import json

from include.errors import WarehouseError
from include.landing import process, rotation
from include.landing.rotation import VaultReport, VaultState
from include.settings import Settings

ARGUMENT = "vault"
"""Stands where a dataset's name stands otherwise; no dataset is called so."""


def vault_status(settings: Settings) -> VaultReport:
    """Which key the vaults are under. Raises LandingFailed if the key can't be used."""
    return _report(process.run_process(settings, [ARGUMENT, "status"], remedy="mend the cause", where="the vaults"))


def rotate(settings: Settings) -> VaultReport:
    """A new secret key, or the end of a rotation that was killed. Waits until no landing of persons runs.

    Raises LandingFailed if it could not be done; what was begun is finished by the next one, or by the next landing.
    """
    answer = process.run_process(
        settings,
        [ARGUMENT, "rotate"],
        remedy="mend the cause and run it again: what was begun is finished",
        where="the rotation of the key",
    )
    return _report(answer)


def _report(answer: str) -> VaultReport:
    told = json.loads(answer)
    return VaultReport(**told | {"vaults": [VaultState(**vault) for vault in told["vaults"]]})


def main(settings: Settings, action: str) -> int:
    """The landing process itself, for the vaults."""
    actions = {"status": rotation.status, "rotate": rotation.rotate}
    if action not in actions:
        raise WarehouseError(f"{action} is nothing to do with a vault", remedy=f"use one of {', '.join(actions)}")
    return process.reporting(f"working on the vaults ({action})", lambda: actions[action](settings))
