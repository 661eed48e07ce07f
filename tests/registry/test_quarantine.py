"""A version that was rolled back from answers no more until a person says so."""

import pytest

from cryptoml_site.errors import Refused
from registry.models import ModelVersion, Quarantined
from tests.factories import make_model, make_version

WHO = {"actor": "user:operator", "reason": "hit rate fell"}
SCHEDULE = {"actor": "schedule:retrain", "reason": "it is Monday"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def left():
    """Version 2, which was rolled back from; version 1 answers again."""
    model = make_model()
    for _ in range(2):
        version = make_version(model=model)
        version.promote(actor="user:operator", reason="new")
    model.rollback(**WHO)
    version.refresh_from_db()
    return version


def test_a_version_that_was_rolled_back_from_is_quarantined_and_no_other(left):
    assert list(ModelVersion.objects.quarantined()) == [left]
    assert left.quarantined


def test_nobody_promotes_it_before_it_is_lifted(left):
    left.restore(**WHO)
    with pytest.raises(Quarantined, match=r"user:operator rolled back to version 1 .* “hit rate fell”") as refused:
        left.promote(**WHO, override=True)
    assert refused.value.code == "quarantined"


def test_no_schedule_promotes_anything_for_that_model(left):
    with pytest.raises(Quarantined, match="version 2 is in quarantine"):
        make_version(model=left.model).promote(**SCHEDULE)


def test_a_person_promotes_another_version_meanwhile(left):
    other = make_version(model=left.model)
    other.promote(**WHO)
    assert left.model.versions.in_production().get() == other
    assert left.quarantined


def test_a_schedule_goes_on_promoting_other_models(left):
    other = make_version(model=make_model("other", default=False))
    assert other.promote(**SCHEDULE).kind == "promote"


def test_lifted_by_a_person_it_may_be_promoted_again(left):
    assert left.lift_quarantine(**WHO).kind == "lift"
    left.restore(**WHO)
    left.promote(**SCHEDULE)
    assert left.model.versions.in_production().get() == left


@pytest.mark.parametrize("actor", ["schedule:retrain", "key:abcd1234"])
def test_only_a_person_lifts_it(left, actor):
    with pytest.raises(Refused) as refused:
        left.lift_quarantine(actor=actor, reason="why not")
    assert refused.value.code == "needs_a_person"
    assert left.quarantined


def test_a_person_may_roll_back_to_it_which_frees_it_and_quarantines_what_it_replaces(left):
    left.model.rollback(actor="user:operator", reason="it was not the model")
    assert [version.number for version in ModelVersion.objects.quarantined()] == [1]


def test_what_is_in_no_quarantine_is_not_lifted(left):
    with pytest.raises(Refused, match="version 1 is not in quarantine"):
        left.model.versions.numbered(1).lift_quarantine(**WHO)
