"""What passes is waited for, not for ever; what stays is said at once."""

import socket
import time
from itertools import pairwise

import pytest

from cryptoml_site.errors import Refused, Unavailable
from tests.training.market_data.sources import faults
from tests.training.market_data.sources.asking import DAY, NOW, candles
from tests.training.market_data.sources.faults import Answer
from training.market_data.sources.coingecko import client
from training.market_data.sources.coingecko.source import CoinGecko

FOREVER = 100  # faults: more than any patience outlasts


def ask(source):
    return candles(source, start=NOW - DAY)


@pytest.mark.parametrize(
    "fault",
    [
        faults.INVALID_CURRENCY,
        faults.COIN_NOT_FOUND,
        faults.NOT_FOUND,
        faults.DEMO_KEY_ON_THE_PRO_HOST,
        faults.KEY_MISSING,
        faults.TOO_OLD,
        faults.FIREWALL,
        faults.missing("days"),
        Answer(404, faults.HTML),
        Answer(401, "Unauthorized"),
        Answer(400, "[]"),
        Answer(200, "[]"),
    ],
)
def test_what_stays_is_asked_once(coingecko, source, times, fault):
    coingecko.faults.append(fault)
    with pytest.raises(Refused):
        ask(source())
    assert (len(coingecko.asked), times.slept) == (1, [])


@pytest.mark.parametrize(
    "fault",
    [
        faults.THROTTLED_AS_TEXT,
        Answer(408, ""),
        Answer(500, "{}"),
        Answer(503, ""),
        faults.HTML_INSTEAD,
        faults.HUNG_UP,
    ],
)
def test_what_passes_is_asked_again(coingecko, source, times, fault):
    coingecko.faults.append(fault)
    assert len(ask(source())) == 24
    assert (len(coingecko.asked), len(times.slept)) == (2, 1)


def test_pauses_grow_and_patience_ends(coingecko, source, times):
    coingecko.faults.extend([faults.OUT_OF_ORDER] * FOREVER)
    with pytest.raises(Unavailable, match=r"answered 502; given up after \d+ tries: try again later") as unavailable:
        ask(source())
    assert unavailable.value.code == "source_unavailable"
    assert all(earlier < later for earlier, later in pairwise(times.slept) if later < 60)
    assert 200 < sum(times.slept) <= 300


def test_the_patience_of_a_person_who_waits_is_shorter(coingecko, source, times):
    coingecko.faults.extend([faults.OUT_OF_ORDER] * FOREVER)
    impatient = source()
    impatient.patience = 5
    with pytest.raises(Unavailable):
        ask(impatient)
    assert sum(times.slept) <= 5


def test_a_wait_beyond_patience_is_not_begun(coingecko, source, times):
    coingecko.faults.append(faults.throttled(retry_after="86400"))
    with pytest.raises(
        Unavailable, match=r"more calls than it allows; given up after one try: try again in 86400 s"
    ) as it:
        ask(source())
    assert (it.value.code, times.slept) == ("rate_limited", [])


def test_workers_that_come_back_do_not_come_together(coingecko, source, times):
    coingecko.faults.extend([faults.throttled(retry_after="30")] * 4)
    ask(source())
    assert len({round(pause, 6) for pause in times.slept}) == 4


def test_who_is_told_to_wait_makes_the_others_wait_too(coingecko, source, times):
    coingecko.faults.append(faults.throttled(retry_after="200"))
    impatient, other = source(), source()
    impatient.patience = other.patience = 100
    with pytest.raises(Unavailable):
        ask(impatient)
    with pytest.raises(Unavailable, match="the next turn comes in 200 s") as unavailable:
        ask(other)
    assert (unavailable.value.code, len(coingecko.asked)) == ("rate_limited", 1)
    times.seconds += 201
    assert len(ask(other)) == 24


def test_a_host_that_nobody_listens_on_is_said_to_be_out_of_reach(source, settings):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.COINGECKO_URL = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"cannot be reached \(.+\); given up after \d+ tries") as unavailable:
            ask(source())
    assert unavailable.value.code == "source_unavailable"


def test_a_host_of_whom_nothing_is_heard_may_have_a_patience_of_its_own(source, settings, times, monkeypatch):
    settings.COINGECKO_URL = "http://coingecko.invalid"
    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    impatient = source()
    impatient.patience_unreached = 10
    with pytest.raises(Unavailable, match=r"cannot be reached .*: look at the network"):
        ask(impatient)
    assert 5 < sum(times.slept) <= 10


def unresolved(*_, **__):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_who_answers_is_waited_for_all_the_same(coingecko, source, times):
    coingecko.faults.extend([faults.OUT_OF_ORDER] * 5)
    patient = source()
    patient.patience_unreached = 1
    assert len(ask(patient)) == 24
    assert sum(times.slept) > 20


def test_a_host_that_never_answers_is_given_up(coingecko, source, times, monkeypatch):
    monkeypatch.setattr(client, "TIMEOUT", 0.2)
    coingecko.seconds_per_answer = 0.5
    impatient = source()
    impatient.patience = 3
    with pytest.raises(Unavailable, match="cannot be reached"):
        ask(impatient)


def test_an_answer_that_is_too_large_is_not_read_to_its_end(coingecko, source, monkeypatch):
    monkeypatch.setattr(client, "LARGEST", 10_000)
    coingecko.faults.append(Answer(200, "[" + "1," * 1_000_000 + "1]"))
    with pytest.raises(Unavailable, match=r"more than 10,000 bytes.*is http://127.0.0.1:\d+/api/v3 CoinGecko\?"):
        ask(source())
    assert len(coingecko.asked) == 1


def test_an_answer_that_trickles_in_is_not_waited_for(source, times, monkeypatch):
    monkeypatch.setattr(client, "SLOWEST", -1.0)
    with pytest.raises(Unavailable, match="takes more than"):
        ask(source())


def test_the_words_of_a_provider_are_made_fit_for_a_sentence(coingecko, source):
    coingecko.faults.append(Answer(403, "no\x1b[2J\n\nentry " + "!" * 1_000))
    with pytest.raises(Unavailable, match=r"403 \('no \[2J entry !{1,190}'\)") as unavailable:
        ask(source())
    assert "\x1b" not in str(unavailable.value)


def test_a_real_pause_takes_its_time(coingecko, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    coingecko.faults.append(faults.throttled(retry_after="1"))
    began = time.monotonic()
    assert len(ask(CoinGecko())) == 24
    assert 1 <= time.monotonic() - began < 10
