"""A limit holds over all threads and processes, mostly without asking; with Valkey away each process keeps a share."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from cryptoml_site.embedded.home import SITE, Home
from cryptoml_site.embedded.server import running
from cryptoml_site.embedded.valkey import Valkey
from predictions.limits import Allowance, Limiter, LocalBucket, RecentKeys, Share

NOWHERE = "unix:///nowhere/valkey.sock"
HAMMER = """
import sys, time
from predictions.limits import Limiter
url, key, limit, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
limiter = Limiter(url, live_processes=lambda: 4)
print("ready", flush=True)
sys.stdin.readline()
admitted, end = 0, time.monotonic() + seconds
while time.monotonic() < end:
    admitted += limiter.take(key, limit=limit).admitted
print(admitted)
"""


class Clock:
    """time.monotonic() that a test drives."""

    def __init__(self):
        self.seconds = 1_000.0

    def __call__(self):
        return self.seconds

    def advance(self, seconds):
        self.seconds += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def url(servers, settings):
    """The Valkey of this run."""
    return settings.REDIS_URL


@pytest.fixture
def key():
    return uuid4().hex


@pytest.fixture(scope="module")
def home():
    folder = Path(tempfile.mkdtemp(dir=os.environ["CRYPTOML_HOME"]))
    home = Home(folder / "home")
    yield home
    shutil.rmtree(folder)
    shutil.rmtree(home.sockets, ignore_errors=True)


@pytest.fixture
def own_valkey(home):
    """own_valkey() runs a Valkey of the test's own, within; empty at first."""

    @contextmanager
    def run():
        with running(Valkey(home), print), Redis.from_url(home.redis_url) as client:
            yield client

    yield run
    shutil.rmtree(home.valkey, ignore_errors=True)


@pytest.fixture
def questions(own_valkey, home, clock):
    """A limiter, and how often it has asked Valkey."""
    with own_valkey() as client:
        limiter = Limiter(home.redis_url, live_processes=lambda: 4, monotonic=clock)
        limiter.take("warm", limit=60)  # loads the script

        def asked():
            return client.info("commandstats")["cmdstat_evalsha"]["calls"]

        yield limiter, asked


@pytest.fixture
def hung():
    """The URL of a server that accepts and never answers, and a function that gives all connections until now."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{folder}/s")
        server.listen(64)
        server.setblocking(False)
        accepted = []

        def connections():
            with suppress(BlockingIOError):
                while True:
                    accepted.append(server.accept()[0])
            return accepted

        yield f"unix://{folder}/s", connections
        for connection in connections():
            connection.close()


def two_alone(url, clock=time.monotonic):
    return Limiter(url, live_processes=lambda: 2, monotonic=clock)


def admitted(limiter, key, *, limit, tries):
    return sum(limiter.take(key, limit=limit).admitted for _ in range(tries))


def took(call):
    """Seconds of wall time."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def assert_as_one_bucket(total, limit, elapsed):
    bucket = limit + elapsed * limit / 60
    assert 0.90 * bucket <= total <= 1.05 * bucket


# What the client is told


def test_an_admitted_request_is_told_of_its_bucket():
    assert Allowance(600, 588, 1.2, None).headers() == {
        "RateLimit-Limit": "600",
        "RateLimit-Remaining": "588",
        "RateLimit-Reset": "2",
        "RateLimit-Policy": "600;w=60",
    }


@pytest.mark.parametrize(("seconds", "told"), [(0.004, "1"), (1.0, "1"), (1.01, "2")])
def test_a_refused_request_is_told_when_to_come_back(seconds, told):
    headers = Allowance(600, 0, 60.0, seconds).headers()
    assert (headers["Retry-After"], headers["RateLimit-Reset"], headers["RateLimit-Remaining"]) == (told, told, "0")


def test_a_limit_below_one_is_an_error(url, key):
    for somewhere in (url, NOWHERE):
        with pytest.raises(ValueError, match="at least 1"):
            two_alone(somewhere).take(key, limit=0)


