"""The text for Prometheus: parsed by its own parsers, and the same numbers as the JSON."""

from datetime import timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from monitoring.models import AnswerCount
from tests.factories import make_market, make_prediction
from tests.monitoring.metrics.conftest import NOON, count_everything
from training.models import Market

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
FORMATS = [("text/plain;version=0.0.4", parse_prometheus), (OPENMETRICS, parse_openmetrics)]


def samples(client, accept="text/plain", parse=parse_prometheus):
    answer = client.get("/metrics", headers={"accept": accept})
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(answer.content.decode())
        for sample in family.samples
    }


def total(found, name, **labels):
    return sum(value for key, value in found.items() if key[0] == name and set(labels.items()) <= set(key[1:]))


@pytest.mark.parametrize(("accept", "parse"), FORMATS, ids=["prometheus", "openmetrics"])
def test_the_text_says_what_the_json_says(answered, client, accept, parse):
    make_prediction(made_at=NOON - timedelta(seconds=2), version=answered)  # of the live tail
    found, json = samples(client, accept, parse), client.get("/metrics", {"window": "366d"}).json()
    predictions = "cryptoml_predictions_total"
    distribution = json["prediction_distribution"] | {"abstained": json["abstained"]}
    assert {name: total(found, predictions, prediction=name) for name in distribution} == distribution
    assert total(found, predictions) == json["count"]
    confident = total(found, "cryptoml_prediction_confidence_total")
    assert confident / (json["count"] - json["abstained"]) == pytest.approx(json["confidence"]["mean"])
    assert total(found, "cryptoml_http_errors_total", code="missing_field") == json["errors"]["missing_field"]
    asked = {"route": "predict", "status_class": "2xx"}
    answered_requests = total(found, "cryptoml_http_response_seconds_count", **asked)
    mean = 1_000 * total(found, "cryptoml_http_response_seconds_sum", **asked) / answered_requests
    assert mean == pytest.approx(json["response_time_ms"]["mean"])
    assert total(found, "cryptoml_queue_length", queue="data") == json["system"]["queues"]["data"]


def test_its_gauges_are_the_json_s(answered, client):
    for name, source in (("demo-usd-1m", "coingecko"), ("bitcoin-usd-1d", "csv")):
        make_market(name, newest=NOON - timedelta(days=2))
        Market.objects.filter(name=name).update(source=source)
    found, told = samples(client), client.get("/metrics").json()["system"]
    assert told["candle_due_after_seconds"] == {"demo-usd-1m": 90.0}  # a file has an end
    for name in ("spool_rows", "web_processes_alive", "roll_up_age_seconds", "disk_free_percent"):
        assert found[f"cryptoml_{name}",] == pytest.approx(told[name], abs=1)
    for name in ("newest_candle_age_seconds", "candle_due_after_seconds"):
        gauges = {key[1][1]: value for key, value in found.items() if key[0] == f"cryptoml_{name}"}
        assert gauges == told[name]


def test_the_buckets_are_cumulative(answered, client):
    found = samples(client)
    name, asked = "cryptoml_http_response_seconds_bucket", {"route": "predict", "status_class": "2xx"}
    ends = ["0.1", "0.25", "0.5", "+Inf"]
    assert [total(found, name, le=end, **asked) for end in ends] == [0, 2, 3, 3]


@pytest.mark.parametrize(
    ("accept", "kind"), [(OPENMETRICS, "application/openmetrics-text"), ("text/plain", "text/plain")]
)
def test_it_says_which_format_it_is(answered, client, accept, kind):
    answer = client.get("/metrics", headers={"accept": accept})
    assert answer["Content-Type"].startswith(f"{kind}; version=")
    assert answer.content.decode().endswith("# EOF\n") == (kind != "text/plain")


def test_a_program_that_takes_anything_gets_json(answered, client):
    assert client.get("/metrics", headers={"accept": "*/*"})["Content-Type"] == "application/json"


def test_counters_do_not_fall_when_minutes_and_hours_are_deleted(answered, client, noon):
    before = samples(client)
    noon((NOON + timedelta(days=2)).isoformat())
    count_everything()
    AnswerCount.objects.filter(span__in=["minute", "hour"], began_at__lt=NOON + timedelta(days=1)).delete()
    after = samples(client)
    assert total(after, "cryptoml_predictions_total") == total(before, "cryptoml_predictions_total") == 4


def test_prometheus_chooses_by_its_queries_so_filters_are_refused(answered, client):
    answer = client.get("/metrics", {"window": "1h"}, headers={"accept": "text/plain"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/json")
