"""The web process. The server forks first and imports this after, so threads may start here."""

import os
from multiprocessing.util import Finalize

from django.core.wsgi import get_wsgi_application

from cryptoml_site.embedded.launch import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cryptoml_site.settings")

die_with_parent()
django = get_wsgi_application()

from cryptoml_site.urls import SHORT_LANES  # noqa: E402  # needs the apps that the line above loads
from predictions.follower import follow, let_go  # noqa: E402
from predictions.patience import limit_waits  # noqa: E402
from predictions.short_lane import ShortLane  # noqa: E402

limit_waits()
application = ShortLane(django, SHORT_LANES)
follow()
Finalize(None, let_go, exitpriority=10)  # the one hook that granian's workers run at a graceful stop