# The bucket in Valkey


def test_a_burst_up_to_the_limit_is_admitted_and_no_more(url, key):
    limiter = two_alone(url)
    allowances = [limiter.take(key, limit=60) for _ in range(61)]
    assert [allowance.remaining for allowance in allowances] == [*range(59, -1, -1), 0]
    assert [allowance.admitted for allowance in allowances] == [True] * 60 + [False]
    assert allowances[0].reset_seconds == 1.0
    assert 0 < allowances[-1].retry_after <= 1
    assert not limiter.away


def test_a_sixtieth_of_the_limit_comes_back_each_second(url, key):
    limiter = two_alone(url)
    admitted(limiter, key, limit=600, tries=700)
    started = time.monotonic()
    time.sleep(0.5)
    refilled = admitted(limiter, key, limit=600, tries=100)
    assert 4 <= refilled <= 10 * (time.monotonic() - started) + 1


def test_a_bucket_is_gone_from_valkey_once_it_would_be_full(url, key):
    admitted(two_alone(url), key, limit=60, tries=30)
    with Redis.from_url(url) as client:
        assert 28_000 < client.pttl(f"cryptoml:limit:{key}") <= 30_000


def test_a_clock_of_valkey_that_was_set_back_locks_nobody_out(url, key):
    with Redis.from_url(url) as client:
        client.hset(f"cryptoml:limit:{key}", mapping={"tokens": "0.5", "at": str(int(time.time() * 1000) + 3_600_000)})
        assert two_alone(url).take(key, limit=60).retry_after == pytest.approx(0.5, abs=0.01)
        time.sleep(0.55)
        assert two_alone(url).take(key, limit=60).admitted


def test_keys_have_buckets_of_their_own(url, key):
    limiter = two_alone(url)
    admitted(limiter, key, limit=1, tries=2)
    assert limiter.take(f"{key}2", limit=1).admitted


def test_four_processes_admit_together_what_one_bucket_would(url, key):
    command = [sys.executable, "-c", HAMMER, url, key, "600", "2.0"]
    options = {"cwd": SITE, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **options) for _ in range(4)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    start = time.monotonic()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = [int(process.communicate(timeout=20)[0]) for process in processes]
    assert sum(count > 0 for count in counts) > 1
    assert_as_one_bucket(sum(counts), 600, time.monotonic() - start)


def test_sixteen_threads_admit_together_what_one_bucket_would(url, key):
    limiter, end = two_alone(url), time.monotonic() + 1.5

    def hammer(_):
        total = 0
        while time.monotonic() < end:
            total += limiter.take(key, limit=600).admitted
        return total

    with ThreadPoolExecutor(16) as pool:
        start = time.monotonic()
        total = sum(pool.map(hammer, range(16)))
    assert_as_one_bucket(total, 600, time.monotonic() - start)
    assert not limiter.away


# Leases


def test_the_usual_answer_asks_nobody(questions, key):
    limiter, asked = questions
    before = asked()
    assert admitted(limiter, key, limit=5_000, tries=100) == 100
    assert asked() - before == 1


def test_a_lease_is_a_fiftieth_of_the_limit_and_never_over_a_thousand(questions, key):
    limiter, asked = questions
    before = asked()
    admitted(limiter, key, limit=600_000, tries=1_001)
    assert asked() - before == 2


def test_a_lease_that_was_not_spent_within_a_second_is_not_spent_at_all(questions, key, clock):
    limiter, asked = questions
    limiter.take(key, limit=600)
    before = asked()
    clock.advance(0.99)
    limiter.take(key, limit=600)
    assert asked() == before
    clock.advance(0.01)
    limiter.take(key, limit=600)
    assert asked() == before + 1


def test_a_client_far_below_its_limit_keeps_a_full_bucket(url, key, clock):
    """Each process leases 12 for each request; Valkey's own clock stands nearly still here, so nothing refills."""
    first, second = two_alone(url, clock), two_alone(url, clock)
    for _ in range(50):
        first.take(key, limit=600)
        second.take(key, limit=600)
        clock.advance(1.1)
    assert first.take(key, limit=600).remaining >= 600 - 101 - 12


