"""What a model's own options change about its gates, and that each change is kept."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from simple_history.middleware import HistoryRequestMiddleware

from cryptoml_site.clock import now
from registry.gates import GateRefused, gate_names, judge, questions_for
from registry.models import GateOverride
from tests.factories import make_model, make_version, report

pytestmark = pytest.mark.django_db
AGE, EDGE = "registry.gates.MaximumAgeOfData", "registry.gates.EdgeOverBaseline"
THRESHOLDS = "registry.gates.Thresholds"


def override(model, gate, **facts):
    made = GateOverride(model=model, gate=gate, **facts)
    made.full_clean()
    made.save()
    return made


def verdict_of(version, gate):
    return next(verdict for verdict in judge(version, override=True).verdicts if verdict.gate == gate)


def test_a_models_own_options_lie_over_those_of_the_settings(settings):
    settings.PROMOTION_GATES = [{"NAME": THRESHOLDS, "OPTIONS": {"accuracy_at_least": 0.5, "brier_at_most": 0.3}}]
    version = make_version()
    override(version.model, THRESHOLDS, options={"accuracy_at_least": 0.6})
    verdict = verdict_of(version, "Thresholds")
    assert verdict.numbers["asked"] == {"accuracy_at_least": 0.6, "brier_at_most": 0.3}
    assert verdict.outcome == "fail"


def test_they_are_that_models_alone():
    strict, other = make_model("strict"), make_model("other", default=False)
    override(strict, AGE, options={"days": 7})
    old = now() - timedelta(days=8)
    outcomes = [
        verdict_of(make_version(model=model, data_end=old), "MaximumAgeOfData").outcome for model in (strict, other)
    ]
    assert outcomes == ["fail", "pass"]


def test_a_gate_that_is_switched_off_is_not_asked_and_the_ledger_says_so():
    version = make_version(metrics=report(edge_low=-0.01))
    with pytest.raises(GateRefused):
        version.promote(actor="user:anna", reason="first")
    override(version.model, EDGE, enabled=False)
    moved = version.promote(actor="user:anna", reason="first")
    moved.refresh_from_db()
    assert moved.evidence["skipped"] == [{"gate": "EdgeOverBaseline", "sentence": "switched off for this model"}]
    assert "EdgeOverBaseline" not in {verdict["gate"] for verdict in moved.evidence["verdicts"]}
    assert not moved.evidence["overridden"]


def test_without_overrides_a_model_is_asked_what_the_settings_say():
    questions = questions_for(make_model())
    assert [question.path for question in questions] == gate_names()
    assert all(question.enabled for question in questions)


@pytest.mark.parametrize(
    ("facts", "field", "said"),
    [
        ({"gate": "registry.gates.Feeling"}, "gate", "'registry.gates.Feeling' is none of the gates asked: registry"),
        ({"options": {"days": -3}}, "options", "days is -3: give a number from 0 to 36500"),
        ({"options": {"day": 3}}, "options", "got an unexpected keyword argument 'day'; its options are: days"),
        ({"options": [7]}, "options", "give the options by name"),
        ({"options": {"days": 0}, "enabled": False, "gate": ""}, "gate", "This field cannot be blank."),
    ],
)
def test_an_override_that_makes_no_sense_names_the_field(facts, field, said):
    with pytest.raises(ValidationError) as refused:
        override(make_model(), **{"gate": AGE, **facts})
    assert list(refused.value.message_dict) == [field]
    assert said in refused.value.message_dict[field][0]


def test_an_emptied_field_means_no_options():
    assert override(make_model(), AGE, options=None).options == {}


def test_a_second_override_of_the_same_gate_is_refused():
    model = make_model()
    override(model, AGE, options={"days": 7})
    with pytest.raises(ValidationError, match="this model has an override of that gate already"):
        override(model, AGE)
    with pytest.raises(IntegrityError, match="one_override_per_model_and_gate"), transaction.atomic():
        GateOverride.objects.create(model=model, gate=AGE)


def test_the_database_takes_options_by_name_alone():
    with pytest.raises(IntegrityError, match="options_are_given_by_name"), transaction.atomic():
        GateOverride.objects.create(model=make_model(), gate=AGE, options=[7])


def test_an_override_whose_options_became_wrong_does_not_let_anything_pass():
    version = make_version()
    GateOverride.objects.create(model=version.model, gate=AGE, options={"weeks": 1})
    verdict = verdict_of(version, "MaximumAgeOfData")
    assert verdict.outcome == "fail"
    assert "unexpected keyword argument 'weeks'" in verdict.sentence


def test_an_override_of_a_gate_that_is_asked_no_more_changes_nothing(settings):
    version = make_version()
    override(version.model, AGE, options={"days": 0})
    settings.PROMOTION_GATES = [named for named in settings.PROMOTION_GATES if named["NAME"] != AGE]
    assert judge(version).passed


def test_every_change_is_kept_with_what_it_was_before(admin_user):
    made = override(make_model(), AGE, options={"days": 7})
    made.options, made._history_user = {"days": 14}, admin_user
    made.save()
    made.delete()
    kept = GateOverride.history.order_by("history_id").values_list("history_type", "options", "history_user")
    assert list(kept) == [("+", {"days": 7}, None), *((done, {"days": 14}, admin_user.pk) for done in "~-")]


def test_who_changes_it_over_http_is_kept(admin_user, rf, settings):
    """Not through the admin's page, which is another file's: what the middleware hands on."""
    model = make_model()

    def view(request):
        return override(model, AGE, options={"days": 7})

    request = rf.post("/")
    request.user = admin_user
    HistoryRequestMiddleware(view)(request)
    assert GateOverride.history.get().history_user == admin_user
    assert "simple_history.middleware.HistoryRequestMiddleware" in settings.MIDDLEWARE


def test_it_says_what_it_changes_for_whom():
    model = make_model()
    assert str(GateOverride(model=model, gate=AGE)) == "MaximumAgeOfData for bitcoin-usd-1d"
    assert str(GateOverride(model=model, gate=AGE, enabled=False)) == "no MaximumAgeOfData for bitcoin-usd-1d"


@pytest.mark.parametrize("options", ['{"days": NaN}', '{"days": 1e999}', '{"da\\u0000ys": 1}', "[" * 100_000])
def test_options_that_the_database_cannot_keep_are_refused_at_their_field(admin_client, options):
    asked = {"model": make_model().pk, "gate": AGE, "options": options}
    answer = admin_client.post(reverse("admin:registry_gateoverride_add"), asked)
    assert list(answer.context["adminform"].form.errors) == ["options"]
    assert not GateOverride.objects.exists()
