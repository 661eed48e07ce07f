"""Below the admin, before its own addresses: see cryptoml_site.urls."""

from django.contrib import admin
from django.urls import path

from monitoring.dashboards.drift import DriftDashboard
from monitoring.dashboards.freshness import FreshnessDashboard
from monitoring.dashboards.live import LiveDashboard
from monitoring.dashboards.performance import PerformanceDashboard

app_name = "dashboards"
urlpatterns = [
    path("live", admin.site.admin_view(LiveDashboard.as_view()), name="live"),
    path("freshness", admin.site.admin_view(FreshnessDashboard.as_view()), name="freshness"),
    path("drift", admin.site.admin_view(DriftDashboard.as_view()), name="drift"),
    path("performance", admin.site.admin_view(PerformanceDashboard.as_view()), name="performance"),
]
