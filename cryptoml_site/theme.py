"""django-unfold as the admin's face. Its own app config imports the admin's views, which no worker needs."""

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class ThemeConfig(AppConfig):
    name = "unfold"


class AdminConfig(SimpleAdminConfig):
    """The site is made by whoever first asks for it, and urls.py looks for the admin's modules."""

    default_site = "unfold.sites.UnfoldAdminSite"
