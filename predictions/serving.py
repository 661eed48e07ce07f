"""Which web processes serve a move of the ledger, by their heartbeats."""

from collections.abc import Sequence

from cryptoml_site.clock import now
from predictions.models import WebProcess
from registry.models import Deployment
from registry.serving import TakeOver


def taken_over(move: Deployment) -> TakeOver:
    """For settings.TAKE_OVER."""
    return taken_over_by(list(WebProcess.objects.alive(now())), move)


def taken_over_by(processes: Sequence[WebProcess], move: Deployment) -> TakeOver:
    """processes: those that live."""
    waiting = {process: _reason(process, move) for process in processes}
    late = tuple(f"{process}: {reason}" for process, reason in waiting.items() if reason)
    return TakeOver(served=len(processes) - len(late), workers=len(processes), waiting=late)


def _reason(process: WebProcess, move: Deployment) -> str:
    """Empty where the process serves it."""
    if move.model.name in process.problems:
        return str(process.problems[move.model.name])
    return f"serves generation {process.generation} still" if process.generation < move.generation else ""
