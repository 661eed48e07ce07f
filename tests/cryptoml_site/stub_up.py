"""`up` with the stub site: `python stub_up.py HOME PORT SECONDS_TO_PREPARE`."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from cryptoml_site.embedded.announcement import announce, say
from cryptoml_site.embedded.home import Home
from cryptoml_site.embedded.postgres import Postgres
from cryptoml_site.embedded.up import Up
from cryptoml_site.embedded.valkey import Valkey
from cryptoml_site.embedded.web import web_program
from cryptoml_site.errors import Refused


def main(home: Home, port: int, seconds: float) -> None:
    def prepare(say):
        say("preparing")
        time.sleep(seconds)
        Postgres(home).as_superuser().close()
        return SimpleNamespace(admin_username="admin", admin_password="open", api_key="key")

    web = web_program(port=port, workers=2, threads=2)
    stub = [word.replace("cryptoml_site.wsgi", "tests.cryptoml_site.stub_web") for word in web.command]
    Up(
        home=home,
        port=port,
        servers=[Postgres(home), Valkey(home)],
        web=replace(web, command=stub),
        workers=[],
        prepare=prepare,
        follow_up=lambda say: None,
        say=say,
        announce=announce,
    ).run()


if __name__ == "__main__":
    try:
        main(Home(Path(sys.argv[1])), int(sys.argv[2]), float(sys.argv[3]))
    except Refused as refusal:
        sys.exit(str(refusal))
