from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from cryptoml_site.embedded.announcement import announce, say
from cryptoml_site.embedded.commands import embedded_servers
from cryptoml_site.embedded.server import Say
from cryptoml_site.embedded.up import Prepared, Up
from cryptoml_site.embedded.web import web_program
from cryptoml_site.embedded.workers import worker_programs


class Command(BaseCommand):
    help = "Start everything: servers, market data, a trained model, the API. Ctrl-C stops it."

    def handle(self, *args: object, **options: object) -> None:
        Up(
            home=settings.EMBEDDED,
            port=settings.PORT,
            servers=embedded_servers(),
            web=web_program(port=settings.PORT, workers=settings.WEB_WORKERS, threads=settings.WEB_THREADS),
            workers=worker_programs(),
            prepare=prepare,
            follow_up=follow_up,
            say=say,
            announce=announce,
        ).run()


def prepare(say: Say) -> Prepared:
    """Imported only now: what fits models takes seconds to import, and a taken port is to be said at once."""
    prepared: Prepared = import_string("cryptoml_site.first_run.prepare")(say)
    return prepared


def follow_up(say: Say) -> None:
    import_string("cryptoml_site.first_run.follow_up")(say)
