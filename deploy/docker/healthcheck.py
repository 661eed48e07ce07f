"""Whether this container's process is well: exit status 0, or 1 and a sentence. Standard library and psycopg alone,
because it is asked every few seconds: `python -I healthcheck.py web|worker`.

web: it answers GET /health/live. worker (trainer, fetcher and beat too): its heartbeat in Postgres is young. A worker
writes it from its main loop, so that one that hangs falls silent; one that is busy does not.
"""

import os
import socket
import sys
import urllib.request

SILENCE = 60  # seconds after which a heartbeat counts as gone, as the site itself counts
YOUNG = "SELECT count(*) FROM monitoring_workerheartbeat WHERE host = %s AND seen_at > now() - %s * interval '1 second'"


def web() -> None:
    """As a proxy that ended TLS would ask, by a name that is ours: a site refuses others, and redirects from http."""
    ours = os.environ.get("ALLOWED_HOSTS", "localhost").partition(",")[0].lstrip(".")
    url = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/health/live"
    asked = urllib.request.Request(url, headers={"Host": ours, "X-Forwarded-Proto": "https"})
    urllib.request.urlopen(asked, timeout=4).close()  # noqa: S310  # nosec B310  # of ourselves


def worker() -> None:
    import psycopg  # noqa: PLC0415  # the web's question, asked most often, needs none

    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=3) as connection:
        found = connection.execute(YOUNG, [socket.gethostname(), SILENCE]).fetchone()
    if found == (0,):
        raise OSError(f"no process of this host has said for {SILENCE} s that it lives")


if __name__ == "__main__":
    try:
        {"web": web, "worker": worker}[sys.argv[1]]()
    except Exception as failure:  # noqa: BLE001  # whatever it is, the answer is no
        sys.exit(f"{type(failure).__name__}: {failure}")
