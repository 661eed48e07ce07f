"""Files are deleted for good only where nothing may need them any more."""

import pytest
from django.core.files.storage import storages

from cryptoml_site.clock import now
from cryptoml_site.errors import Refused
from registry.purging import KEPT
from tests.factories import make_market, make_model, make_prediction, make_version
from training.models import Outcome

WHO = {"actor": "user:owner", "reason": "the disk is full"}

pytestmark = pytest.mark.django_db


def files(version):
    folder = storages["bundles"].path(f"{version.bundle[:2]}/{version.bundle}")
    return list(storages["bundles"].listdir(folder)[1])


@pytest.fixture
def archived():
    """A version that never answered."""
    version = make_version(probability_up=0.61)
    version.to_archive(**WHO)
    return version


def test_purge_deletes_the_files_and_keeps_what_is_known(archived):
    row = archived.purge(**WHO)
    assert files(archived) == []
    archived.refresh_from_db()
    assert (row.kind, row.actor, archived.purged_at is not None) == ("purge", "user:owner", True)
    assert archived.metrics["metrics"]["accuracy"]["value"] == 0.55


@pytest.mark.parametrize("verb", ["restore", "purge"])
def test_a_purged_version_comes_back_by_no_way(archived, verb):
    archived.purge(**WHO)
    with pytest.raises(Refused, match="were purged"):
        getattr(archived, verb)(**WHO)


def test_rollback_to_a_purged_version_says_so():
    model = make_model()
    for place in range(KEPT + 2):
        make_version(model=model, probability_up=0.6 + place / 100).promote(actor="user:o", reason="new")
    model.versions.numbered(1).purge(**WHO)
    with pytest.raises(Refused, match="version 1 were purged"):
        model.rollback(**WHO, to=1)


def test_the_last_versions_in_production_are_kept():
    model = make_model()
    for place in range(KEPT + 1):
        make_version(model=model, probability_up=0.6 + place / 100).promote(actor="user:o", reason="new")
    for number in range(2, KEPT + 1):
        with pytest.raises(Refused, match="a rollback may need it"):
            model.versions.numbered(number).purge(**WHO)
    assert model.versions.numbered(1).purge(**WHO).kind == "purge"


@pytest.mark.parametrize("stage", ["candidate", "staging", "production"])
def test_only_an_archived_version_is_purged(stage):
    version = make_version()
    if stage == "staging":
        version.to_staging(**WHO)
    if stage == "production":
        version.promote(**WHO)
    with pytest.raises(Refused, match=f"is {stage}: only an archived version is purged"):
        version.purge(**WHO)
    assert files(version)


def test_a_version_with_an_unsettled_answer_is_kept(archived):
    market = make_market(newest=now())
    moment = now()
    pending = Outcome.objects.create(market=market, as_of=moment, horizon=1, matures_at=moment + 2 * market.step)
    make_prediction(made_at=moment, version=archived, market=market.name, as_of=moment, horizon=1)
    with pytest.raises(Refused, match="is not settled yet"):
        archived.purge(**WHO)
    Outcome.objects.filter(pk=pending.pk).update(status=Outcome.Status.VOID, void_reason="no candle")
    assert archived.purge(**WHO).kind == "purge"


def test_files_that_another_version_shares_stay(archived):
    twin = make_version(probability_up=0.61)
    assert twin.bundle == archived.bundle
    archived.purge(**WHO)
    twin.verify()
