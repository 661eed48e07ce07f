"""This machine: settings, disk, the spool, and who may read what is private."""

import os
import shutil
import stat
from pathlib import Path

from django.conf import settings
from django.core.checks import ERROR, run_checks

from cryptoml_site.doctor.findings import Findings, bad, ok, warn
from predictions.log.spool import DAMAGED, REFUSED, SUFFIX

SCARCE, TIGHT = 0.05, 0.15  # share of a disk that is free
PRIVATE = ("secret_key", "credentials.json", "up.json", "state/serving.json")


def examine_settings() -> Findings:
    production = getattr(settings, "IN_PRODUCTION", False)
    found = run_checks(include_deployment_checks=production)
    for each in found:
        make = bad if each.level >= ERROR else warn
        yield make("settings", f"{each.id}: {each.msg}", str(each.hint or "see Django's system checks"))
    if settings.DEBUG:
        yield warn("settings", "DEBUG is on: errors show source code", "leave DEBUG out where others reach the site")
    if "*" in settings.ALLOWED_HOSTS:
        yield warn("settings", "ALLOWED_HOSTS lets any name in", "name yours")
    if not found:
        yield ok("settings", f"{'production' if production else 'not of production'}; read without an objection")


def examine_disk() -> Findings:
    places = {_existing(place) for place in (settings.CRYPTOML_HOME, settings.SPOOL_DIR)}
    for place in {os.stat(place).st_dev: place for place in sorted(places)}.values():
        disk = shutil.disk_usage(place)
        share, told = disk.free / disk.total, f"{disk.free / 1e9:,.1f} GB of {disk.total / 1e9:,.1f} free at {place}"
        if share < TIGHT:
            make = bad if share < SCARCE else warn
            yield make(
                "disk", f"{told}: {share:.0%}", "make room: set LOG_RETENTION_MONTHS, purge versions, or grow it"
            )
        else:
            yield ok("disk", told)


def examine_spool() -> Findings:
    """Answers that Postgres does not have."""
    folder = settings.SPOOL_DIR
    if not os.access(_existing(folder), os.W_OK | os.X_OK):
        yield bad("spool", f"{folder} cannot be written", "mend it now: without Postgres nothing would be answered")
        return
    for suffix, why in ((DAMAGED, "altered on disk"), (REFUSED, "refused by Postgres")):
        if kept := list(folder.glob(f"*{suffix}")):
            yield bad("spool", f"{len(kept)} files with answers {why}, {kept[0]}", "look at them (docs/serving.md)")
    waiting = list(folder.glob(f"*{SUFFIX}"))
    if waiting:
        size = sum(path.stat().st_size for path in waiting)
        yield warn("spool", f"{size:,} bytes of answers wait for Postgres", "they are stored once a web process runs")
    else:
        yield ok("spool", f"empty, {folder}")


def examine_privacy() -> Findings:
    """What in the home would let others in."""
    home = settings.CRYPTOML_HOME
    if not home.exists():
        yield warn("home", f"{home} is not there yet", "it is made by the first start")
        return
    if not os.access(home, os.W_OK | os.X_OK):
        yield bad("home", f"{home} cannot be written by this user", "give it to the user that runs the site")
    open_ones = [path for name in PRIVATE if _others_may_read(path := home / name)]
    for path in open_ones:
        yield bad("home", f"others may read {path}", f"chmod 600 {path}, and change what is in it")
    if not open_ones:
        yield ok("home", f"{home}: what is private there is ours alone")


def _others_may_read(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _existing(place: Path) -> Path:
    """The folder itself, or the nearest above that is there."""
    while not place.exists():
        place = place.parent
    return place
