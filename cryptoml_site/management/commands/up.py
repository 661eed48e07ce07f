from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from cryptoml_site.embedded.announcement import announce, say
from cryptoml_site.embedded.commands import embedded_servers
from cryptoml_site.embedded.up import Up
from cryptoml_site.embedded.web import web_program


class Command(BaseCommand):
    help = "Start everything: servers, market data, a trained model, the API. Ctrl-C stops it."

    def handle(self, *args: object, **options: object) -> None:
        port = settings.PORT
        Up(
            home=settings.EMBEDDED,
            port=port,
            servers=embedded_servers(),
            web=web_program(port=port, workers=settings.WEB_WORKERS, threads=settings.WEB_THREADS),
            prepare=import_string("cryptoml_site.first_run.prepare"),
            say=say,
            announce=announce,
        ).run()
