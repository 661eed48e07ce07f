"""The web process: what it must not import."""

import subprocess
import sys

FITTING = ("pandas", "sklearn", "xgboost", "skl2onnx", "onnxmltools", "joblib", "scipy", "optuna", "training.fitting")

IMPORT_EVERY_DOOR = """
import sys
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver
get_wsgi_application()
get_resolver().url_patterns
import predictions.follower
from django.contrib import admin
admin.site.urls
import cryptoml_site.admin, registry.admin, training.admin, predictions.admin
from django.conf import settings
from django.utils.module_loading import import_string
[import_string(path) for path in settings.MODEL_CONCERNS]
from celery import current_app
current_app.loader.import_default_modules()  # as the admin's page of a schedule does
print(*sorted(sys.modules))
"""


def test_the_web_process_is_free_of_the_fitting_stack():
    loaded = subprocess.run(
        [sys.executable, "-c", IMPORT_EVERY_DOOR], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert {"predictions.views", "registry.admin.version", "training.admin.run", "predictions.admin.prediction"} <= {
        *loaded
    }
    assert [name for name in loaded if name.startswith(FITTING)] == []
