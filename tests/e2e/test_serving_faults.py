"""A site under load whose servers and workers are killed: what was answered is in the log, once, and in its time."""

import logging
import os
import shutil
import tempfile
import time
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

import pytest

from cryptoml_site.embedded.home import Home
from tests.e2e.conftest import wait_for
from tests.e2e.site_under_load import Load, Site, too_late

pytestmark = pytest.mark.xdist_group("serving")

logger = logging.getLogger(__name__)
BREAKING = 2.0  # seconds in which what a killed worker held, and what still knocked at its socket, may break


@pytest.fixture
def site():
    """Not below tmp_path, which is closed to the user that Postgres is when root tests."""
    folder = Path(tempfile.mkdtemp(dir=os.environ["CRYPTOML_HOME"]))
    folder.chmod(0o711)
    with Site(Home(folder / "home")) as site:
        yield site
    shutil.rmtree(folder)
    shutil.rmtree(site.home.sockets, ignore_errors=True)


def judge(site, load, *, kills):
    """Every promise that faults might have broken."""
    given = [answer for answer in load.answers if answer.status == 200]
    broken = [answer for answer in load.answers if answer.status is None]
    assert [answer for answer in load.answers if answer.status not in (200, None)] == []
    assert [each for each in broken if not any(kill < each.received < kill + BREAKING for kill in kills)] == []
    ids = {answer.id for answer in given}
    assert len(ids) == len(given)
    wait_for(lambda: not list((site.home.path / "spool").glob("*.rows")), 20)
    assert site.stored(ids) == len(ids)
    assert not list((site.home.path / "spool").glob("*")), "nothing damaged, nothing refused"
    followed = [answer for answer in given if not answer.ledger_age]
    assert [too_late(answer, site.moves) for answer in followed if too_late(answer, site.moves) > 0] == []
    assert {answer.version for answer in followed} == {move.version for move in site.moves}
    return given


def test_killed_servers_and_workers_lose_no_answer_and_double_none(site):
    with Load(site, clients=4) as load:
        time.sleep(0.5)
        site.move("promote", 2)
        with site.frozen(site.postgres):
            time.sleep(0.3)
            kills = [site.kill_a_web_worker()]  # in the middle of a commit
        for number in (3, 4):
            time.sleep(2.5)  # granian gives up when a second worker dies within 5.5 s
            site.move("promote", number)
        time.sleep(1)
        site.kill(site.postgres)
        time.sleep(0.7)
        kills.append(site.kill_a_web_worker())  # with a spool of its own; its successor begins from the state file
        wait_for(lambda: "this process serves generation" in site.web_log())
        site.start(site.postgres)
        for number in (5, 6):
            time.sleep(0.5)
            site.move("promote", number)
        time.sleep(1)
    given = judge(site, load, kills=kills)
    assert sum(answer.logged == "spool" for answer in given) > 100
    assert len(given) > 1_000


@pytest.mark.long
def test_everything_at_once(site):
    """Postgres and a web worker die twice each, Valkey stays away for a while, and the version moves twenty times."""
    kills = []
    with Load(site, clients=8) as load:
        flips = flip_to_and_fro(site)
        for when_postgres_is_away in (True, False):
            take(site, flips, 4)
            site.kill(site.valkey)
            take(site, flips, 3)
            if not when_postgres_is_away:
                with site.frozen(site.postgres):
                    time.sleep(0.3)
                    kills.append(site.kill_a_web_worker())
            site.kill(site.postgres)
            time.sleep(1.5)
            if when_postgres_is_away:
                kills.append(site.kill_a_web_worker())
            time.sleep(8)  # granian gives up when a second one dies within 5.5 s
            site.start(site.postgres)
            site.start(site.valkey)
            take(site, flips, 3)
        time.sleep(1)
    given = judge(site, load, kills=kills)
    assert len(site.moves) == 1 + 20
    assert len(given) > 10_000


@pytest.mark.long
def test_a_hundred_promotions_under_load_fail_no_answer(site):
    with Load(site, clients=8) as load:
        flips = flip_to_and_fro(site)
        take(site, flips, 100, seconds=0.3)
    judge(site, load, kills=[])
    assert [answer for answer in load.answers if answer.logged or answer.status != 200] == []


@pytest.mark.long
@pytest.mark.parametrize("valkey", ["alive", "stopped"])
def test_a_hundred_moves_over_http_reach_the_last_worker_within_a_second(site, valkey):
    if valkey == "stopped":
        site.kill(site.valkey)
    with Load(site, clients=8) as load:
        time.sleep(1)
        for verb, number in islice(flip_to_and_fro(site), 100):
            time.sleep(0.3)
            site.move_over_http(verb, number)
        time.sleep(1)
    assert [answer for answer in load.answers if answer.status != 200] == []
    took = sorted(taken_over(load.answers, site.moves))
    logger.info("%s answers, Valkey %s: to the last worker %s", len(load.answers), valkey, summary(took))
    assert took[98] < 1.0


def taken_over(answers, moves):
    """Of each move but the first, seconds from its POST to the last request that the version before still answered."""
    for before, move in pairwise(moves):
        until = min((after.began for after in moves if after.began > move.began), default=float("inf"))
        asked = (answer for answer in answers if move.began < answer.sent < until)
        late = [answer.sent for answer in asked if answer.version == before.version]
        yield max(late, default=move.began) - move.began


def summary(took):
    return f"median {median(took) * 1e3:.0f} ms, p99 {took[98] * 1e3:.0f} ms, longest {took[-1] * 1e3:.0f} ms"


@pytest.mark.long
def test_a_minute_at_full_rate_leaves_memory_and_connections_as_they_were(site):
    with Load(site, clients=16) as load:
        time.sleep(15)  # threads and arenas come into being
        seen = [observe(site) for _ in range(45)]
    judge(site, load, kills=[])
    memory, connections = zip(*seen, strict=True)
    growth = median(memory[-10:]) - median(memory[:10])
    assert growth < 10_000_000, f"{growth:,.0f} bytes in half a minute, {len(load.answers):,} answers in all"
    assert max(connections) - min(connections) <= 2


def flip_to_and_fro(site):
    """2, 3, ... 7 are promoted, then each move goes back to one that answered before."""
    yield from (("promote", number) for number in range(2, 8))
    while True:
        yield from (("rollback", number) for number in range(1, 8))


def take(site, flips, count, *, seconds=0.5):
    for verb, number in islice(flips, count):
        time.sleep(seconds)
        site.move(verb, number)


def observe(site):
    """Memory of the web workers, and connections to Postgres; a second is over."""
    time.sleep(1)
    memory = sum(worker.memory_info().rss for worker in site.web_workers())
    with site.database() as connection:
        return memory, connection.execute("SELECT count(*) FROM pg_stat_activity").fetchone()[0]
