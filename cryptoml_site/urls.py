"""Canonical under /api/v1/, and the same at / for the classic curl lines."""

from csp.decorators import csp_update
from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

from monitoring import views as monitoring
from monitoring.alerts import views as alerts
from monitoring.drift import views as drift
from monitoring.metrics import views as metrics
from monitoring.performance import views as performance
from predictions import views as predictions
from predictions.views.idempotent import once
from registry import views as registry
from training import views as training

MOVES = {
    "promote": registry.Promote,
    "rollback": registry.Rollback,
    "stage": registry.Stage,
    "archive": registry.Archive,
    "restore": registry.Restore,
    "lift-quarantine": registry.LiftQuarantine,
    "suspend": registry.Suspend,
    "resume": registry.Resume,
}

redoc = SpectacularRedocView.as_view(url_name="schema", template_name="cryptoml_site/redoc.html")

admin.autodiscover()  # here and not when the apps are loaded: neither a worker nor the first answer needs the admin

api = [
    path("health", monitoring.Health.as_view(), name="health"),
    path("health/live", monitoring.Live.as_view(), name="health-live"),
    path("health/ready", monitoring.Ready.as_view(), name="health-ready"),
    path("metrics", metrics.ShowMetrics.as_view(), name="metrics"),
    path("metrics/report", metrics.ShowReport.as_view(), name="metrics-report"),
    path("metrics/daily/<str:date>", metrics.ShowDay.as_view(), name="metrics-daily"),
    path("predict", predictions.Predict.as_view(), name="predict"),
    path("predict/batch", predictions.PredictBatch.as_view(), name="predict-batch"),
    path("predictions", predictions.ListPredictions.as_view(), name="predictions"),
    path("predictions/<uuid:pk>", predictions.ShowPrediction.as_view(), name="prediction"),
    path("predictions/<uuid:pk>/lineage", predictions.ShowLineage.as_view(), name="lineage"),
    path("predictions/<uuid:pk>/outcome", predictions.GiveOutcome.as_view(), name="outcome"),
    path("forecasts/latest", predictions.ShowLatestForecast.as_view(), name="latest-forecast"),
    path("models/list", registry.ListModels.as_view(), name="models"),
    path("models/registry", registry.ShowRegistry.as_view(), name="registry"),
    path("models/reload", predictions.Reload.as_view(), name="reload"),
    path("models/<str:name>", registry.ShowModel.as_view(), name="model"),
    path("models/<str:name>/compare", registry.CompareVersions.as_view(), name="compare"),
    path("models/<str:name>/performance", performance.ShowPerformance.as_view(), name="performance"),
    path("models/<str:name>/deployments", registry.ListDeployments.as_view(), name="deployments"),
    *(path(f"models/<str:name>/{verb}", once(view).as_view(), name=verb) for verb, view in MOVES.items()),
    path("markets", training.ListMarkets.as_view(), name="markets"),
    path("markets/<str:name>", training.ShowMarket.as_view(), name="market"),
    path("markets/<str:name>/candles", training.ListCandles.as_view(), name="candles"),
    path("drift/check", drift.DriftCheckView.as_view(), name="drift-check"),
    path("drift/events", drift.ListDriftEvents.as_view(), name="drift-events"),
    path("alerts", alerts.ListAlerts.as_view(), name="alerts"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("redoc", csp_update({"worker-src": ["blob:"]})(redoc), name="redoc"),  # it searches in a worker
]

urlpatterns = [
    path("api/v1/", include((api, "v1"))),
    path("", include(api)),
    path("admin/dashboards/", include("monitoring.dashboards.urls")),
    path("admin/", admin.site.urls),
    path("auth/", include("rest_framework.urls")),
]

handler400 = "cryptoml_site.api.errors.bad_request"
handler404 = "cryptoml_site.api.errors.not_found"
handler500 = "cryptoml_site.api.errors.server_error"
