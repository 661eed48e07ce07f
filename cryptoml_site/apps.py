from importlib import import_module

from django.apps import AppConfig, apps
from django.conf import settings
from django.db.models.signals import post_migrate

from cryptoml_site.celery import app as celery_app
from cryptoml_site.groups import ensure_groups
from cryptoml_site.schedules import ensure_schedules

__all__ = ["SiteConfig", "celery_app"]  # the app is made with the site, so that every process enqueues to one broker


class SiteConfig(AppConfig):
    name = "cryptoml_site"
    verbose_name = "CryptoML"

    def ready(self) -> None:
        if settings.SENTRY_DSN:
            import_module("cryptoml_site.sentry").start(settings.SENTRY_DSN)  # nobody else pays for its import
        beat = apps.get_app_config("django_celery_beat")  # the signal is for apps with models, and this has none
        post_migrate.connect(make_schedules, sender=beat, dispatch_uid="cryptoml_site.schedules")
        last = [app for app in apps.get_app_configs() if app.models_module][-1]  # when all permissions are there
        post_migrate.connect(make_groups, sender=last, dispatch_uid="cryptoml_site.groups")


def make_schedules(**kwargs: object) -> None:
    """`migrate` leaves the schedules that the product needs; an idempotent receiver, as STYLE allows."""
    ensure_schedules()


def make_groups(**kwargs: object) -> None:
    ensure_groups()
