"""The admin's sidebar: what somebody may look at, in the words of the field."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse


@dataclass(frozen=True)
class Place:
    """Where the rows of a model are listed; or, with a view, the page of figures made of them."""

    title: str
    icon: str
    model: str  # app_label.model_name: who may see it may see the place
    view: str = ""  # the name of its URL

    def seen_by(self, request: HttpRequest) -> bool:
        app, name = self.model.split(".")
        return request.user.has_perm(f"{app}.view_{name}")

    @property
    def link(self) -> str:
        return reverse(self.view or f"admin:{self.model.replace('.', '_')}_changelist")


GROUPS: dict[str, tuple[Place, ...]] = {
    "What answers": (
        Place("Models", "deployed_code", "registry.registeredmodel"),
        Place("Versions", "package_2", "registry.modelversion"),
        Place("Ledger", "history_edu", "registry.deployment"),
        Place("Gates by model", "door_open", "registry.gateoverride"),
        Place("Answers by model", "rule", "registry.answerpolicy"),
        Place("Edits of versions", "edit_note", "registry.versionedit"),
    ),
    "Evidence": (
        Place("Predictions", "query_stats", "predictions.prediction"),
        Place("Forecasts", "online_prediction", "predictions.forecast"),
        Place("Missed forecasts", "event_busy", "predictions.missedforecast"),
        Place("Outcomes", "fact_check", "training.outcome"),
    ),
    "How it does": (
        Place("Live", "monitor_heart", "registry.modelversion", view="dashboards:live"),
        Place("Performance", "monitoring", "registry.modelversion", view="dashboards:performance"),
        Place("Data freshness", "schedule", "training.market", view="dashboards:freshness"),
        Place("Drift", "grid_on", "monitoring.driftcheck", view="dashboards:drift"),
        Place("Drift incidents", "crisis_alert", "monitoring.driftevent"),
        Place("Drift checks", "troubleshoot", "monitoring.driftcheck"),
    ),
    "Training": (
        Place("Runs", "model_training", "training.trainingrun"),
        Place("Trials", "tune", "training.trial"),
        Place("Retraining", "autorenew", "training.retrainingpolicy"),
        Place("Imports", "upload_file", "registry.modelimport"),
        Place("Markets", "candlestick_chart", "training.market"),
        Place("Candles", "waterfall_chart", "training.candle"),
        Place("Candle revisions", "published_with_changes", "training.candlerevision"),
    ),
    "Alerts": (
        Place("Alerts", "notification_important", "monitoring.alert"),
        Place("Rules", "notifications_active", "monitoring.alertrule"),
        Place("Channels", "send", "monitoring.alertchannel"),
        Place("Notifications", "outbox", "monitoring.notification"),
    ),
    "Access": (
        Place("API keys", "key", "predictions.apikey"),
        Place("Users", "person", "auth.user"),
        Place("Groups", "group", "auth.group"),
        Place("Failed sign-ins", "lock", "axes.accessattempt"),
    ),
    "Operations": (
        Place("Web processes", "dns", "predictions.webprocess"),
        Place("Workers", "memory", "monitoring.workerheartbeat"),
        Place("Schedules", "schedule", "django_celery_beat.periodictask"),
    ),
}


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """For UNFOLD["SIDEBAR"]: a group of which somebody may see nothing is left out."""
    home = {"items": [{"title": "Home", "icon": "home", "link": reverse("admin:index")}]}
    shown = [(title, [place for place in places if place.seen_by(request)]) for title, places in GROUPS.items()]
    return [home, *(_group(title, places, request) for title, places in shown if places)]


def _group(title: str, places: list[Place], request: HttpRequest) -> dict[str, Any]:
    items = [
        {"title": p.title, "icon": p.icon, "link": p.link, "active": request.path.startswith(p.link)} for p in places
    ]
    return {"title": title, "separator": True, "items": items}