def test_a_client_that_hammers_after_a_refusal_asks_no_sooner_than_valkey_said(questions, key, clock):
    limiter, asked = questions
    admitted(limiter, key, limit=60, tries=60)
    wait = limiter.take(key, limit=60).retry_after
    before = asked()
    assert admitted(limiter, key, limit=60, tries=100) == 0
    clock.advance(wait - 0.001)
    assert limiter.take(key, limit=60).retry_after == pytest.approx(0.001)
    assert asked() == before
    clock.advance(0.002)
    limiter.take(key, limit=60)
    assert asked() == before + 1


def test_of_sixteen_threads_without_tokens_one_asks_for_all(questions, key):
    limiter, asked = questions
    before, together = asked(), threading.Barrier(16)

    def take(_):
        together.wait()
        return limiter.take(key, limit=5_000).admitted

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(take, range(16)))
    assert asked() - before == 1


# A limit that a person changes


def test_a_raised_limit_ends_a_refusal_at_once(url, key):
    limiter = two_alone(url)
    assert admitted(limiter, key, limit=1, tries=2) == 1
    time.sleep(0.01)
    assert limiter.take(key, limit=60_000).admitted


def test_a_lowered_limit_takes_the_lease_with_it(url, key):
    limiter = two_alone(url)
    assert limiter.take(key, limit=60_000).remaining == 59_999
    assert admitted(limiter, key, limit=60, tries=1_000) <= 61


# Valkey away


@pytest.mark.parametrize(("processes", "at_start", "a_minute_later"), [(0, 10, 600), (1, 10, 600), (4, 2, 150)])
def test_without_valkey_a_process_admits_its_share(clock, processes, at_start, a_minute_later):
    limiter = Limiter(NOWHERE, live_processes=lambda: processes, monotonic=clock)
    assert not limiter.away
    assert admitted(limiter, "key", limit=600, tries=100) == at_start
    assert limiter.away
    clock.advance(60)
    assert admitted(limiter, "key", limit=600, tries=1_000) == a_minute_later


def test_a_share_of_less_than_one_request_is_admitted_in_its_time(clock):
    limiter = Limiter(NOWHERE, live_processes=lambda: 4, monotonic=clock)
    assert limiter.take("key", limit=1).admitted
    assert limiter.take("key", limit=1).retry_after == pytest.approx(240)
    clock.advance(240.1)
    assert limiter.take("key", limit=1).admitted


def test_a_process_that_starts_meanwhile_makes_the_shares_smaller(clock):
    live = [1]
    limiter = Limiter(NOWHERE, live_processes=lambda: live[0], monotonic=clock)
    limiter.take("key", limit=600)
    live[0] = 6
    clock.advance(60)
    assert admitted(limiter, "key", limit=600, tries=1_000) == 100


def test_leases_go_on_when_valkey_is_back(own_valkey, home, clock, key):
    limiter = two_alone(home.redis_url, clock)
    with own_valkey():
        limiter.take(key, limit=60)
    assert admitted(limiter, key, limit=60, tries=10) == 1
    assert limiter.away
    with own_valkey():
        assert not limiter.take(key, limit=60).admitted  # it is not time to ask again
        clock.advance(1)
        assert limiter.take(key, limit=60).remaining >= 58
        assert not limiter.away


def test_a_valkey_that_was_restarted_between_two_questions_was_not_away(own_valkey, home, key):
    limiter = two_alone(home.redis_url)
    for _ in range(2):
        with own_valkey():
            assert limiter.take(key, limit=60).admitted
            assert not limiter.away


