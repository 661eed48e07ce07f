"""The same counts for Prometheus: since ever, so that they never fall; written down by prometheus_client.

Its registry and its clients of processes are not used: they would be a second truth beside the tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Q
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.metrics.answers import Answered
from monitoring.metrics.reading import always, answers_by, responses_by
from monitoring.metrics.responses import Responses
from monitoring.metrics.summary import task_failures
from monitoring.metrics.system import system
from predictions.histograms import GROWTH, LEAST
from predictions.response_times import TASK

# Upper ends in seconds; each count is that of the finer buckets that lie wholly below it.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MOST_MARKETS = 2_000  # with a series each

LABELLED = {  # gauges: where the JSON says the same, by what, in a sentence
    "queue_length": ("queues", "queue", "Messages that no worker has taken."),
    "newest_candle_age_seconds": ("newest_candle_age_seconds", "market", "Since the newest candle closed."),
    "candle_due_after_seconds": ("candle_due_after_seconds", "market", "Age beyond which the next candle is overdue."),
}
MODEL = ("model", "version", "role")
REQUEST = ("method", "route", "status_class")


class Counts(Collector):
    """What is in the tables when it is asked."""

    def collect(self) -> Iterable[Metric]:
        coverage = always()
        yield from _answers(answers_by(MODEL, coverage))
        yield from _responses(responses_by([*REQUEST, "code"], coverage, ~Q(method=TASK)))
        yield _failed_tasks(task_failures(coverage))
        yield from _system(system())


def _answers(found: Mapping[tuple[Any, ...], Answered]) -> Iterator[Metric]:
    answers = CounterMetricFamily("cryptoml_predictions", "Answers in the log.", labels=[*MODEL, "prediction"])
    confidence = CounterMetricFamily(
        "cryptoml_prediction_confidence", "Sum of the confidence of answers that say up or down.", labels=MODEL
    )
    for labels, each in sorted(found.items()):
        named = [str(label) for label in labels]
        for prediction in ("up", "down", "abstained"):
            answers.add_metric([*named, prediction], getattr(each, prediction))
        confidence.add_metric(named, each.confidence_sum)
    yield from (answers, confidence)


def _responses(found: Mapping[tuple[Any, ...], Responses]) -> Iterator[Metric]:
    errors = CounterMetricFamily("cryptoml_http_errors", "Responses that refuse or fail, by code.", labels=["code"])
    seconds = HistogramMetricFamily("cryptoml_http_response_seconds", "Response times.", labels=REQUEST)
    by_code: dict[str, int] = defaultdict(int)
    by_request: dict[tuple[str, ...], Responses] = defaultdict(Responses)
    for (method, route, status, code), each in found.items():
        if status >= 4:
            by_code[code or "unknown"] += each.responses
        by_request[method, route, f"{status}xx"].add(each.responses, each.seconds_total, b"".join(each.histograms))
    for code, responses in sorted(by_code.items()):
        errors.add_metric([code], responses)
    for request, total in sorted(by_request.items()):
        seconds.add_metric(list(request), _cumulative(total), total.seconds_total)
    yield from (errors, seconds)


def _failed_tasks(found: Mapping[str, int]) -> Metric:
    failures = CounterMetricFamily("cryptoml_task_failures", "Tasks of the workers that failed.", labels=["task"])
    for task, count in sorted(found.items()):
        failures.add_metric([task], count)
    return failures


def _cumulative(total: Responses) -> list[tuple[str, float]]:
    buckets = [(LEAST * GROWTH**bucket, count) for bucket, count in total.buckets.items()]
    found = [(str(end), float(sum(count for upper, count in buckets if upper <= end))) for end in SECONDS]
    return [*found, ("+Inf", float(total.responses))]


def _system(told: dict[str, Any]) -> Iterator[Metric]:
    """What is not known is left out: 0 would say something."""
    for name, value in told.items():
        if isinstance(value, int | float):
            yield GaugeMetricFamily(f"cryptoml_{name}", name.replace("_", " ").capitalize() + ".", value=value)
    for series, (told_as, label, sentence) in LABELLED.items():
        family = GaugeMetricFamily(f"cryptoml_{series}", sentence, labels=[label])
        for name, value in list(told[told_as].items())[:MOST_MARKETS]:
            if value is not None:
                family.add_metric([name], value)
        yield family
