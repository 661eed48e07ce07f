"""How the requests for answers went, and where the answers are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q, Sum

from monitoring.alerts.watched.firing import Firing
from monitoring.log_state import LogState
from monitoring.metrics.reading import ASKED_ROUTES, Coverage, responses_by
from monitoring.metrics.responses import Labels, Responses
from monitoring.metrics.spans import Span, floor, following
from monitoring.models import AlertRule
from predictions.histograms import quantile
from predictions.log import log
from predictions.models import WebProcess
from predictions.partitions import strays
from training.concerns import span

FEWEST_REQUESTS = 100  # of a window, below which a p99 or a share alarms nobody
SINGLE_ROUTES = tuple(route for route in ASKED_ROUTES if not route.endswith("batch"))
MOST_STRAYS = 10_000  # beyond which nobody counts


def latency(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """p99 of single answers over the window; a batch takes as long as it is large."""
    wanted = Q(route__in=SINGLE_ROUTES)
    if rule.model is not None:
        wanted &= Q(model=rule.model.name)
    answered = [each for (status,), each in _responses(rule, at, wanted).items() if status < 4]
    total = _together(answered)
    p99 = quantile(total.buckets, 0.99)
    if total.responses < FEWEST_REQUESTS or p99 is None or rule.threshold is None or 1_000 * p99 <= rule.threshold:
        return []
    sentence = (
        f"the slowest of 100 answers took {1_000 * p99:,.0f} ms or more (p99 of {total.responses:,} within "
        f"{span(rule.window)}); the rule allows {rule.threshold:,g} ms"
    )
    return [
        Firing(
            rule.model.name if rule.model else "all models",
            sentence,
            {"p99_ms": round(1_000 * p99, 3), "n": total.responses},
        )
    ]


def errors(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """Share of the requests for answers that failed here; what a client does wrong is no failure."""
    found = _responses(rule, at, Q(route__in=ASKED_ROUTES))
    requests = sum(each.responses for each in found.values())
    failed = sum(each.responses for (status,), each in found.items() if status >= 5)
    if requests < FEWEST_REQUESTS or rule.threshold is None or failed / requests <= rule.threshold:
        return []
    sentence = (
        f"{failed:,} of {requests:,} requests for answers failed within {span(rule.window)} ({failed / requests:.1%}); "
        f"the rule allows {rule.threshold:.1%}"
    )
    return [Firing("all models", sentence, {"failed": failed, "n": requests, "share": failed / requests})]


def spool(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """Answers that Postgres does not have yet, of living web processes; and files of this host that need a person."""
    rows = WebProcess.objects.alive(at).aggregate(rows=Sum("spool_rows"))["rows"] or 0
    state, found = LogState.of(log), []
    if rows > (rule.threshold or 0):
        said = f"{rows:,} answers wait in the spool for Postgres: look whether it takes them"
        found.append(Firing("waiting answers", said, {"rows": rows}))
    if state.refused_bytes or state.damaged_bytes:
        said = "answers in the spool were refused by Postgres, or damaged: look at the files in its folder"
        figures = {"refused_bytes": state.refused_bytes, "damaged_bytes": state.damaged_bytes}
        found.append(Firing("refused or damaged answers", said, figures))
    return found


def stray_rows(rule: AlertRule, at: datetime) -> Sequence[Firing]:
    """Answers that bear a moment of no month that has a partition."""
    rows = strays(most=MOST_STRAYS)
    if rows <= (rule.threshold or 0):
        return []
    more = "more than " if rows > MOST_STRAYS else ""
    said = (
        f"{more}{min(rows, MOST_STRAYS):,} rows of the prediction log lie in its DEFAULT partition, for want "
        "of their month's. Look whether `data.ensure_partitions` runs, and at the clock of who wrote them"
    )
    return [Firing("prediction log", said, {"rows": rows})]


def _responses(rule: AlertRule, at: datetime, wanted: Q) -> dict[Labels, Responses]:
    end = following(floor(at, Span.MINUTE), Span.MINUTE)
    return responses_by(["status_class"], Coverage.of(at - rule.window, end), wanted)


def _together(many: Sequence[Responses]) -> Responses:
    total = Responses()
    for each in many:
        total.add(each.responses, each.seconds_total, b"".join(each.histograms))
    return total
