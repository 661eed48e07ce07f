"""Response times and errors: counted once whatever happens, and bounded whatever comes."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import include, path

from predictions.histograms import bucket_of, merged, quantile
from predictions.middleware import RecordResponses
from predictions.models import ResponseMinute, ResponseMinuteQuerySet
from predictions.response_times import MOST_KEYS, ResponseTimes, response_times, tag
from tests.factories import make_market
from training.features.classic import EXAMPLE

PROCESS = uuid4()


def answered(request, number):
    response = HttpResponse("an answer")
    tag(response, model="bitcoin-usd-1d", version=number)
    return response


def broken(request):
    raise ZeroDivisionError


urlpatterns = [path("answered/<int:number>", answered), path("broken", broken), path("", include("cryptoml_site.urls"))]


@pytest.fixture
def recorder(db, set_clock):
    """A process's recorder at 2026-11-23T10:00:00Z."""
    return ResponseTimes()


@pytest.fixture
def recorded(settings, set_clock):
    """The middleware stands first; rows() flushes what it recorded of this test and reads it."""
    settings.ROOT_URLCONF = __name__
    response_times.__init__()

    def rows(*labels):
        response_times.flush(PROCESS)
        return list(ResponseMinute.objects.values_list(*labels))

    return rows


def count(recorder, times=1, **labels):
    usual = {"method": "GET", "route": "health", "status": 200, "code": "", "model": "", "version": None}
    response = {**usual, "seconds": 0.25, **labels}
    for _ in range(times):
        recorder.record(**response)


def stored(label="route"):
    return Counter({row[label]: row["count"] for row in ResponseMinute.objects.values(label, "count")})


def fail_once(monkeypatch, *, stores):
    """Postgres goes away in the next flush, before or after it has committed."""
    put = ResponseMinuteQuerySet.put

    def put_and_fail(self, rows):
        monkeypatch.setattr(ResponseMinuteQuerySet, "put", put)
        if stores:
            put(self, rows)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(ResponseMinuteQuerySet, "put", put_and_fail)


# --- absolute values ---


def test_a_row_holds_the_count_the_total_and_the_histogram(recorder):
    for seconds in (0.125, 0.125, 2.0):
        count(recorder, seconds=seconds, model="bitcoin-usd-1d", version=3, method="POST", status=503, code="no_answer")
    assert recorder.flush(PROCESS) == 1
    row = ResponseMinute.objects.get()
    assert (row.process, str(row), row.count) == (PROCESS, "POST health at 2026-11-23 10:00", 3)
    assert (row.status_class, row.code, row.model, row.version) == (5, "no_answer", "bitcoin-usd-1d", 3)
    assert (row.seconds_total, row.histogram) == (2.25, {bucket_of(0.125): 2, bucket_of(2.0): 1})


def test_flushing_twice_doubles_nothing(recorder, django_assert_num_queries):
    count(recorder, 3)
    recorder.flush(PROCESS)
    with django_assert_num_queries(0):
        assert recorder.flush(PROCESS) == 0
    assert stored() == {"health": 3}


def test_a_later_flush_stores_changed_rows_alone_with_all_they_counted(recorder):
    count(recorder, 3)
    count(recorder, route="predict")
    assert recorder.flush(PROCESS) == 2
    count(recorder, 2)
    assert recorder.flush(PROCESS) == 1
    assert stored() == {"health": 5, "predict": 1}


def test_all_rows_are_stored_by_one_statement(recorder, django_assert_num_queries):
    for number in range(300):
        count(recorder, route=f"route-{number}")
    with django_assert_num_queries(1):
        assert recorder.flush(PROCESS) == 300


@pytest.mark.parametrize("stores", [False, True], ids=["refused", "stored but the reply was lost"])
def test_a_flush_that_failed_is_made_good_by_the_next(recorder, monkeypatch, stores):
    count(recorder, 3)
    fail_once(monkeypatch, stores=stores)
    with pytest.raises(OperationalError):
        recorder.flush(PROCESS)
    count(recorder, 2)
    recorder.flush(PROCESS)
    assert stored() == {"health": 5}


@pytest.mark.django_db(transaction=True)
def test_a_flush_that_failed_half_way_stored_nothing_and_is_made_good_by_the_next(recorder, monkeypatch):
    monkeypatch.setattr(ResponseMinute, "ROWS_PER_STATEMENT", 1)
    count(recorder, 3)
    count(recorder, route="predict")

    def second_fails(execute, sql, params, many, context):
        if "predict" in (params or ()):
            raise OperationalError("server closed the connection unexpectedly")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(second_fails), pytest.raises(OperationalError):
        recorder.flush(PROCESS)
    assert stored() == {}
    recorder.flush(PROCESS)
    assert stored() == {"health": 3, "predict": 1}


