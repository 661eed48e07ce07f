"""Tasks: found in each app's `tasks` module; the trainer is told to import `training.fitting.tasks` too."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cryptoml_site.settings")

app = Celery("cryptoml")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