def test_an_outage_begins_with_a_second_s_worth_however_often_it_comes(own_valkey, home, clock, key):
    limiter = two_alone(home.redis_url, clock)
    admitted(limiter, key, limit=1_200, tries=1)
    clock.advance(30)
    with own_valkey():
        limiter.take(key, limit=1_200)
        assert not limiter.away
    clock.advance(1)
    assert admitted(limiter, key, limit=1_200, tries=100) == 10


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        ("SET cryptoml:limit:key text", "DEL cryptoml:limit:key"),  # WRONGTYPE
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),  # OOM
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),  # READONLY
    ],
)
def test_a_wrong_answer_is_as_good_as_none(own_valkey, home, clock, breaks, mends):
    limiter = two_alone(home.redis_url, clock)
    with own_valkey() as client:
        client.execute_command(*breaks.split())
        assert limiter.take("key", limit=600).admitted
        assert limiter.away
        client.execute_command(*mends.split())
        clock.advance(1)
        assert limiter.take("key", limit=600).remaining == 599
        assert not limiter.away


def test_a_valkey_that_hangs_delays_one_request_a_second(hung, clock):
    url, connections = hung
    limiter, delays = two_alone(url, clock), []
    for second in range(3):
        delays.append(took(lambda: limiter.take("key", limit=600)))
        assert took(lambda: admitted(limiter, "key", limit=600, tries=100)) < 0.05
        assert took(lambda: limiter.take("other", limit=600)) < 0.05
        assert len(connections()) == second + 1
        clock.advance(1)
    assert 0.09 < sorted(delays)[1] <= 0.15


def test_while_one_thread_asks_a_valkey_that_hangs_no_other_waits(hung, clock):
    url, connections = hung
    limiter = two_alone(url, clock)
    limiter.take("key", limit=600)
    clock.advance(1)
    together = threading.Barrier(16)

    def take(_):
        together.wait()
        return took(lambda: limiter.take("key", limit=600))

    with ThreadPoolExecutor(16) as pool:
        *others, asker = sorted(pool.map(take, range(16)))
    assert asker > 0.09
    assert others[-1] < 0.08
    assert len(connections()) == 2


def test_a_new_connection_begins_with_the_question_so_that_it_waits_once(hung):
    url, connections = hung
    two_alone(url).take("key", limit=600)
    [connection] = connections()
    assert b"EVALSHA" in connection.recv(1_000).splitlines()


shares = st.builds(Share.of, st.integers(1, 100_000), st.integers(1, 8))
steps = st.lists(st.tuples(st.floats(0, 100), st.integers(1, 50)), max_size=30)


@given(share=shares, steps=steps)
def test_a_local_bucket_never_admits_more_than_it_holds_and_refills(share, steps):
    bucket, now, total = LocalBucket(), 0.0, 0
    for gap, tries in steps:
        now += gap
        for _ in range(tries):
            bucket.fill(share, now)
            total += bucket.take(limit=1, share=share).admitted
        assert total <= share.capacity + share.rate * now + 1e-6


@given(share=shares, tokens=st.floats(0, 0.99))
def test_a_refusal_of_a_local_bucket_ends_when_it_says(share, tokens):
    bucket = LocalBucket(tokens, filled_at=0.0)
    wait = bucket.take(limit=1, share=share).retry_after
    bucket.fill(share, wait * 0.99)
    assert not bucket.take(limit=1, share=share).admitted
    bucket.fill(share, wait + 1e-6 / share.rate)
    assert bucket.take(limit=1, share=share).admitted


# Memory


def test_keys_that_are_not_seen_are_forgotten(clock):
    keys = RecentKeys()
    keys.forget(clock())
    kept, _ = keys["kept"], keys["gone"]
    for _ in range(2):
        clock.advance(300)
        keys.forget(clock())
        assert keys["kept"] is kept
    assert len(keys) == 1


def test_a_limiter_forgets_while_it_works(url, clock, key):
    limiter = two_alone(url, clock)
    for number in range(100):
        limiter.take(f"{key}{number}", limit=60)
    for _ in range(3):
        limiter.take(key, limit=60)
        clock.advance(300)
    assert len(limiter._keys) == 1
