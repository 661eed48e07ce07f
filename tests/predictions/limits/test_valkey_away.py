"""With Valkey away each process keeps a share of each limit, and comes back when it does."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.limits import Limiter, LocalBucket, Share
from tests.predictions.limits.limiting import NOWHERE, admitted, took, two_alone


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
