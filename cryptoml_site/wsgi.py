"""The web process. The server forks first and imports this after, so threads may start here."""

import os

from django.core.wsgi import get_wsgi_application

from cryptoml_site.embedded.launch import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cryptoml_site.settings")

die_with_parent()
application = get_wsgi_application()

from predictions.follower import follow  # noqa: E402  # needs the apps that the line above loads

follow()
