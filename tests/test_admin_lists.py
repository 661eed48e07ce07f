"""Every list of the admin: it opens, never counts, and asks the same few questions however many rows there are."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from cryptoml_site import urls
from predictions.models import ApiKey, Forecast, MissedForecast, Prediction, WebProcess
from registry.models import (
    AnswerPolicy,
    Deployment,
    GateOverride,
    ModelImport,
    ModelVersion,
    RegisteredModel,
    VersionEdit,
)
from tests.factories import make_market, make_prediction, make_version
from training.models import Candle, CandleRevision, Market, Outcome, RetrainingPolicy, TrainingRun, Trial
from training.tried import State, Tried

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 1, tzinfo=UTC)
assert urls.urlpatterns  # the admin's modules are looked for there
OURS = [model for model in admin.site._registry if model._meta.app_label in ("registry", "training", "predictions")]
numbers = count()


def new_model():
    return RegisteredModel.objects.create(name=f"m-{next(numbers)}", market=f"none-{next(numbers)}")


def new_version(**facts):
    return make_version(model=new_model(), **facts)


def new_market():
    return make_market(f"coin{next(numbers)}-usd-1d", newest=START, candles=1)


def new_prediction():
    market = new_market()
    Outcome.objects.create(market=market, as_of=START, horizon=1, matures_at=START)
    return make_prediction(made_at=START, version=new_version(), market=market.name, as_of=START)


def new_forecast():
    made = new_prediction()
    return Forecast.objects.create(model=made.model, as_of=START, prediction_id=made.id)


def new_run():
    model, market = new_model(), new_market()
    facts = {"feature_set": "classic", "estimator": "xgboost", "actor": "user:tester"}
    return TrainingRun.objects.create(model=model, market=market, **facts)


def new_trial():
    ended = Tried(0, {"max_depth": 3}, State.COMPLETE, 0.69, [0.69], [], 0.01, 1.5, "0" * 64, int(START.timestamp()))
    return Trial.objects.keep(new_run(), ended)


def new_import():
    facts = {"kind": "onnx", "upload": "x", "sha256": "0" * 64, "actor": "user:tester"}
    return ModelImport.objects.create(model=new_model(), **facts)


def new_revision():
    facts = {"revision": 0, "close": 1.0, "stored_at": START}
    return CandleRevision.objects.create(candle=new_market().candles.get(), **facts)


def new_schedule():
    every, _ = IntervalSchedule.objects.get_or_create(every=1, period="hours")
    name = f"schedule {next(numbers)}"
    return PeriodicTask.objects.create(name=name, task="t", interval=every, kwargs=f'{{"market": "{name}"}}')


MAKERS = {
    RegisteredModel: lambda: new_version().promote(actor="user:tester", reason="for the list"),
    ModelVersion: new_version,
    Deployment: lambda: new_version().to_staging(actor="user:tester", reason="for the list"),
    VersionEdit: lambda: VersionEdit.objects.write(
        new_version(), tags=["a"], description=str(next(numbers)), actor="user:tester"
    ),
    ModelImport: new_import,
    GateOverride: lambda: GateOverride.objects.create(model=new_model(), gate="registry.gates.SameSignature"),
    AnswerPolicy: lambda: AnswerPolicy.objects.create(model=new_model(), max_age_days=7, novelty_limit=2),
    Market: new_market,
    Candle: lambda: new_market().candles.get(),
    CandleRevision: new_revision,
    Outcome: lambda: Outcome.objects.create(market=new_market(), as_of=START, horizon=1, matures_at=START),
    TrainingRun: new_run,
    RetrainingPolicy: lambda: RetrainingPolicy.objects.create(model=new_model(), every_candles=24),
    Trial: new_trial,
    ApiKey: lambda: ApiKey.objects.issue(name="k", scopes=["predict"], created_by="user:tester"),
    Prediction: new_prediction,
    Forecast: new_forecast,
    MissedForecast: lambda: MissedForecast.objects.create(
        model=new_model(), first_as_of=START, last_as_of=START, closes=1, reason="down"
    ),
    WebProcess: lambda: WebProcess.objects.create(id=uuid4(), host="here", pid=1, problems={"m": "refused"}),
    PeriodicTask: new_schedule,
}


def url_of(model, page="changelist", *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def questions(client, url):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in asked.captured_queries]


def test_every_model_of_ours_is_registered_and_has_a_maker_here():
    assert set(OURS) <= set(MAKERS)
    assert len(OURS) == 19


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_a_list_costs_the_same_queries_for_3_rows_as_for_30_and_counts_nothing(model, admin_client):
    for _ in range(3):
        MAKERS[model]()
    few = questions(admin_client, url_of(model))
    for _ in range(27):
        MAKERS[model]()
    many = questions(admin_client, url_of(model))
    assert len(many) == len(few), "\n".join(many)
    assert [sql for sql in many if "COUNT(" in sql.upper()] == []


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model.__name__)
def test_every_row_has_a_page_and_every_search_an_answer(model, admin_client):
    MAKERS[model]()
    row = model._default_manager.first()
    assert admin_client.get(url_of(model, "change", row.pk)).status_code == 200
    for words in ("bitcoin", "0123abcd", "%", "\x01"):
        assert admin_client.get(url_of(model), {"q": words}).status_code == 200


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_filter_of_a_list_works(model, admin_client):
    MAKERS[model]()
    page = admin_client.get(url_of(model))
    for spec in page.context["cl"].filter_specs:
        for choice in spec.choices(page.context["cl"]):
            if "form" in choice:  # a moment: tested where it is at home
                continue
            assert admin_client.get(f"{url_of(model)}{choice['query_string']}").status_code == 200


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_list_is_shown_to_staff_who_may_view_it_and_to_nobody_else(model, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("anna", is_staff=True))
    assert client.get(url_of(model)).status_code == 403
    client.logout()
    assert client.get(url_of(model)).status_code == 302


READ_ONLY = [
    Deployment,
    Prediction,
    Candle,
    CandleRevision,
    Outcome,
    Trial,
    Forecast,
    MissedForecast,
    WebProcess,
    VersionEdit,
    ModelImport,
]


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
def test_what_the_product_writes_is_only_read_here_even_by_a_superuser(model, admin_client):
    MAKERS[model]()
    row = model._default_manager.first()
    before = model._default_manager.filter(pk=row.pk).values().get()
    assert admin_client.get(url_of(model, "add")).status_code == 403
    assert admin_client.post(url_of(model, "change", row.pk), {}).status_code == 403
    assert admin_client.post(url_of(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).values().get() == before


def test_pages_follow_each_other_and_a_page_past_the_end_leads_back(admin_client):
    market = make_market(newest=START, candles=125)
    shown = [admin_client.get(url_of(Candle), {"p": page}).context["cl"] for page in (1, 2, 3)]
    assert [len(cl.result_list) for cl in shown] == [50, 50, 25]
    assert len({candle.pk for cl in shown for candle in cl.result_list}) == market.candles.count()
    assert "more than 100 candles" in admin_client.get(url_of(Candle), {"p": 2}).content.decode()
    assert "125 candles" in admin_client.get(url_of(Candle), {"p": 3}).content.decode()
    assert admin_client.get(url_of(Candle), {"p": 9}).status_code == 302
    assert admin_client.get(url_of(Candle), {"p": "9" * 30}).status_code == 302


def test_of_one_market_the_candles_come_newest_first_whatever_was_stored_last(admin_client):
    market = make_market(newest=START, candles=3)
    Candle.objects.create(market=market, opened_at=START - timedelta(days=9), close=1.0)
    shown = admin_client.get(url_of(Candle), {"market__id__exact": market.pk}).context["cl"].result_list
    assert [candle.opened_at for candle in shown] == sorted((c.opened_at for c in shown), reverse=True)


def test_a_schedule_that_names_a_market_that_is_gone_says_so(admin_client):
    new_schedule()
    assert "market schedule" in admin_client.get(url_of(PeriodicTask)).content.decode()
    assert "is gone" in admin_client.get(url_of(PeriodicTask)).content.decode()


def test_a_schedule_is_edited_here(admin_client):
    schedule = new_schedule()
    page = admin_client.get(url_of(PeriodicTask, "change", schedule.pk))
    sent = {name: value for name, value in page.context["adminform"].form.initial.items() if value is not None}
    answer = admin_client.post(
        url_of(PeriodicTask, "change", schedule.pk), {**sent, "enabled": "", "start_time_0": "", "start_time_1": ""}
    )
    schedule.refresh_from_db()
    assert (answer.status_code, schedule.enabled) == (302, False)
