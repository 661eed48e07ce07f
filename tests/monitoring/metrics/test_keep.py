"""What is kept of the counts: a file for each day, longer spans for ever, the log for as long as somebody wants."""

import json
from datetime import timedelta

import pytest
from django.db.models import Sum

from monitoring.metrics.files import path_of
from monitoring.metrics.passes import roll_up
from monitoring.metrics.retention import forget_counts, forget_log
from monitoring.metrics.spans import Span, floor
from monitoring.models import AnswerCount, ResponseCount, Watermark
from monitoring.tasks import forget_counts_task, roll_up_task
from predictions.models import DroppedMonth, LateMinute, Prediction, ResponseMinute
from predictions.partitions import ensure_partitions
from tests.factories import make_market, make_prediction, make_version
from tests.monitoring.metrics.conftest import NOON, count_everything
from training.models import Outcome

TODAY = floor(NOON, Span.DAY)


@pytest.fixture
def home(settings, tmp_path):
    settings.CRYPTOML_HOME = tmp_path
    return tmp_path


def total(span):
    return AnswerCount.objects.filter(span=span).aggregate(n=Sum("answers"))["n"] or 0


def written(day):
    return json.loads(path_of(day).read_text())


def late(version, moment):
    """A row that came now, by a writer that names its minute."""
    LateMinute.objects.create(minute=floor(moment, Span.MINUTE))
    return make_prediction(made_at=moment, version=version)


# --- files ---


def test_a_day_is_written_once_it_is_over(answered, home, noon):
    roll_up_task()
    assert not path_of(TODAY).exists()
    assert written(TODAY - timedelta(days=1))["count"] == 0
    noon("2026-11-24T00:03:00Z")
    roll_up_task()
    assert (written(TODAY)["date"], written(TODAY)["count"], written(TODAY)["requests"]) == ("20261123", 4, 4)
    assert sorted(path.name for path in path_of(TODAY).parent.iterdir()) == ["20261122.json", "20261123.json"]


def test_a_day_is_written_again_when_a_late_row_changes_it(answered, home, noon):
    noon("2026-11-25T10:00:00Z")
    roll_up_task()
    late(answered, NOON)
    noon("2026-11-25T10:01:00Z")
    roll_up_task()
    assert written(TODAY)["count"] == 5


def test_a_day_that_nothing_changed_is_left_alone(answered, home, noon):
    noon("2026-11-25T10:00:00Z")
    roll_up_task()
    path_of(TODAY).write_text("untouched")
    noon("2026-11-25T10:01:00Z")
    roll_up_task()
    assert path_of(TODAY).read_text() == "untouched"


def test_a_file_of_yesterday_that_a_kill_kept_from_being_made_is_made_by_the_next_pass(answered, home, noon):
    noon("2026-11-24T10:00:00Z")
    roll_up()
    assert not path_of(TODAY).exists()
    noon("2026-11-24T10:01:00Z")
    roll_up_task()
    assert written(TODAY)["count"] == 4


# --- retention ---


def test_minutes_and_hours_go_and_days_stay(answered, noon):
    noon((NOON + timedelta(days=36)).isoformat())
    count_everything()
    forget_counts()
    assert [total(span) for span in Span] == [0, 4, 4, 4]
    noon((NOON + timedelta(days=402)).isoformat())
    count_everything()
    forget_counts()
    assert [total(span) for span in Span] == [0, 0, 4, 4]
    assert set(ResponseCount.objects.values_list("span", flat=True)) == {"day", "month"}


def test_what_each_process_said_goes_after_two_days(answered, noon):
    noon((NOON + timedelta(days=3)).isoformat())
    count_everything()
    forget_counts()
    assert not ResponseMinute.objects.exists()
    assert ResponseCount.objects.filter(span="minute").exists()


@pytest.mark.parametrize("days", [36, 402])
def test_a_row_that_comes_after_its_minutes_went_takes_nothing_from_its_hour_or_day(answered, noon, days):
    make_prediction(made_at=NOON - timedelta(minutes=5), version=answered)
    noon((NOON + timedelta(days=days)).isoformat())
    count_everything()
    forget_counts()
    late(answered, NOON - timedelta(minutes=40))
    count_everything()
    assert total("day") == total("month") == 6


def test_before_anything_was_counted_nothing_is_forgotten(noon):
    assert forget_counts() == 0


def test_by_default_the_log_is_kept(answered, noon):
    noon("2031-01-01T00:00:00Z")
    assert forget_log() == []


@pytest.fixture
def old_month(noon, settings):
    settings.LOG_RETENTION_MONTHS = 2
    noon("2026-05-20T00:00:00Z")
    ensure_partitions(months_ahead=0)
    version = make_version()
    make_prediction(made_at=TODAY.replace(month=5), version=version)
    return version


def test_a_month_is_dropped_when_it_is_old_and_counted_and_its_counts_stay(old_month, noon, home):
    noon("2026-07-31T00:00:00Z")
    forget_counts_task()
    assert Prediction.objects.count() == 1
    noon("2026-08-01T00:10:00Z")
    Watermark.objects.all().delete()
    assert forget_log() == []  # nobody has counted it
    forget_counts_task()
    count_everything()
    assert forget_log() == ["2026-05"]
    assert (Prediction.objects.count(), total("month"), DroppedMonth.objects.count()) == (0, 1, 1)


def test_outcomes_outlive_the_answers_that_they_judge(old_month, noon):
    market = make_market("demo-usd-1m")
    about = {"market": market, "as_of": TODAY.replace(month=5), "horizon": 1}
    Outcome.objects.create(**about, matures_at=TODAY, status="void", void_reason="no candle")
    noon("2026-08-01T00:10:00Z")
    count_everything()
    assert forget_log() == ["2026-05"]
    assert Outcome.objects.filter(**about).exists()
    assert not Prediction.objects.exists()


def test_a_month_with_a_late_minute_waits_for_its_count(old_month, noon):
    noon("2026-08-01T00:10:00Z")
    count_everything()
    late(old_month, TODAY.replace(month=5))
    assert forget_log() == []
    count_everything()
    assert forget_log() == ["2026-05"]
    assert total("day") == 2
