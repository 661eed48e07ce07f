"""The first page: what answers, since when and by whom, how well, and how to go back, at a glance."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cryptoml_site.clock import now
from monitoring.live import LiveRate, live_rates
from monitoring.models import DriftCheck
from monitoring.performance.figure import FEWEST, JUDGED
from predictions.models import Forecast, Prediction, WebProcess
from registry.models import ModelImport
from tests.factories import make_market, make_model, make_prediction, make_version
from training.models import Outcome, TrainingRun

pytestmark = pytest.mark.django_db

HOME = reverse("admin:index")
STEP = timedelta(days=1)


def text(answer):
    return " ".join(answer.content.decode().split())


def home(client):
    return text(client.get(HOME))


@pytest.fixture
def replaced():
    old, new = make_version(), make_version()
    old.promote(actor="user:operator", reason="first")
    new.promote(actor="user:berta", reason="beats it by 3 points")
    return old, new


@pytest.fixture
def market():
    return make_market(newest=now() - timedelta(hours=30), candles=3)


def forecast(
    version, market, days_ago, *, right=True, up=True, late=False, revisions=1, status="settled", abstained=False
):
    """A forecast of the schedule and how it turned out; only its newest revision counts."""
    as_of = now().replace(hour=0, minute=0, second=0, microsecond=0) - days_ago * STEP
    target = as_of + 2 * STEP
    made_at = target + timedelta(seconds=1) if late else as_of + STEP
    rose = up if right else not up
    made = make_prediction(
        made_at=made_at,
        version=version,
        market=market.name,
        as_of=as_of,
        target_at=target,
        direction=None if abstained else Prediction.Direction.UP if up else Prediction.Direction.DOWN,
        novelty=7.5,
    )
    Forecast.objects.create(model=version.model, as_of=as_of, prediction_id=made.pk)
    same = {"market": market, "as_of": as_of, "horizon": 1, "matures_at": target, "close_at_start": 1.0}
    for revision in range(revisions):
        change = 0.01 if rose == (revision == revisions - 1) else -0.01
        figures = {"log_return": change, "close_at_end": 1.0, "settled_at": target, "void_reason": "hole"}
        Outcome.objects.create(**same, **figures, revision=revision, status=status)


def rate(version):
    return live_rates([version], at=now())[version.model_id]


def test_a_card_says_what_answers_since_when_by_whom_and_why(replaced, admin_client):
    shown = home(admin_client)
    assert ">Version 2</a>" in shown
    assert f"{replaced[1].model.deployments.newest_move().created_at:%Y-%m-%d %H:%M:%S} UTC" in shown
    assert "user:berta (promote): “beats it by 3 points”" in shown


def test_from_the_card_a_rollback_takes_two_clicks(replaced, admin_client):
    old, new = replaced
    url = reverse("admin:registry_registeredmodel_rollback", args=[new.model.pk])
    assert f'href="{url}"' in home(admin_client)
    form = admin_client.get(url).context["form"]
    drawn = {field.name: field.value() or "" for field in form if field.name != "override"}
    assert admin_client.post(url, drawn).status_code == 302
    assert new.model.versions.in_production().get() == old


def test_buttons_are_for_who_may_move(replaced, django_user_model):
    anna = django_user_model.objects.create_user("anna", is_staff=True)
    anna.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(anna)
    make_version()
    assert ">Version 2</a>" in home(client)
    assert "Roll back" not in home(client)
    assert "Promote" not in home(client)


def test_who_may_not_see_models_sees_none(replaced, django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("anna", is_staff=True))
    assert "You may not see the registered models" in home(client)
    assert "bitcoin-usd-1d" not in home(client)


def test_the_newest_version_that_may_be_promoted_has_its_button(replaced, admin_client):
    waiting = make_version()
    url = reverse("admin:registry_modelversion_promote", args=[waiting.pk])
    assert f'href="{url}"' in home(admin_client)


def test_few_outcomes_are_no_hit_rate(replaced, market, admin_client):
    _, new = replaced
    for hours in range(1, FEWEST):
        forecast_hourly(new, market, hours, right=True)
    assert rate(new) == LiveRate(n=FEWEST - 1)
    assert f"not enough outcomes yet (n={FEWEST - 1})" in home(admin_client)


def test_a_hit_rate_has_its_interval_its_number_and_its_baseline(replaced, market, admin_client):
    _, new = replaced
    for hours in range(1, 40):
        forecast_hourly(new, market, hours, right=hours % 4 > 0)
    found = rate(new)
    assert found.n == 39
    assert found.low < found.rate < found.high
    assert 0.5 <= found.baseline <= 1
    assert f"n={found.n}; too few to be judged beside the majority's" in home(admin_client)
    assert f"[{found.low:.1%}, {found.high:.1%}]" in home(admin_client)


def test_from_a_hundred_outcomes_on_a_hit_rate_is_held_against_its_baseline():
    facts = {"rate": 0.6, "low": 0.55, "high": 0.65, "baseline": 0.5}
    assert [LiveRate(n=n, **facts).verdict for n in (JUDGED - 1, JUDGED)] == ["", "above"]


def forecast_hourly(version, market, hours, *, right):
    as_of = now() - timedelta(days=1, hours=hours, minutes=7)
    target = as_of + timedelta(hours=2)
    facts = {"market": market.name, "as_of": as_of, "target_at": target, "direction": "up"}
    made = make_prediction(made_at=as_of + timedelta(hours=1), version=version, **facts)
    Forecast.objects.create(model=version.model, as_of=as_of, prediction_id=made.pk)
    figures = {"close_at_start": 1.0, "close_at_end": 1.0, "settled_at": target, "log_return": 0.01 if right else -0.01}
    Outcome.objects.create(market=market, as_of=as_of, horizon=1, matures_at=target, status="settled", **figures)


@pytest.mark.parametrize(
    "facts",
    [{"late": True}, {"status": "pending"}, {"status": "void"}, {"abstained": True}],
    ids=["made too late", "pending", "void", "abstained"],
)
def test_what_is_no_evidence_does_not_count(replaced, market, facts):
    forecast(replaced[1], market, 3, **facts)
    assert rate(replaced[1]).n == 0


def test_another_versions_forecasts_do_not_count(replaced, market):
    old, new = replaced
    forecast(old, market, 3)
    assert rate(new).n == 0
    assert rate(old).n == 1


def test_of_a_revised_outcome_the_newest_counts(replaced, market):
    _, new = replaced
    for hours in range(1, FEWEST + 5):
        forecast_hourly(new, market, hours, right=False)
    assert rate(new).rate == 0.0
    for outcome in list(Outcome.objects.all()):
        outcome.pk, outcome.revision, outcome.log_return = None, 1, 0.01
        outcome.save(force_insert=True)
    assert rate(new).rate == 1.0


def test_answers_of_the_last_minute_are_counted(replaced, admin_client):
    _, new = replaced
    make_prediction(made_at=now() - timedelta(minutes=5), version=new)
    assert "0 in the last minute, last 5 minutes ago" in home(admin_client)
    make_prediction(made_at=now() - timedelta(seconds=1), version=new)
    assert "1 in the last minute" in home(admin_client)


def test_workers_that_serve_it_are_counted(replaced, admin_client):
    newest = replaced[1].model.deployments.newest_move().generation
    WebProcess.objects.create(host="here", pid=1, generation=newest)
    WebProcess.objects.create(host="here", pid=2, generation=0)
    assert "1/2 on version 2" in home(admin_client)


def test_a_suspension_comes_first(replaced, admin_client):
    replaced[1].model.suspend(actor="user:anna", reason="answers look wrong")
    shown = home(admin_client)
    assert "SUSPENDED:" in shown
    assert "user:anna suspended the model at version 2" in shown
    assert "gives no answers" in shown


def test_failed_runs_and_refused_imports_of_the_last_days_are_named(admin_client):
    model, market = make_model(), make_market()
    facts = {"model": model, "market": market, "feature_set": "classic", "estimator": "xgboost", "actor": "user:x"}
    TrainingRun.objects.create(**facts, status="failed", error="too few rows")
    TrainingRun.objects.create(**facts, status="failed", error="long ago", created_at=now() - timedelta(days=30))
    ModelImport.objects.create(
        model=model, kind="onnx", upload="x", sha256="0" * 64, actor="user:x", status="refused", error="no ONNX"
    )
    shown = home(admin_client)
    assert "too few rows" in shown
    assert "no ONNX" in shown
    assert "long ago" not in shown


def test_what_was_not_checked_yet_is_said_to_be_so(replaced, admin_client):
    shown = home(admin_client)
    assert "not checked yet: each day at 00:40 UTC" in shown
    assert "No alert is open. No worker runs, so nothing is watched." in shown
    assert "market bitcoin-usd-1d is gone" in shown


def test_without_any_model_the_page_says_how_to_begin(admin_client):
    assert "No model is registered yet" in home(admin_client)


def test_the_page_costs_the_same_queries_for_2_models_as_for_12(admin_client):
    def add(name):
        model = make_model(name, default=False)
        for _ in range(2):
            make_version(model=model).promote(actor="user:operator", reason="next")
        make_version(model=model)

    def asked():
        with CaptureQueriesContext(connection) as queries:
            assert admin_client.get(HOME).status_code == 200
        return [query["sql"] for query in queries.captured_queries]

    for number in range(2):
        add(f"model-{number}")
    few = asked()
    for number in range(2, 12):
        add(f"model-{number}")
    many = asked()
    assert len(many) == len(few), "\n".join(many)
    assert len(few) <= 25


def test_no_page_asks_another_host_for_anything(replaced, admin_client):
    _, new = replaced
    change = [reverse(f"admin:registry_{row._meta.model_name}_change", args=[row.pk]) for row in (new, new.model)]
    for url in (HOME, *change, reverse("admin:predictions_prediction_changelist")):
        page = admin_client.get(url).content.decode()
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*"', page) == []


def test_after_a_rollback_the_button_says_that_it_would_undo_it(replaced, admin_client):
    _, new = replaced
    new.model.rollback(actor="user:anna", reason="worse")
    assert "Undo the rollback, to 2" in home(admin_client)
    page = text(admin_client.get(reverse("admin:registry_registeredmodel_rollback", args=[new.model.pk])))
    assert "Version 2 was rolled back from: to go back to it undoes that" in page


def test_the_newest_check_of_a_model_is_on_its_card(replaced, admin_client):
    _, version = replaced
    for days_ago, status in ((2, "ok"), (1, "alert")):
        DriftCheck.objects.create(
            model=version.model,
            version=version,
            asked_by="schedule:drift",
            state="done",
            status=status,
            checked_at=now() - timedelta(days=days_ago),
            channels={"outcome": {"status": status, "says": "lately more than luck explains"}},
        )
    shown = home(admin_client)
    assert "checked 1" in shown
    assert '?model=bitcoin-usd-1d">outcome</a>' in shown
