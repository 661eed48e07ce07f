"""A model's answer policy: what it may say, that each change is kept, and who is told what it means."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from cryptoml_site.clock import now
from registry.concerns import concerns
from registry.models import AnswerPolicy, Policy
from tests.factories import make_model, make_policy, make_version
from tests.predictions.conftest import client_with

pytestmark = pytest.mark.django_db
NONE = {"max_age_days": None, "when_expired": "warn", "novelty_limit": None, "when_novel": "warn"}


def test_by_default_nothing_expires_and_nothing_is_too_novel():
    assert make_policy(make_model()).policy == Policy()
    assert Policy().expires_at(now()) is None
    assert not Policy().expired(now() - timedelta(days=36_500), at=now())


def test_a_version_expires_so_many_days_after_the_newest_candle_it_learnt_from():
    version, policy = make_version(data_end=now() - timedelta(days=7)), Policy(max_age_days=7.5)
    assert policy.expires_at(version.learnt_until) == version.data_end + timedelta(days=7.5)
    assert not policy.expired(version.learnt_until, at=now())
    assert policy.expired(version.learnt_until, at=now() + timedelta(days=0.5))


def test_what_nobody_knows_the_data_of_is_as_old_as_its_registration():
    version = make_version(data_start=None, data_end=None)
    assert version.learnt_until == version.created_at


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"max_age_days": 0}, "max_age_days"),
        ({"max_age_days": -1}, "max_age_days"),
        ({"max_age_days": 36_501}, "max_age_days"),
        ({"max_age_days": float("inf")}, "max_age_days"),
        ({"novelty_limit": 0}, "novelty_limit"),
        ({"novelty_limit": 1_001}, "novelty_limit"),
        ({"when_expired": "explode"}, "when_expired"),
        ({"when_novel": "refuse"}, "when_novel"),
        ({"when_expired": "refuse"}, "max_age_days"),
        ({"when_novel": "abstain"}, "novelty_limit"),
    ],
)
def test_a_policy_that_makes_no_sense_names_the_field(facts, field):
    with pytest.raises(ValidationError) as refused:
        AnswerPolicy(model=make_model(), **facts).full_clean()
    assert list(refused.value.message_dict) == [field]


@pytest.mark.parametrize(
    ("facts", "constraint"),
    [
        ({"max_age_days": 0}, "a_version_expires_after_it_was_made_or_never"),
        ({"max_age_days": float("nan")}, "a_version_expires_after_it_was_made_or_never"),
        ({"novelty_limit": float("nan")}, "a_limit_of_novelty_is_a_score"),
        ({"when_expired": "explode"}, "what_is_done_when_expired_is_known"),
        ({"when_novel": "refuse"}, "what_is_done_when_novel_is_known"),
        ({"when_expired": "refuse"}, "what_is_refused_when_expired_expires"),
        ({"when_novel": "abstain"}, "who_abstains_when_novel_has_a_limit"),
    ],
)
def test_nor_does_the_database_take_it(facts, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        make_policy(make_model(), **facts)


def test_a_model_has_one_policy():
    model = make_model()
    make_policy(model)
    with pytest.raises(IntegrityError), transaction.atomic():
        AnswerPolicy.objects.create(model=model)


def test_every_change_is_kept_with_what_it_was_before(admin_user):
    made = make_policy(make_model(), max_age_days=7)
    made.max_age_days, made._history_user = 14, admin_user
    made.save()
    made.delete()
    kept = AnswerPolicy.history.order_by("history_id").values_list("history_type", "max_age_days", "history_user")
    assert list(kept) == [("+", 7, None), *((done, 14, admin_user.pk) for done in "~-")]


def test_clients_see_what_a_models_answers_do():
    model, reader = make_model(), client_with(["registry:read"])
    assert reader.get("/models/bitcoin-usd-1d").json()["policy"] == NONE
    make_policy(model, max_age_days=7, when_expired="refuse", novelty_limit=2.5, when_novel="abstain")
    assert reader.get("/models/bitcoin-usd-1d").json()["policy"] == {
        "max_age_days": 7,
        "when_expired": "refuse",
        "novelty_limit": 2.5,
        "when_novel": "abstain",
    }


@pytest.mark.parametrize(("when", "said"), [("warn", "answers with a warning"), ("refuse", "gives no answers")])
def test_an_expired_production_version_is_a_concern_about_its_model(when, said):
    old, fresh, idle = (make_model(name, default=False) for name in ("old", "fresh", "idle"))
    for model, days in ((old, 8), (fresh, 6)):
        version = make_version(model=model, data_end=now() - timedelta(days=days))
        version.promote(actor="user:o", reason="first", override=True)
    make_version(model=idle, data_end=now() - timedelta(days=8))
    for model in (old, fresh, idle):
        make_policy(model, max_age_days=7, when_expired=when)
    told = concerns([old, fresh, idle])
    assert any("version 1 expired, 7 days after what it learnt from" in each and said in each for each in told[old.pk])
    assert not any("expired" in each for model in (fresh, idle) for each in told[model.pk])
