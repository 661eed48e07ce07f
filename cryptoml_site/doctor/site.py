"""What is in the database, and who works on it."""

from datetime import timedelta

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django_celery_beat.models import PeriodicTask

from cryptoml_site.clock import now
from cryptoml_site.doctor.findings import Findings, bad, ok, warn
from cryptoml_site.errors import Refused
from cryptoml_site.schedules import SCHEDULES
from monitoring.models import WorkerHeartbeat
from monitoring.models.heartbeats import BEAT
from predictions.models import WebProcess
from predictions.partitions import LOG, STRAYS, month_start
from registry.models import ModelVersion

DUTIES = ("data", "monitoring", "training", "fetching", BEAT)
STARTING = timedelta(minutes=1)  # by which workers have shown themselves after the web


def examine_migrations() -> Findings:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    ahead = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    if plan:
        yield bad(
            "migrations", f"{len(plan)} are not applied, {plan[0][0]} first", "run `make backup`, `manage.py migrate`"
        )
    if ahead:
        app, name = sorted(ahead)[0]
        yield warn("migrations", f"{len(ahead)} are of a newer release, {app}.{name} first", "run that release's code")
    if not plan and not ahead:
        yield ok("migrations", "all applied")


def examine_partitions() -> Findings:
    """The months of the prediction log, made ahead by a schedule."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(%s)", [LOG])
        there = {name for (name,) in cursor.fetchall()}
        cursor.execute("SELECT pg_stat_get_live_tuples(to_regclass(%s)) > 0", [STRAYS])  # no right is needed to ask
        (strays,) = cursor.fetchone()
    wanted = [f"{LOG}_{month_start(now(), months_later=later):%Y_%m}" for later in (0, 1)]
    missing = [name for name in wanted if name not in there]
    if missing or strays:
        what = f"{', '.join(missing)} is not there" if missing else f"answers lie in {STRAYS}"
        yield warn("partitions", what, "start worker and beat: `data.ensure_partitions` makes them each night")
    else:
        yield ok("partitions", f"{len(there)}, the next month's among them")


def examine_bundles() -> Findings:
    """Every file of what answers, and of what is about to."""
    storage = storages["bundles"]
    place = storage.location if isinstance(storage, FileSystemStorage) else f"the bucket {settings.BUNDLES_BUCKET}"
    chosen = (ModelVersion.Stage.PRODUCTION, ModelVersion.Stage.STAGING)
    whole = 0
    for version in ModelVersion.objects.filter(stage__in=chosen, purged_at=None).select_related("model"):
        try:
            version.verify()
            whole += 1
        except Refused as refused:
            yield bad("bundles", f"{version}: {refused}", "put its files back from a backup, or roll back")
    if whole:
        yield ok("bundles", f"{whole} in production or staged have their hashes, in {place}")
    else:
        yield warn("bundles", "no version in production or staged is whole", "train one and promote it")


def examine_schedules() -> Findings:
    enabled = dict(PeriodicTask.objects.values_list("task", "enabled"))
    missing = [task for task, _, _ in SCHEDULES.values() if task not in enabled]
    off = [name for name, (task, _, _) in SCHEDULES.items() if enabled.get(task) is False]
    if missing:
        yield bad("schedules", f"{', '.join(missing)} is not there", "run `manage.py migrate`")
    for name in off:
        yield warn("schedules", f"'{name}' is switched off", "switch it on in the admin, if nobody meant that")
    if not missing and not off:
        yield ok("schedules", f"{len(SCHEDULES)}, all on")


def examine_processes() -> Findings:
    """By their heartbeats."""
    at = now()
    web = list(WebProcess.objects.alive(at))
    duties = {duty for row in WorkerHeartbeat.objects.alive(at) for duty in row.duties}
    idle = [duty for duty in DUTIES if duty not in duties]
    if not web and not duties:
        yield warn("processes", "none runs: the site is stopped", "`make up`, or start your services")
        return
    if not web:
        yield bad("processes", "no web process runs", "start the web server; look into its log")
    else:
        yield ok(
            "processes", f"{len(web)} of the web, newest heartbeat {max(each.seen_at for each in web):%H:%M:%S} UTC"
        )
    if idle:
        nobody = f"nobody does {', '.join(idle)}"
        if web and min(each.started_at for each in web) > at - STARTING:
            yield warn("processes", f"{nobody} yet: the site has just started", "ask again in half a minute")
        else:
            yield bad("processes", nobody, "start worker, trainer, fetcher and beat; see their logs")
    else:
        yield ok("processes", f"somebody does {', '.join(DUTIES)}")
