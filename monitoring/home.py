"""The admin's home: what answers for each name, how well it does, and what needs somebody."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Prefetch
from django.http import HttpRequest

from cryptoml_site.clock import now
from monitoring.alerts.kinds import Kind, Severity
from monitoring.live import LiveRate, live_rates
from monitoring.models import Alert, DriftCheck, WorkerHeartbeat
from monitoring.workers.lost import lost
from predictions.ids import first_id_of
from predictions.models import WebProcess
from predictions.serving import taken_over_by
from registry.concerns import concerns
from registry.models import Deployment, ModelImport, ModelVersion, RegisteredModel
from registry.serving import TakeOver
from training.concerns import data_concern, span
from training.models import Market, TrainingRun

RECENT = timedelta(days=7)  # for what failed
SHOWN_ALERTS = 20
MINUTE = timedelta(minutes=1)
COUNTED = 10_000  # answers of a minute, beyond which nobody counts

ANSWERS = """
SELECT wanted.model, newest.made_at, (
    SELECT count(*) FROM (
        SELECT 1 FROM predictions_prediction WHERE model_id = wanted.model AND id >= %(first_id)s LIMIT %(most)s
    ) AS of_the_minute
)
FROM unnest(%(models)s::bigint[]) AS wanted (model)
LEFT JOIN LATERAL (
    SELECT made_at FROM predictions_prediction
    WHERE model_id >= wanted.model AND model_id <= wanted.model  -- and not '=', which lets Postgres think that any row
    ORDER BY model_id DESC, id DESC LIMIT 1  -- may be one of it: for a model without any it would read the whole log
) AS newest ON true
"""


@dataclass(frozen=True)
class Answers:
    """Of the last minute, bounded; and when the newest of all was given."""

    minute: int
    newest: datetime | None

    @property
    def said(self) -> str:
        more = "more than " if self.minute > COUNTED else ""
        return f"{more}{min(self.minute, COUNTED):,} in the last minute"

    @property
    def last(self) -> str:
        return f"last {span(now() - self.newest)} ago" if self.newest else "none yet"


@dataclass(frozen=True)
class Freshness:
    """`concern` is empty where the market is fresh."""

    concern: str
    closed: str


@dataclass(frozen=True)
class Card:
    """One registered model; `move` is what put its version into production, None where nothing is."""

    model: RegisteredModel
    move: Deployment | None
    suspension: Deployment | None
    live: LiveRate | None
    market: Freshness
    answers: Answers
    take_over: TakeOver | None
    waiting: ModelVersion | None  # the newest that may be promoted
    drift: DriftCheck | None  # the newest that is done


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """For UNFOLD["DASHBOARD_CALLBACK"]: as much as somebody may see."""
    user, at = request.user, now()
    may_look = user.has_perm("registry.view_registeredmodel")
    models = list(_models()) if may_look else []
    return context | {
        "may_look": may_look,
        "may_move": user.has_perm("registry.change_modelversion"),
        "cards": cards(models, at=at),
        "concerns": [(model, concerns_of) for model, concerns_of in _concerns(models)],
        "failed_runs": failed_runs(at) if user.has_perm("training.view_trainingrun") else [],
        "refused_imports": refused_imports(at) if user.has_perm("registry.view_modelimport") else [],
        "alerts": open_alerts() if user.has_perm("monitoring.view_alert") else [],
        "background": background(at),
        "recent": span(RECENT),
    }


def cards(models: Sequence[Any], *, at: datetime) -> list[Card]:
    """In the same few queries for any number of models, as `_models` gives them."""
    moves = {model.pk: model.newest_moves[0] for model in models if model.newest_moves}
    live = live_rates([move.to_version for move in moves.values()], at=at)
    shut = {row.model_id: row for row in Deployment.objects.suspensions().select_related("model", "to_version")}
    processes = list(WebProcess.objects.alive(at))
    answers, markets, waiting = _answers(models, at=at), _freshness(models, at=at), _waiting()
    drift = DriftCheck.objects.newest_of_each(models)
    return [
        Card(
            model=model,
            move=moves.get(model.pk),
            suspension=shut.get(model.pk),
            live=live.get(model.pk),
            market=markets[model.market],
            answers=answers[model.pk],
            take_over=taken_over_by(processes, moves[model.pk]) if model.pk in moves else None,
            waiting=_newer(waiting.get(model.pk), moves.get(model.pk)),
            drift=drift.get(model.pk),
        )
        for model in models
    ]


def failed_runs(at: datetime) -> Iterable[TrainingRun]:
    failed = TrainingRun.objects.filter(status=TrainingRun.Status.FAILED, created_at__gte=at - RECENT)
    return failed.select_related("model").order_by("-pk")[:5]


def refused_imports(at: datetime) -> Iterable[ModelImport]:
    refused = ModelImport.objects.filter(status=ModelImport.Status.REFUSED, created_at__gte=at - RECENT)
    return refused.select_related("model").order_by("-pk")[:5]


def open_alerts() -> Iterable[Alert]:
    """The gravest first."""
    held = Alert.objects.open().select_related("rule").order_by("-pk")
    return sorted(held, key=lambda alert: -list(Severity).index(Severity(alert.severity)))[:SHOWN_ALERTS]


@dataclass(frozen=True)
class Background:
    """Beat and the workers. gone: a sentence for each duty that nobody does and of which no alert tells."""

    gone: list[str]
    seen: list[tuple[str, str]]  # each that lives: its name, and how long ago it was seen


def background(at: datetime) -> Background:
    rows = list(WorkerHeartbeat.objects.all())
    living = [row for row in rows if at - row.seen_at <= WorkerHeartbeat.SILENCE]
    told = set(Alert.objects.open().filter(rule__kind=Kind.WORKER_GONE).values_list("subject", flat=True))
    gone = [each.sentence for each in lost(rows, at=at) if each.subject not in told]
    return Background(gone, [(row.name, span(at - row.seen_at)) for row in living])


def _models() -> Any:
    in_force = Deployment.objects.in_force().select_related("model", "to_version__model", "from_version")
    newest = Prefetch("deployments", in_force, to_attr="newest_moves")
    return RegisteredModel.objects.order_by("-is_default", "name").prefetch_related(newest)


def _concerns(models: Sequence[RegisteredModel]) -> list[tuple[RegisteredModel, list[str]]]:
    said = concerns(models)
    return [(model, said[model.pk]) for model in models if said.get(model.pk)]


def _answers(models: Sequence[RegisteredModel], *, at: datetime) -> dict[int, Answers]:
    asked: dict[str, Any] = {
        "models": [model.pk for model in models],
        "first_id": first_id_of(at - MINUTE),
        "most": COUNTED + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(ANSWERS, asked)
        return {model: Answers(minute, newest) for model, newest, minute in cursor.fetchall()}


def _freshness(models: Sequence[RegisteredModel], *, at: datetime) -> dict[str, Freshness]:
    names = {model.market for model in models}
    held = {market.name: market for market in Market.objects.filter(name__in=names).with_newest()}
    return {name: _fresh(held.get(name), name, at=at) for name in names}


def _fresh(market: Market | None, name: str, *, at: datetime) -> Freshness:
    newest = market and market.newest_opened_at
    closed = span(at - market.known_at(newest)) if market and newest else ""
    return Freshness(data_concern(market, name, at=at), closed)


def _waiting() -> dict[int, ModelVersion]:
    """By model, the newest version that may be promoted."""
    stages = (ModelVersion.Stage.CANDIDATE, ModelVersion.Stage.STAGING)
    versions = ModelVersion.objects.filter(stage__in=stages, purged_at=None).defer("metrics", "signature")
    newest = versions.order_by("model_id", "-number").distinct("model_id")
    return {version.model_id: version for version in newest}


def _newer(version: ModelVersion | None, move: Deployment | None) -> ModelVersion | None:
    if version is None or move is None:
        return version
    return version if version.number > move.to_version.number else None
