"""The web process. The server forks first and imports this after, so threads may start here."""

import gc
import os
from importlib import import_module
from multiprocessing.util import Finalize
from threading import Thread

gc.disable()  # all that is imported stays: to look through it again and again is a twentieth of the start

from django.core.wsgi import get_wsgi_application  # noqa: E402

from cryptoml_site.embedded.launch import die_with_parent  # noqa: E402

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cryptoml_site.settings")

die_with_parent()
django = get_wsgi_application()

from cryptoml_site.lanes import SHORT_LANES  # noqa: E402  # needs the apps that the line above loads
from predictions.follower import follow, let_go  # noqa: E402
from predictions.patience import limit_waits  # noqa: E402
from predictions.short_lane import ShortLane  # noqa: E402


def load_the_rest() -> None:
    """The admin, the schema and every other address, while the first answers leave."""
    import_module("cryptoml_site.urls")
    gc.collect()
    gc.freeze()
    gc.enable()


limit_waits()
application = ShortLane(django, SHORT_LANES)
follow()
Finalize(None, let_go, exitpriority=10)  # the one hook that granian's workers run at a graceful stop
Thread(target=load_the_rest, name="load-the-rest", daemon=True).start()