def test_what_is_recorded_while_postgres_stores_comes_with_the_next_flush(recorder, monkeypatch):
    put = ResponseMinuteQuerySet.put

    def put_and_record(self, rows):
        count(recorder)
        return put(self, rows)

    count(recorder)
    monkeypatch.setattr(ResponseMinuteQuerySet, "put", put_and_record)
    for times in (1, 2):
        recorder.flush(PROCESS)
        row = ResponseMinute.objects.get()
        assert (row.count, row.histogram) == (times, {bucket_of(0.25): times})


def test_two_processes_stand_side_by_side_and_merge(db, set_clock):
    for seconds in (0.1, 0.4):
        process = ResponseTimes()
        count(process, 10, seconds=seconds)
        process.flush(uuid4())
    rows = ResponseMinute.objects.all()
    together = merged(*(row.histogram for row in rows))
    assert [row.count for row in rows] == [10, 10]
    assert [quantile(together, q) for q in (0.5, 0.51)] == pytest.approx([0.1, 0.4], rel=0.01)


def test_sixteen_threads_lose_no_record(db):
    recorder, process = ResponseTimes(), uuid4()
    with ThreadPoolExecutor(16) as threads:
        done = [threads.submit(count, recorder, 10_000, seconds=0.125) for _ in range(16)]
        while wait(done, timeout=0.2).not_done:
            recorder.flush(process)
    recorder.flush(process)
    rows = ResponseMinute.objects.all()
    assert sum(row.count for row in rows) == 160_000
    assert merged(*(row.histogram for row in rows)) == {bucket_of(0.125): 160_000}
    assert sum(row.seconds_total for row in rows) == 20_000


# --- minutes ---


def test_a_response_counts_in_the_minute_in_which_it_left(recorder, set_clock):
    for moment in ("10:00:59.999999", "10:01:00", "10:01:30"):
        set_clock(f"2026-11-23T{moment}Z")
        count(recorder)
    recorder.flush(PROCESS)
    assert [f"{minute:%H:%M:%S}" for minute in stored("minute")] == ["10:01:00", "10:00:00"]
    assert list(stored("minute").values()) == [2, 1]


def test_a_minute_is_forgotten_two_minutes_after_its_end(recorder, set_clock):
    count(recorder)
    recorder.flush(PROCESS)
    set_clock("2026-11-23T10:03:00Z")
    recorder.flush(PROCESS)
    assert len(recorder._minutes) == 1
    set_clock("2026-11-23T10:03:01Z")
    recorder.flush(PROCESS)
    assert len(recorder._minutes) == 0
    assert stored() == {"health": 1}


def test_a_minute_that_postgres_refused_is_kept(recorder, set_clock, monkeypatch):
    count(recorder)
    set_clock("2026-11-23T10:30:00Z")
    fail_once(monkeypatch, stores=False)
    with pytest.raises(OperationalError):
        recorder.flush(PROCESS)
    recorder.flush(PROCESS)
    assert stored() == {"health": 1}


def test_while_postgres_is_away_the_newest_sixty_minutes_are_kept(recorder, set_clock):
    for number in range(70):
        set_clock(f"2026-11-23T{10 + number // 60}:{number % 60:02}:00Z")
        count(recorder)
    assert recorder.flush(PROCESS) == 60
    assert f"{min(stored('minute')):%H:%M}" == "10:10"


def test_a_clock_that_goes_back_never_counts_a_stored_minute_anew(recorder, set_clock):
    count(recorder, 5)
    recorder.flush(PROCESS)
    set_clock("2026-11-23T10:30:00Z")
    recorder.flush(PROCESS)
    set_clock("2026-11-23T10:00:10Z")
    count(recorder)
    recorder.flush(PROCESS)
    assert {f"{minute:%H:%M}": times for minute, times in stored("minute").items()} == {"10:00": 5, "10:01": 1}


def test_an_hour_ahead_does_not_push_out_the_present_when_the_clock_goes_back(recorder, set_clock):
    for number in range(60):
        set_clock(f"2026-11-23T12:{number:02}:00Z")
        count(recorder)
    set_clock("2026-11-23T10:00:00Z")
    count(recorder, 7)
    recorder.flush(PROCESS)
    assert 7 in stored("minute").values()
    assert len(recorder._minutes) == 1  # those ahead are stored, and not kept until they come


# --- bounds ---


def test_labels_that_postgres_cannot_hold_are_cut(recorder):
    count(recorder, method="BREW", route="r" * 300, code="c\x00" * 100, status=999, version=3)
    recorder.flush(PROCESS)
    row = ResponseMinute.objects.get()
    assert (row.method, row.route, row.code, row.status_class) == ("OTHER", "r" * 200, "c" * 32, 5)
    assert (row.model, row.version) == ("", None)


def test_long_codes_with_one_beginning_count_together(recorder):
    count(recorder, code="c" * 64 + "1")
    count(recorder, code="c" * 64 + "2")
    recorder.flush(PROCESS)
    assert stored("code") == {"c" * 64: 2}


