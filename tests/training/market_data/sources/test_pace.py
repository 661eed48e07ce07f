"""The limit holds over threads and processes, who asks first goes first, and without Valkey each process keeps it."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from redis import Redis

from cryptoml_site.embedded.home import SITE
from training.market_data.sources.pace import WINDOW_SECONDS, Pace, TooLateError

NOWHERE = "unix:///nowhere/valkey.sock"
LIMIT, WINDOW = 10, 1.5  # calls, seconds; of the test's own, for a minute is long
WORKER = """
import sys, time
from training.market_data.sources.pace import Pace
url, name, limit, window, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])
pace = Pace(name, limit=limit, valkey_url=url, window=window)
print("ready", flush=True)
sys.stdin.readline()
end = time.time() + seconds
while time.time() < end:
    time.sleep(pace.turn(most=60))
    print(time.time(), flush=True)
"""


@pytest.fixture
def url(servers, settings):
    """The Valkey of this run."""
    return settings.REDIS_URL


@pytest.fixture
def name():
    return uuid4().hex


def turns(pace, count, most=1_000.0):
    return [round(pace.turn(most=most), 1) for _ in range(count)]


@pytest.fixture(params=["valkey", "local"])
def pace(request, times, name):
    """Of 3 calls a minute, with a Valkey and without."""
    url = request.getfixturevalue("url") if request.param == "valkey" else NOWHERE
    return Pace(name, limit=3, valkey_url=url, monotonic=times.monotonic)


def test_a_window_holds_as_many_turns_as_the_limit_and_the_next_ones_follow_it(pace):
    assert turns(pace, 8) == pytest.approx([0, 0, 0, 60.5, 60.5, 60.5, 121, 121], abs=0.3)


def test_a_turn_that_comes_too_late_is_not_reserved(pace):
    turns(pace, 3)
    for _ in range(5):
        with pytest.raises(TooLateError, match=r"the next turn comes in 6[01] s") as late:
            pace.turn(most=30)
        assert late.value.seconds == pytest.approx(60.5, abs=0.3)
    assert turns(pace, 1) == pytest.approx([60.5], abs=0.3)


def test_a_hold_is_for_everybody_and_the_longest_counts(pace):
    pace.hold(30)
    pace.hold(10)
    assert turns(pace, 1) == pytest.approx([30], abs=0.3)
    pace.hold(50)
    assert turns(pace, 2) == pytest.approx([50, 50], abs=0.3)


def test_turns_come_back_with_time(name, times):
    pace = Pace(name, limit=3, valkey_url=NOWHERE, monotonic=times.monotonic)
    turns(pace, 3)
    times.seconds += WINDOW_SECONDS
    assert turns(pace, 4) == [0, 0, 0, WINDOW_SECONDS]


def test_a_window_is_longer_than_the_minute_that_a_provider_counts():
    assert WINDOW_SECONDS > 60


def test_paces_of_other_names_have_turns_of_their_own(url, name):
    turns(Pace(name, limit=1, valkey_url=url), 1)
    assert turns(Pace(f"{name}2", limit=1, valkey_url=url), 1) == [0]


def test_nothing_is_left_in_valkey_when_it_counts_no_more(url, name):
    pace = Pace(name, limit=2, valkey_url=url)
    turns(pace, 3)
    pace.hold(5)
    with Redis.from_url(url) as client:
        lives = {key.decode(): client.pttl(key) for key in client.keys(f"cryptoml:pace:{name}:*")}
    assert lives[f"cryptoml:pace:{name}:hold"] <= 5_001
    assert 60_000 < lives[f"cryptoml:pace:{name}:turns"] <= 121_000
    assert min(lives.values()) > 0


def test_a_clock_of_valkey_that_was_set_back_stops_nobody(url, name):
    with Redis.from_url(url) as client:
        client.rpush(f"cryptoml:pace:{name}:turns", int(time.time() * 1_000) + 86_400_000)
    assert turns(Pace(name, limit=1, valkey_url=url), 1) == [0]


def test_a_limit_that_was_lowered_holds_from_the_next_call(url, name):
    turns(Pace(name, limit=5, valkey_url=url), 5)
    assert turns(Pace(name, limit=2, valkey_url=url), 1) == pytest.approx([60.5], abs=0.3)


def test_threads_share_one_limit_without_valkey(name, times):
    pace = Pace(name, limit=5, valkey_url=NOWHERE, monotonic=times.monotonic)
    with ThreadPoolExecutor(8) as threads:
        found = sorted(threads.map(lambda _: pace.turn(most=1_000), range(20)))
    assert found == [number // 5 * WINDOW_SECONDS for number in range(20)]


def test_who_asks_first_goes_first(url, name):
    """Turns are given in the order of the questions, to whichever thread or process asks."""
    paces = [Pace(name, limit=2, valkey_url=url, window=0.4) for _ in range(3)]
    order, lock = [], threading.Lock()

    def wait(number, seconds):
        time.sleep(seconds)
        with lock:
            order.append(number)

    with ThreadPoolExecutor(12) as threads:
        for number in range(12):
            threads.submit(wait, number, paces[number % 3].turn(most=60))
    in_windows = [set(order[place : place + 2]) for place in range(0, 12, 2)]
    assert in_windows == [{number, number + 1} for number in range(0, 12, 2)]


def test_processes_together_stay_below_the_limit_and_each_gets_its_share(url, name):
    command = [sys.executable, "-c", WORKER, url, name, str(LIMIT), str(WINDOW), "4"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": SITE}
    workers = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    made = [[float(line) for line in worker.communicate()[0].split()] for worker in workers]
    calls = sorted(call for calls in made for call in calls)
    for earlier, later in zip(calls, calls[LIMIT:], strict=False):
        assert later - earlier > WINDOW - 0.3  # a call may be later than its turn
    assert len(calls) >= 0.7 * LIMIT * (calls[-1] - calls[0]) / WINDOW
    assert min(map(len, made)) >= 0.3 * len(calls) / 4  # none starves, though the machine may let one wait


def test_a_valkey_that_is_away_is_said_once(name, caplog):
    turns(Pace(name, limit=3, valkey_url=NOWHERE), 3)
    assert caplog.text.count("Valkey is away, this process keeps the pace of its calls by itself") == 1
