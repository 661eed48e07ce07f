"""A limit holds over all threads and processes, mostly without asking."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from cryptoml_site.embedded.home import SITE
from predictions.limits import Allowance, RecentKeys
from tests.predictions.limits.limiting import HAMMER, NOWHERE, admitted, assert_as_one_bucket, two_alone

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
