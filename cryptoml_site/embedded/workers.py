"""The processes that work without being asked: Celery's workers and its beat, as `up` runs them."""

import sys

from cryptoml_site.embedded.launch import launched
from cryptoml_site.embedded.supervision import Program

CELERY = [sys.executable, "-m", "celery", "--app", "cryptoml_site.celery"]
QUIET = ["--loglevel", "INFO"]
_ONE_THREAD_EACH = ["env", "OMP_NUM_THREADS=1"]  # or the arithmetic's threads fight the other processes
_ALONE = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
_ONE_PROCESS = ["--pool", "solo", *_ALONE]
_THREADS = ["--pool", "threads", "--concurrency", "4", *_ALONE]  # they wait for providers, most of the time


def worker_programs() -> list[Program]:
    """A worker for all that is short, a trainer and a fetcher so that neither a long fit nor a slow provider blocks it,
    and beat."""
    worker = [*CELERY, "worker", "--queues", "data,monitoring", "--hostname", "worker@%h", *_ONE_PROCESS, *QUIET]
    trainer = [*CELERY, "worker", "--queues", "training", "--hostname", "trainer@%h", *_ONE_PROCESS, *QUIET]
    trainer += ["--include", "training.fitting.tasks"]
    fetcher = [*CELERY, "worker", "--queues", "fetching", "--hostname", "fetcher@%h", *_THREADS, *QUIET]
    beat = [*CELERY, "beat", "--pidfile", "", *QUIET]  # supervisord keeps it single, no file that a kill leaves behind
    return [
        Program("worker", launched([*_ONE_THREAD_EACH, *worker]), priority=40, autostart=False, stopwaitsecs=30),
        Program("trainer", launched(trainer), priority=40, autostart=False, stopwaitsecs=10),
        Program("fetcher", launched([*_ONE_THREAD_EACH, *fetcher]), priority=40, autostart=False, stopwaitsecs=10),
        Program("beat", launched(beat), priority=50, autostart=False),
    ]