def test_labels_beyond_the_bound_count_as_other_and_none_is_lost(recorder):
    for number in range(2_500):
        count(recorder, route=f"route-{number}", status=200 + 100 * (number % 4))
    assert recorder.flush(PROCESS) <= MOST_KEYS
    others = ResponseMinute.objects.filter(route="other").values_list("count", flat=True)
    assert (len(others), sum(others)) == (4, 2_500 - (MOST_KEYS - 5))


@pytest.mark.parametrize("method", ["GET", "BREW"])
def test_labels_known_before_the_bound_go_on_counting(recorder, method):
    count(recorder, route="early", method=method)
    for number in range(2_500):
        count(recorder, route=f"route-{number}")
    count(recorder, 3, route="early", method=method)
    recorder.flush(PROCESS)
    assert stored()["early"] == 4


def test_the_next_minute_has_room_again(recorder, set_clock):
    for number in range(2_500):
        count(recorder, route=f"route-{number}")
    set_clock("2026-11-23T10:01:00Z")
    count(recorder, route="new")
    recorder.flush(PROCESS)
    assert stored()["new"] == 1


# --- through requests ---


def test_who_answered_and_the_pattern_of_its_address_are_counted(client, recorded):
    client.get("/answered/3")
    assert recorded("method", "route", "status_class", "code", "model", "version") == [
        ("GET", "answered/<int:number>", 2, "", "bitcoin-usd-1d", 3)
    ]


def test_the_time_of_a_response_is_that_of_view_and_middleware(client, recorded):
    client.get("/health/live")
    [(seconds,)] = recorded("seconds_total")
    assert 1e-5 < seconds < 5


@pytest.mark.parametrize(
    ("body", "status_class", "code"),
    [
        ({"market": "bitcoin-usd-1d"}, 4, "stale_candles"),
        ({"market": "none-usd-1d"}, 4, "unknown_market"),
        ({"stranger": 1, "other": 2, "features": EXAMPLE}, 4, "unknown_field"),
        (EXAMPLE, 2, ""),
    ],
)
def test_a_refusal_is_counted_by_its_first_code(client, production, recorded, body, status_class, code):
    make_market(newest=datetime(2026, 1, 30, tzinfo=UTC))
    client.post("/api/v1/predict", body, format="json")
    assert recorded("route", "status_class", "code") == [("api/v1/predict", status_class, code)]


def test_a_model_that_a_client_named_is_no_label(client, production, recorded):
    client.post("/predict", {"model": "invented", "features": EXAMPLE}, format="json")
    assert recorded("route", "status_class", "model", "version") == [("predict", 4, "", None)]


def test_addresses_without_a_view_count_together(client, recorded):
    for number in range(3):
        client.get(f"/nothing/{number}")
    assert recorded("route", "status_class", "code", "count") == [("", 4, "", 3)]


def test_an_error_of_ours_counts_as_500(client, recorded):
    client.raise_request_exception = False
    client.get("/broken")
    assert recorded("route", "status_class", "code") == [("broken", 5, "")]


def test_an_exception_that_passes_through_counts_as_500_and_goes_on(db, recorded):
    with pytest.raises(ZeroDivisionError):
        RecordResponses(broken)(RequestFactory().get("/broken"))
    assert recorded("route", "status_class", "count") == [("", 5, 1)]


@pytest.mark.parametrize(
    "data", [None, [], "text", {"errors": []}, {"errors": None}, {"errors": ["text"]}, {"errors": [{"code": 7}]}]
)
def test_an_error_of_another_shape_has_no_code(db, recorded, data):
    response = HttpResponse(status=400)
    response.data = data
    assert RecordResponses(lambda _: response)(RequestFactory().get("/")) is response
    assert recorded("status_class", "code") == [(4, "")]


# --- rows guard their truth ---


@pytest.mark.parametrize(
    ("altered", "name"),
    [
        ({}, "one_row_per_process_minute_and_labels"),
        ({"minute": "2026-11-23T10:00:01Z"}, "a_response_minute_begins_with_its_first_second"),
        ({"status_class": 0}, "a_status_class_lies_between_1_and_5"),
        ({"status_class": 6}, "a_status_class_lies_between_1_and_5"),
        ({"version": 1}, "a_version_that_answered_has_its_model"),
        ({"count": 0}, "a_response_minute_counts_some_response"),
        ({"seconds_total": -1.0}, "response_times_are_finite"),
        ({"seconds_total": float("nan")}, "response_times_are_finite"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused(recorder, altered, name):
    count(recorder)
    recorder.flush(PROCESS)
    row = ResponseMinute.objects.values().get()
    del row["id"]
    with pytest.raises(IntegrityError, match=name):
        ResponseMinute.objects.create(**row | altered)


def test_rows_since_a_moment_are_found_by_an_index(recorder, set_clock):
    for minute in ("2026-11-23T10:00:00Z", "2026-11-23T10:01:00Z"):
        set_clock(minute)
        count(recorder)
    recorder.flush(PROCESS)
    since = ResponseMinute.objects.since("2026-11-23T10:01:00Z").order_by()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert since.count() == 1
    assert "Index Cond: (minute >=" in since.explain()
