"""What answers for a name: at a glance, over time, and beside every other version."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cryptoml_site.clock import now
from predictions.models import WebProcess
from registry.admin.timeline import Timeline, reigns
from tests.factories import make_market, make_model, make_version, report
from tests.registry.admin.pages import change, page, text

pytestmark = pytest.mark.django_db

MODELS = reverse("admin:registry_registeredmodel_changelist")


def measured(brier):
    return report(brier=brier)


def numbers(client, model, sort):
    return [line.version.number for line in client.get(change(model), {"sort": sort}).context["table"].lines]


def test_a_model_shows_what_answers_since_when_and_by_whom_and_leads_everywhere(admin_client):
    version = make_version()
    version.promote(actor="key:abcd1234", reason="first")
    shown = text(admin_client.get(change(version.model)))
    assert f'href="{change(version)}">version 1</a>' in shown
    assert "key:abcd1234 (promote)" in shown
    for linked in ("registry_modelversion", "registry_deployment", "training_trainingrun", "predictions_prediction"):
        url = f"{reverse(f'admin:{linked}_changelist')}?model__id__exact={version.model.pk}"
        assert f'href="{url}"' in shown
        assert admin_client.get(url).status_code == 200


def test_a_model_says_what_is_wrong_with_it(admin_client):
    make_model()
    shown = text(admin_client.get(MODELS))
    assert "nothing is in production: promote a version" in shown
    assert "market bitcoin-usd-1d is gone" in shown
    make_market()
    assert "bitcoin-usd-1d has no candles yet" in text(admin_client.get(MODELS))


def test_a_new_model_needs_a_name_that_the_api_can_carry(admin_client):
    add = reverse("admin:registry_registeredmodel_add")
    assert "Constraint" in text(admin_client.post(add, {"name": "list", "market": "m", "horizon": 1}))
    assert admin_client.post(add, {"name": "fine", "market": "bitcoin-usd-1d", "horizon": 1}).status_code == 302


def test_a_new_model_looks_ahead(admin_client):
    add = reverse("admin:registry_registeredmodel_add")
    answer = admin_client.post(add, {"name": "fine", "market": "bitcoin-usd-1d", "horizon": 0})
    assert answer.context["adminform"].form.errors == {"horizon": ["a forecast looks ahead: give 1 candle or more"]}


def test_a_suspension_is_loud_wherever_the_model_or_its_version_appears(replaced, admin_client):
    _, new = replaced
    new.model.suspend(actor="user:berta", reason="answers look wrong")
    for url in (change(new.model), change(new), page("rollback", new.model), page("promote", make_version())):
        shown = text(admin_client.get(url))
        assert "SUSPENDED" in shown
        assert "user:berta suspended the model at version 2" in shown
    assert ">suspended" in text(admin_client.get(MODELS)).replace("> suspended", ">suspended")


def test_a_quarantine_is_loud_wherever_the_version_appears(replaced, admin_client):
    _, new = replaced
    new.model.rollback(actor="user:berta", reason="worse")
    assert "QUARANTINED: version 2 was rolled back from" in text(admin_client.get(change(new)))
    for url in (change(new.model), reverse("admin:registry_modelversion_changelist")):
        assert "quarantined" in text(admin_client.get(url))


@pytest.mark.parametrize(
    ("sort", "first"),
    [("", 3), ("number", 1), ("brier", 2), ("-brier", 1), ("-accuracy", 4), ("nonsense", 5), ("-nonsense", 5)],
)
def test_versions_are_sorted_by_any_figure_and_those_without_it_come_last(admin_client, sort, first):
    for brier in (0.25, 0.23, 0.24):
        version = make_version(metrics=measured(brier))
    best = measured(0.245)
    best["metrics"]["accuracy"] = {"value": 0.9, "low": None, "high": None}
    if first > 3:
        make_version(metrics=best)
        make_version(metrics={})
    assert numbers(admin_client, version.model, sort)[0] == first
    if sort.endswith(("brier", "accuracy")) and first > 3:
        assert numbers(admin_client, version.model, sort)[-1] == 5


def test_a_models_page_costs_the_same_queries_for_3_versions_as_for_30(admin_client):
    versions = [make_version() for _ in range(3)]
    versions[0].promote(actor="user:operator", reason="first")

    def asked():
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(change(versions[0].model))
        return len(queries)

    asked()  # which may look up content types
    few = asked()
    for _ in range(27):
        make_version().to_staging(actor="user:operator", reason="one more")
    assert asked() == few


def test_the_timeline_gives_each_version_its_time(replaced):
    old, new = replaced
    at = now() + timedelta(hours=1)
    moves = list(new.model.deployments.moves().order_by("generation"))
    first, second = reigns(moves, at=at)
    assert (first.version, second.version) == (old, new)
    assert first.until == second.since == moves[1].created_at
    assert second.until is None
    assert second.seconds == int((at - moves[1].created_at).total_seconds())


def test_the_timeline_says_who_did_what_and_why(replaced, admin_client):
    _, new = replaced
    new.model.rollback(actor="user:berta", reason="it is <b>worse</b>")
    shown = text(admin_client.get(change(new.model)))
    assert "Rolled back to version 1" in shown
    assert "instead of version 2" in shown
    assert "“it is &lt;b&gt;worse&lt;/b&gt;”" in shown


def serving(client, model):
    return text(client.get(page("serving", model)))


def test_the_workers_are_shown_taking_it_over_until_all_have_it(replaced, admin_client):
    _, new = replaced
    newest = new.model.deployments.newest_move().generation
    ready = WebProcess.objects.create(host="here", pid=1, generation=newest)
    late = WebProcess.objects.create(host="here", pid=2, generation=newest - 1)
    WebProcess.objects.create(host="gone", pid=3, generation=0, seen_at=now() - timedelta(minutes=1))
    shown = serving(admin_client, new.model)
    assert "1/2 workers on version 2" in shown
    assert f"{late}: serves generation {newest - 1} still" in shown
    assert 'hx-trigger="every 1s"' in shown
    late.generation = newest
    late.save()
    shown = serving(admin_client, new.model)
    assert "2/2 workers on version 2" in shown
    assert "hx-trigger" not in shown
    assert str(ready) not in shown


def test_a_worker_that_cannot_serve_the_move_says_why(replaced, admin_client):
    _, new = replaced
    newest = new.model.deployments.newest_move().generation
    WebProcess.objects.create(host="here", pid=1, generation=newest, problems={new.model.name: "file altered"})
    assert "0/1 workers on version 2" in serving(admin_client, new.model)
    assert "here:1: file altered" in serving(admin_client, new.model)


def test_without_any_worker_that_is_said(replaced, admin_client):
    assert "No web worker is alive" in serving(admin_client, replaced[1].model)


def test_two_versions_are_shown_side_by_side(replaced, admin_client):
    old, new = replaced
    other = make_version(features="technical")
    shown = text(admin_client.get(page("compare", new.model), {"a": old.number, "b": other.number}))
    assert "Version 1" in shown
    assert "Version 3" in shown
    assert "They ask for different features" in shown


@pytest.mark.parametrize("query", [{}, {"a": "9"}, {"a": "x", "b": "-1"}, {"a": "9" * 30}])
def test_a_comparison_of_what_does_not_exist_shows_the_newest_beside_production(replaced, admin_client, query):
    _, new = replaced
    make_version()
    page_shown = admin_client.get(page("compare", new.model), query)
    assert [version.number for version in page_shown.context["comparison"].versions] == [3, 2]


@pytest.mark.parametrize("name", ["serving", "compare"])
def test_who_may_not_see_models_sees_neither_workers_nor_comparisons(replaced, staff, name):
    assert staff().get(page(name, replaced[1].model)).status_code == 403
    assert staff("view_registeredmodel", name="berta").get(page(name, replaced[1].model)).status_code == 200


def test_only_the_time_in_which_it_was_suspended_is_drawn_so(replaced):
    model = replaced[0].model
    model.suspend(actor="user:anna", reason="halt")
    model.resume(actor="user:anna", reason="on")
    drawn = Timeline.of(model).reigns
    assert [(reign.version.number, reign.shut) for reign in drawn] == [(1, False), (2, False), (2, True), (2, False)]


def test_a_promotion_of_a_suspended_model_leaves_it_suspended_in_the_drawing(replaced):
    model = replaced[0].model
    model.suspend(actor="user:anna", reason="halt")
    make_version(model=model).promote(actor="user:anna", reason="better")
    assert [reign.shut for reign in Timeline.of(model).reigns] == [False, False, True, True]
