"""Below the admin, before its own addresses: see cryptoml_site.urls."""

from django.contrib import admin
from django.urls import path

from monitoring.dashboards.drift import DriftDashboard
from monitoring.dashboards.performance import PerformanceDashboard

app_name = "dashboards"
urlpatterns = [
    path("drift", admin.site.admin_view(DriftDashboard.as_view()), name="drift"),
    path("performance", admin.site.admin_view(PerformanceDashboard.as_view()), name="performance"),
]
