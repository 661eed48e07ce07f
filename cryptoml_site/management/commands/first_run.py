from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from cryptoml_site.first_run import credentials_file, ensure_credentials, furnish
from registry.models import Deployment


class Command(BaseCommand):
    help = (
        "What `make up` begins with, on servers of your own: an admin and an API key, a market, a model that answers. "
        "Where there is a user, or was something in production, that is left alone."
    )

    def handle(self, **_: Any) -> None:
        """Nothing secret is said: a container's output is kept."""
        if not User.objects.exists():
            ensure_credentials(credentials_file())
            self.stdout.write(f"The password of `admin`, and an API key with all scopes, are in {credentials_file()}")
        if Deployment.objects.exists():
            self.stdout.write("Something is in production here, or was: no market and no model is made")
            return
        self.stdout.write(f"{furnish(self.stdout.write)} answers what names no model")
