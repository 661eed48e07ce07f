"""What a process that starts while Postgres is away serves from: pointers and keys, as last read, on disk.

Bundles are checked by their sha256 all the same. The file holds hashes of secrets, and is its owner's alone.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from predictions.engine import Engine, ServedVersion, Serving, Snapshot, Wanted
from predictions.keyring import KeyRing, KnownKey
from registry.bundles import SIGNATURE, read_file
from registry.models import Policy

logger = logging.getLogger(__name__)
FORMAT = 3
WITHOUT_POLICIES = 2  # of the release before, by which no version expired and no answer was withheld
BUNDLE = r"[0-9a-f]{64}"
NAME = "serving.json"


def path() -> Path:
    folder: Path = settings.STATE_DIR
    return folder / NAME


def save(snapshot: Snapshot, keys: KeyRing) -> None:
    """Write down what this process serves, unless another wrote something newer."""
    if keys.confirmed_at is None:
        return
    found = {
        "format": FORMAT,
        "generation": snapshot.generation,
        "default": snapshot.default,
        "serving": [_written_serving(held) for held in snapshot.serving.values()],
        "suspended": dict(snapshot.suspended),
        "policies": {model: asdict(policy) for model, policy in snapshot.policies.items()},
        "confirmed_at": keys.confirmed_at.isoformat(),
        "keys": [_written(key) for key in keys.keys.values()],
    }
    try:
        with _locked():
            _replace(found, keys.confirmed_at)
    except OSError as error:
        logger.warning("%s cannot be written, so a process that starts without Postgres has nothing: %s", path(), error)


def restore(engine: Engine, keys: KeyRing) -> bool:
    """Serve what the file says; whether there was one that can be read. One that cannot stops no start."""
    held = _read()
    if held is None:
        return False
    keys.put(held.keys, confirmed_at=held.confirmed_at)
    engine.take_up(held.wanted)
    logger.warning("Postgres is away: this process serves generation %s from %s", held.wanted.generation, path())
    return True


@dataclass(frozen=True)
class Held:
    """What the file says."""

    wanted: Wanted
    confirmed_at: datetime
    keys: list[KnownKey]


def _replace(found: dict[str, Any], confirmed_at: datetime) -> None:
    held = _read()
    if held is not None and confirmed_at < held.confirmed_at <= now():  # one of the future is of a clock that was wrong
        return
    fresh = path().with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(found, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path())


def _read() -> Held | None:
    """None where there is none, or where another release wrote it, or a hand: that stops no start."""
    try:
        found = json.loads(path().read_text())
        if found["format"] not in (FORMAT, WITHOUT_POLICIES):
            return None
        return Held(
            wanted=_wanted(found),
            confirmed_at=_moment(found["confirmed_at"]),
            keys=[_known(written) for written in found["keys"]],
        )
    except OSError:
        return None
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        logger.error("%s does not say what to serve: %r", path(), error)
        return None


@contextmanager
def _locked() -> Iterator[None]:
    """Two web processes save at once."""
    path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path().with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _written(key: KnownKey) -> dict[str, Any]:
    expires_at = key.expires_at and key.expires_at.isoformat()
    return {
        "pk": key.pk,
        "prefix": key.prefix,
        "secret_sha256": key.secret_sha256,
        "scopes": sorted(key.scopes),
        "rate_limit": key.rate_limit,
        "expires_at": expires_at,
    }


def _known(written: dict[str, Any]) -> KnownKey:
    limit, expires_at = written["rate_limit"], written["expires_at"]
    if not (limit is None or (isinstance(limit, int) and limit > 0)):
        raise ValueError(f"a rate limit of {limit!r}")
    moment = _moment(expires_at) if expires_at else None
    return KnownKey(**written | {"scopes": frozenset(written["scopes"]), "expires_at": moment})


def _names_asked_for(served: ServedVersion) -> tuple[str, ...]:
    """By its bundle; a bundle that cannot be read is the engine's to refuse."""
    try:
        return tuple(feature["name"] for feature in json.loads(read_file(served.bundle, SIGNATURE)))
    except Refused:
        return served.feature_names


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the moment {text!r} has no time zone")
    return moment


def _wanted(found: dict[str, Any]) -> Wanted:
    policies = {} if found["format"] == WITHOUT_POLICIES else found["policies"]
    return Wanted(
        generation=int(found["generation"]),
        default=found["default"],
        serving=[_serving(written) for written in found["serving"]],
        suspended=dict(found["suspended"]),
        policies={model: _policy(written) for model, written in dict(policies).items()},
    )


def _policy(written: dict[str, Any]) -> Policy:
    policy = Policy(**written)
    for number in (policy.max_age_days, policy.novelty_limit):
        if not (number is None or (isinstance(number, int | float) and number > 0)):
            raise ValueError(f"a policy of {number!r}")
    if not (isinstance(policy.refuses_expired, bool) and isinstance(policy.abstains, bool)):
        raise ValueError(f"a policy that is neither on nor off: {written}")
    return policy


def _written_serving(held: Serving) -> dict[str, Any]:
    """Without its policy, which is written by the model's name."""
    learnt_until = held.version.learnt_until and held.version.learnt_until.isoformat()
    return {
        "version": asdict(held.version) | {"learnt_until": learnt_until},
        "generation": held.generation,
        "deployment": held.deployment,
        "warnings": held.warnings,
    }


def _serving(written: dict[str, Any]) -> Serving:
    version, learnt_until = written["version"], written["version"].get("learnt_until")
    if not re.fullmatch(BUNDLE, version["bundle"]):
        raise ValueError(f"a bundle of the name {version['bundle']!r}")
    moment = _moment(learnt_until) if learnt_until else None
    served = ServedVersion(**version | {"feature_names": tuple(version["feature_names"]), "learnt_until": moment})
    if served.feature_names != _names_asked_for(served):
        raise ValueError(f"{served.model} version {served.number} with other features than it was registered with")
    return Serving(**written | {"version": served, "warnings": tuple(written["warnings"])})
