"""A model's answer policy in the admin: given and changed by who may, its history kept, told on the model's page."""

import pytest
from django.urls import reverse

from registry.models import AnswerPolicy
from tests.factories import make_model, make_policy
from tests.registry.admin.pages import change, page, text

pytestmark = pytest.mark.django_db
ADD = reverse("admin:registry_answerpolicy_add")
STRICT = {"max_age_days": "7", "when_expired": "refuse", "novelty_limit": "2.5", "when_novel": "abstain"}

WRONG = {"max_age_days": ["0", "a week", ""], "novelty_limit": ["-1", ""]}


def test_a_policy_is_given_and_changed_and_the_history_says_by_whom(admin_client, admin_user):
    model = make_model()
    assert admin_client.post(ADD, {"model": model.pk, **STRICT}).status_code == 302
    held = AnswerPolicy.objects.get()
    assert (held.max_age_days, held.when_expired, held.novelty_limit, held.when_novel) == (7, "refuse", 2.5, "abstain")
    changed = {"model": model.pk, **STRICT, "max_age_days": "", "when_expired": "warn"}
    assert admin_client.post(change(held), changed).status_code == 302
    assert AnswerPolicy.objects.get().max_age_days is None
    history = AnswerPolicy.history.order_by("history_id").values_list("max_age_days", "history_user")
    assert list(history) == [(7, admin_user.pk), (None, admin_user.pk)]
    assert admin_client.get(page("history", held)).status_code == 200


@pytest.mark.parametrize(("field", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_makes_no_sense_is_refused_at_its_field(admin_client, field, value):
    answer = admin_client.post(ADD, {"model": make_model().pk, **STRICT, field: value})
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not AnswerPolicy.objects.exists()


def test_who_may_only_look_changes_nothing(staff):
    held = make_policy(make_model(), max_age_days=7)
    viewer = staff("view_answerpolicy")
    assert viewer.get(change(held)).status_code == 200
    assert viewer.post(change(held), {"model": held.model_id, **STRICT, "max_age_days": "9"}).status_code == 403
    assert viewer.post(ADD, {"model": held.model_id, **STRICT}).status_code == 403
    assert AnswerPolicy.objects.get().max_age_days == 7


def test_the_models_page_tells_its_policy_and_leads_to_it(admin_client):
    model = make_model()
    shown = text(admin_client.get(change(model)))
    assert "told with each answer, and no more" in shown
    assert f'href="{ADD}?model={model.pk}"' in shown
    held = make_policy(model, max_age_days=7, when_expired="refuse", novelty_limit=2.5, when_novel="abstain")
    shown = text(admin_client.get(change(model)))
    assert "7 days after what a version learnt from; then: give no answers" in shown
    assert "above 2.5: abstain: answer that there is no answer" in shown
    assert f'href="{change(held)}"' in shown
    assert admin_client.get(f"{ADD}?model={model.pk}").status_code == 200


def test_who_may_not_give_a_policy_is_not_led_there(staff):
    assert ADD not in text(staff("view_registeredmodel").get(change(make_model())))
