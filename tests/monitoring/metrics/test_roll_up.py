"""Roll-ups: whatever comes when, in the end each minute, hour, day and month holds what the log holds, once."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import pytest
from django.conf import settings as site
from django.db import connections, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from monitoring.metrics import passes
from monitoring.metrics.packing import merged
from monitoring.metrics.passes import Pass, roll_up
from monitoring.metrics.spans import Span
from monitoring.models import AnswerCount, ResponseCount, Watermark
from predictions import log
from predictions.histograms import bucket_of
from predictions.log.late import late_minutes
from predictions.log.postgres import PatientConnection
from predictions.log.replay import insert_missing
from predictions.log.rows import COLUMNS, copied, milliseconds_of
from predictions.models import LateMinute, Prediction
from predictions.partitions import drop_partition, ensure_partitions
from predictions.response_times import ResponseTimes
from tests.factories import make_prediction, make_version
from tests.predictions.rows_of_the_log import SERVING, answers, record_of

BEGAN = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
OTHER = replace(SERVING, version=replace(SERVING.version, model_id=6, pk=9))


def counts(span=None):
    """Every number of the roll-ups; floats to 9 digits, for rows are added up in any order."""
    rows = AnswerCount.objects.filter(span=span) if span else AnswerCount.objects
    found = rows.order_by("span", "began_at", *AnswerCount.LABELS).values_list(
        "span", "began_at", *AnswerCount.LABELS, *AnswerCount.SUMS
    )
    return [tuple(round(value, 9) if isinstance(value, float) else value for value in row) for row in found]


def total(span):
    return AnswerCount.objects.filter(span=span).aggregate(n=Sum("answers"))["n"] or 0


def forget_all():
    for model in (Prediction, LateMinute, AnswerCount, Watermark):
        model.objects.all().delete()


# --- what is counted ---


@pytest.mark.django_db
def test_a_minute_holds_counts_and_confidence_by_model_version_role_and_market(set_clock):
    version = make_version()
    facts = {"version": version, "market": "bitcoin-usd-1d"}
    for second, probability, direction in ((0, 0.75, "up"), (59, 0.4, "down"), (30, 0.9, None)):
        make_prediction(
            made_at=BEGAN + timedelta(seconds=second),
            probability_up=probability,
            direction=direction,
            novelty=2.0,
            **facts,
        )
    make_prediction(made_at=BEGAN + timedelta(seconds=60), **facts)
    set_clock("2026-11-23T10:10:00Z")
    roll_up()
    labels = ("minute", BEGAN, "bitcoin-usd-1d", 1, "production", "bitcoin-usd-1d")
    assert counts("minute")[0] == (*labels, 3, 1, 1, 1.35, round(0.75**2 + 0.6**2, 9))
    assert [row[6] for row in counts("minute")] == [3, 1]


@pytest.mark.django_db
@pytest.mark.parametrize("span", Span)
def test_every_span_holds_all_answers(set_clock, span):
    version = make_version()
    for moment in ("2026-11-22T23:59:59.999Z", "2026-11-23T00:00:00Z", "2026-11-23T08:59:00Z", "2026-11-23T09:00:00Z"):
        make_prediction(made_at=datetime.fromisoformat(moment), version=version)
    while not roll_up().caught_up:
        pass
    assert total(span) == 4


@pytest.mark.django_db
def test_answers_of_a_model_that_is_gone_are_counted_by_its_number(set_clock):
    log.copy([answers(), answers(serving=OTHER)])
    roll_up()
    assert [row[2:4] for row in counts("minute")] == [("#5", 0), ("#6", 0)]


@pytest.mark.django_db
def test_a_clock_that_is_ahead_of_ours_is_counted_too(set_clock):
    make_prediction(made_at=BEGAN + timedelta(minutes=7))
    roll_up()
    assert total("minute") == total("month") == 1


# --- the watermark ---


@pytest.mark.django_db
def test_it_stays_two_minutes_behind(set_clock):
    assert roll_up().final_to == BEGAN - timedelta(minutes=2)


@pytest.mark.django_db
def test_a_missed_hour_of_beat_is_made_good_by_the_next_pass(set_clock):
    roll_up()
    version = make_version()
    for minute in range(90):
        make_prediction(made_at=BEGAN + timedelta(minutes=minute), version=version)
    set_clock("2026-11-23T11:30:00Z")
    assert roll_up().caught_up
    assert (total("minute"), total("hour")) == (90, 90)


@pytest.mark.django_db
def test_a_long_history_is_counted_in_pieces(set_clock):
    version = make_version()
    for hours in (1, 8, 30, 31):
        make_prediction(made_at=BEGAN - timedelta(hours=hours), version=version)
    assert not roll_up().caught_up
    while not roll_up().caught_up:
        pass
    assert total("month") == total("minute") == 4


@pytest.mark.django_db
def test_a_pass_reads_nothing_of_what_is_final(set_clock):
    make_prediction(made_at=BEGAN)
    set_clock("2026-11-23T10:30:00Z")
    roll_up()
    AnswerCount.objects.filter(span="minute").update(answers=7, up=7)
    set_clock("2026-11-23T10:31:00Z")
    roll_up()
    assert total("minute") == 7


@pytest.mark.django_db
def test_where_the_clock_is_set_back_what_is_made_then_counts(set_clock):
    roll_up()
    set_clock("2026-11-23T08:00:00Z")
    roll_up()
    make_prediction(made_at=BEGAN - timedelta(hours=2))
    set_clock("2026-11-23T10:05:00Z")
    roll_up()
    assert total("minute") == total("hour") == 1


# --- who comes late, and who is not done yet ---


@pytest.mark.django_db
def test_a_late_row_is_counted_by_the_next_pass_and_its_note_goes(set_clock):
    late = answers()
    set_clock("2026-11-23T12:00:00Z")
    roll_up()
    log.copy([late])
    assert total("minute") == 0
    assert roll_up().late == 1
    assert (total("minute"), total("hour"), LateMinute.objects.count()) == (1, 1, 0)


@pytest.mark.django_db(transaction=True)
def test_a_writer_that_has_not_committed_keeps_the_watermark_behind_it(set_clock):
    with PatientConnection.open(deadline=5.0) as other:
        other.execute("BEGIN")
        other.copy_rows(copied([record_of(answers()).rows]))
        other.execute("SELECT pg_sleep(0.3)")
        assert passes._age_of_oldest_writer() > timedelta(seconds=0.3)
        other.execute("ROLLBACK")
        assert passes._age_of_oldest_writer() == timedelta(0)


@pytest.mark.django_db(transaction=True)
def test_who_only_reads_the_log_or_writes_elsewhere_keeps_nobody(set_clock):
    with PatientConnection.open(deadline=5.0) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM predictions_prediction")
        other.execute("INSERT INTO predictions_lateminute (minute, noted_at) VALUES (now(), now())")
        assert passes._age_of_oldest_writer() == timedelta(0)
        other.execute("ROLLBACK")


@pytest.mark.django_db(transaction=True)
def test_of_two_passes_at_once_one_leaves(set_clock):
    log.copy([answers()])
    began, go_on, done = Event(), Event(), []

    def first():
        with transaction.atomic():
            done.append(roll_up())
            began.set()
            go_on.wait(10)
        connections.close_all()

    thread = Thread(target=first)
    thread.start()
    began.wait(10)
    second = roll_up()
    go_on.set()
    thread.join(10)
    assert second is None
    assert isinstance(done[0], Pass)
    assert total("minute") == 1


# --- any interleaving ---

KIND = st.sampled_from(["write", "write", "begin", "commit", "roll back", "replay", "pass", "pass", "tick", "leap"])
STEPS = st.lists(st.tuples(KIND, st.integers(0, 2), st.integers(0, 400)), min_size=5, max_size=40)


class Story:
    """Writers with connections of their own and a clock that is driven: what may happen in any order."""

    def __init__(self, stack, clock):
        self.clock, self.at = clock, BEGAN
        self.writers = [stack.enter_context(PatientConnection.open(deadline=5.0)) for _ in range(3)]
        self.open = {}  # when the transaction began, by the writer's number
        self.written = []

    def set_to(self, moment):
        self.clock.write_text(moment.isoformat())

    def made(self, seconds_ago):
        """An answer that was computed so long ago and is stored only now."""
        self.set_to(self.at - timedelta(seconds=seconds_ago))
        made = record_of(answers([0.75, 0.25], serving=SERVING if seconds_ago % 2 else OTHER))
        self.set_to(self.at)
        self.written.append(made)
        return made

    def do(self, kind, who, number):
        getattr(self, kind.replace(" ", "_"), lambda *_: None)(who, number)

    def write(self, who, number):
        """As the group commit does."""
        if who in self.open:
            return
        rows = self.made(number).rows
        late = late_minutes([milliseconds_of(rows)])
        writer = self.writers[who]
        writer.copy_late_rows(copied([rows]), late) if late else writer.copy_rows(copied([rows]))

    def begin(self, who, number):
        """As a caller of log.copy does, who commits later."""
        if who not in self.open:
            self.open[who] = self.at
            self.writers[who].execute("BEGIN")
            rows = self.made(number).rows
            self.writers[who].copy_rows(copied([rows]))
            self.writers[who].note(late_minutes([milliseconds_of(rows)]))

    def commit(self, who, number):
        if self.open.pop(who, None):
            self.writers[who].execute("COMMIT")

    def roll_back(self, who, number):
        if self.open.pop(who, None):
            self.writers[who].execute("ROLLBACK")

    def replay(self, who, number):
        """What is in the log already comes again, and something of long ago for the first time."""
        if not self.open:  # or it waits for who has the same id and has not committed
            self.made(10 * number)
            insert_missing(self.writers[who], self.written[-4:], COLUMNS)

    def tick(self, who, number):
        self.at += timedelta(seconds=number / 4)
        self.set_to(self.at)

    def leap(self, who, number):
        self.at += timedelta(minutes=number)
        self.set_to(self.at)

    def age(self):
        """Of the oldest writer, by the driven clock."""
        return self.at - min(self.open.values(), default=self.at)

    def count_all(self):
        while (done := roll_up()) is not None and not done.caught_up:
            pass


@pytest.mark.django_db(transaction=True)
@settings(
    max_examples=40, phases=[Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_interleaving_gives_what_one_pass_gives_at_the_end(set_clock, monkeypatch, steps):
    forget_all()
    with ExitStack() as stack:
        story = Story(stack, Path(site.CLOCK_FILE))
        story.set_to(BEGAN)
        monkeypatch.setattr(passes, "_age_of_oldest_writer", story.age)
        for kind, who, number in steps:
            story.count_all() if kind == "pass" else story.do(kind, who, number)
        for who in range(3):
            story.commit(who, 0)
        story.count_all()
    passed = counts()
    AnswerCount.objects.all().delete()
    Watermark.objects.all().delete()
    story.count_all()
    assert passed == counts()
    assert {total(span) for span in Span} == {Prediction.objects.count()}


# --- months that are gone ---


@pytest.mark.django_db
def test_a_minute_of_a_dropped_month_stays_as_it_was_counted(set_clock):
    set_clock("2025-03-10T00:00:00Z")
    ensure_partitions(months_ahead=0)
    log.copy([answers()])
    late = answers()
    roll_up()
    set_clock("2025-05-10T00:00:00Z")
    drop_partition(datetime(2025, 3, 1, tzinfo=UTC))
    log.copy([late])
    assert roll_up().late == 1
    assert (total("minute"), total("month"), LateMinute.objects.count()) == (1, 1, 0)


# --- responses ---


def respond(times=1, *, process, minute=0, seconds=0.25, recorder=None, **labels):
    usual = {"method": "POST", "route": "predict", "status": 200, "code": "", "model": "bitcoin-usd-1d", "version": 3}
    kept = recorder or ResponseTimes()
    for _ in range(times):
        kept.record(**{**usual, "seconds": seconds, **labels})
    kept.flush(process)
    return kept


@pytest.mark.django_db
@pytest.mark.parametrize("span", Span)
def test_responses_of_all_processes_are_merged(set_clock, span):
    respond(3, process=uuid4())
    respond(2, process=uuid4(), seconds=4.0)
    roll_up()
    row = ResponseCount.objects.get(span=span)
    assert (row.responses, row.seconds_total, row.version) == (5, 8.75, 3)
    assert merged([bytes(row.buckets)]) == {bucket_of(0.25): 3, bucket_of(4.0): 2}


@pytest.mark.django_db
def test_what_a_process_tells_of_its_minute_later_is_in_the_next_pass(set_clock):
    recorder, process = respond(3, process=(first := uuid4())), first
    roll_up()
    set_clock("2026-11-23T10:30:00Z")
    roll_up()
    set_clock("2026-11-23T10:00:30Z")
    for _ in range(2):
        recorder.record(
            method="POST", route="predict", status=200, code="", model="bitcoin-usd-1d", version=3, seconds=0.25
        )
    set_clock("2026-11-23T10:30:20Z")
    recorder.flush(process)
    set_clock("2026-11-23T10:35:00Z")
    roll_up()
    assert {row.responses for row in ResponseCount.objects.all()} == {5}
