"""A suspended model gives no answers until it is resumed; the ledger says who stopped it, and why."""

import pytest

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.models import Deployment
from tests.factories import make_model, make_version

WHO = {"actor": "user:operator", "reason": "the market is closed"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def model():
    version = make_version()
    version.promote(actor="user:anna", reason="first")
    return version.model


def test_suspend_leaves_production_where_it_is_and_writes_a_row(model):
    row = model.suspend(**WHO)
    assert (row.kind, row.from_version, row.to_version.number, row.actor) == ("suspend", None, 1, "user:operator")
    assert model.suspension == row
    assert model.versions.in_production().get().number == 1


def test_resume_ends_the_suspension(model):
    model.suspend(**WHO)
    assert model.resume(**WHO).kind == "resume"
    assert model.suspension is None


def test_what_was_suspended_at_a_past_moment_is_read_from_the_ledger(model):
    model.suspend(**WHO)
    between = now()
    model.resume(**WHO)
    assert [row.model for row in Deployment.objects.suspensions(between)] == [model]
    assert not Deployment.objects.suspensions().exists()


def test_a_suspension_is_of_one_model_alone(model):
    other = make_version(model=make_model("other", default=False))
    other.promote(actor="user:anna", reason="first")
    model.suspend(**WHO)
    assert other.model.suspension is None


@pytest.mark.parametrize(("verb", "code"), [("suspend", "already_suspended"), ("resume", "not_suspended")])
def test_nothing_is_switched_twice(model, verb, code):
    if verb == "suspend":
        model.suspend(**WHO)
    with pytest.raises(Refused) as refused:
        getattr(model, verb)(**WHO)
    assert refused.value.code == code


def test_a_model_without_a_production_version_has_nothing_to_suspend():
    with pytest.raises(Refused, match="gives no answers anyway"):
        make_model().suspend(**WHO)


def test_a_promotion_does_not_end_a_suspension(model):
    model.suspend(**WHO)
    make_version(model=model).promote(actor="user:anna", reason="better")
    assert model.suspension is not None


@pytest.mark.parametrize("verb", ["suspend", "resume"])
def test_the_ledger_asks_why(model, verb):
    if verb == "resume":
        model.suspend(**WHO)
    with pytest.raises(Refused, match="say why"):
        getattr(model, verb)(actor="user:operator", reason=" ")
