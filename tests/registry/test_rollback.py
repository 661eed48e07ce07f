"""Rollback: a new row that points back, asks no gate, and can itself be undone."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from django.db import connection

from cryptoml_site.errors import Refused, Unknown
from registry.bundles import ONNX, BundleAltered
from tests.factories import alter, make_model, make_version, report

WHO = {"actor": "user:operator", "reason": "hit rate fell"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def two():
    """A model whose version 2 replaced version 1."""
    model = make_model()
    for _ in range(2):
        make_version(model=model).promote(actor="user:operator", reason="new")
    return model


def in_production(model):
    return model.versions.in_production().get().number


def test_rollback_puts_back_what_the_newest_move_replaced(two):
    moved = two.rollback(**WHO)
    assert in_production(two) == 1
    assert (moved.kind, moved.from_version.number, moved.to_version.number) == ("rollback", 2, 1)


def test_a_second_rollback_undoes_the_first(two):
    first = two.rollback(**WHO)
    second = two.rollback(**WHO)
    assert in_production(two) == 2
    assert second.undoes == first


def test_rollback_goes_to_any_version_that_answered_before(two):
    make_version(model=two).promote(actor="user:operator", reason="third")
    two.rollback(**WHO, to=1)
    assert in_production(two) == 1


def test_rollback_asks_no_gate():
    model = make_model()
    make_version(model=model, metrics=report(edge_low=-1)).promote(actor="user:o", reason="first", override=True)
    make_version(model=model).promote(actor="user:o", reason="second")
    moved = model.rollback(**WHO)
    assert in_production(model) == 1
    assert moved.warnings == ["no_edge_over_baseline"]


@pytest.mark.parametrize("promotions", [0, 1])
def test_without_an_earlier_version_there_is_nothing_to_roll_back_to(promotions):
    model = make_model()
    for _ in range(promotions):
        make_version(model=model).promote(actor="user:operator", reason="new")
    with pytest.raises(Refused, match="no earlier version"):
        model.rollback(**WHO)


def test_a_version_that_never_answered_is_no_place_to_go_back_to(two):
    make_version(model=two)
    with pytest.raises(Refused, match="never answered"):
        two.rollback(**WHO, to=3)


def test_an_unknown_number_is_said_to_be_unknown(two):
    with pytest.raises(Unknown, match="no version 9"):
        two.rollback(**WHO, to=9)


def test_rolling_back_to_what_answers_already_is_refused(two):
    with pytest.raises(Refused, match="in production already"):
        two.rollback(**WHO, to=2)


def test_an_altered_bundle_stops_the_rollback_and_production_stays(two):
    alter(two.versions.numbered(1).bundle, ONNX)
    with pytest.raises(BundleAltered):
        two.rollback(**WHO)
    assert in_production(two) == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_rollbacks_at_once_one_is_refused_or_undoes_the_other():
    """Never two production versions, never none, and each move starts from what the one before left."""
    model = make_model()
    for _ in range(2):
        make_version(model=model).promote(actor="user:operator", reason="new")

    def rollback(_):
        try:
            model.rollback(**WHO)
        except Refused:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(rollback, range(8)))
    moves = list(model.deployments.moves().order_by("generation"))
    assert all(later.from_version_id == earlier.to_version_id for earlier, later in pairwise(moves))
    assert model.versions.in_production().get() == moves[-1].to_version
