"""Every gate is asked, and what each says is kept."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError

from cryptoml_site.errors import Refused
from registry.gates.questions import Question, questions_for
from registry.gates.verdicts import Evidence, GateRefused, Skipped, Verdict

if TYPE_CHECKING:
    from registry.models import ModelVersion

LONGEST = 300  # characters of an error's first line
logger = logging.getLogger(__name__)


def judge(version: ModelVersion, *, override: bool = False) -> Evidence:
    """Ask every gate of settings.PROMOTION_GATES, with the model's own options where it has some.

    Raises GateRefused when one does not pass and `override` is off. Takes as long as the gates take: call it before
    any lock, and compare `generation` under the lock.
    """
    generation = version.model.generation()  # read first: a move while the gates are judged makes it stale
    questions = questions_for(version.model)
    evidence = Evidence(
        generation=generation,
        overridden=override,
        verdicts=tuple(ask(question, version) for question in questions if question.enabled),
        skipped=tuple(
            Skipped(question.gate, "switched off for this model") for question in questions if not question.enabled
        ),
    )
    if override or evidence.passed:
        return evidence
    failed = [verdict for verdict in evidence.verdicts if verdict.outcome != "pass"]
    said = "; ".join(f"{verdict.gate} {verdict.outcome.replace('_', ' ')}: {verdict.sentence}" for verdict in failed)
    raise GateRefused(f"{version} may not answer. {said}", evidence=evidence.as_json())


def ask(question: Question, version: ModelVersion) -> Verdict:
    """The gate's verdict. One that raises has not passed; only a database that is away is nobody's verdict."""
    try:
        verdict = question.gate_built().judge(version)
        if not isinstance(verdict, Verdict):
            raise TypeError(f"judge() gave {verdict!r}, which is no Verdict")
        if "\\u0000" in json.dumps(asdict(verdict), allow_nan=False):  # as the ledger will
            raise ValueError("its verdict holds a NUL character, which the ledger cannot keep")
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # a gate may be anybody's code
        logger.exception("the gate %s of %s", question.path, version)
        return Verdict(question.gate, "fail", f"it could not be judged: {_said(error)}")
    return verdict


def _said(error: Exception) -> str:
    kind = "" if isinstance(error, Refused) else f"{type(error).__name__}: "
    return f"{kind}{(str(error).splitlines() or [''])[0]}"[:LONGEST]
