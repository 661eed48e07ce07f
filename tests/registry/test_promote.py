"""Promotion: it works, what stops it, and what the ledger says after."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from django.db import connection

from cryptoml_site.errors import Refused
from registry.bundles import ONNX, BundleAltered
from registry.gates import GateRefused
from registry.models import Deployment, ModelVersion
from tests.factories import alter, make_model, make_version, report

WHO = {"actor": "user:operator", "reason": "beats the baseline by 3 points"}

pytestmark = pytest.mark.django_db


def test_promote_archives_the_version_it_replaces():
    old, new = make_version(), make_version()
    old.promote(**WHO)
    new.promote(**WHO)
    old.refresh_from_db()
    assert (old.stage, new.stage) == ("archived", "production")


def test_promoting_a_candidate_stages_it_first_and_both_rows_are_in_the_ledger():
    version = make_version()
    moved = version.promote(**WHO)
    rows = Deployment.objects.order_by("generation").values_list("kind", "to_version", "from_version")
    assert list(rows) == [("stage", version.pk, None), ("promote", version.pk, None)]
    assert moved == version.model.deployments.newest_move()


def test_the_ledger_keeps_who_why_and_what_the_gates_said():
    moved = make_version().promote(**WHO)
    assert (moved.actor, moved.reason) == ("user:operator", "beats the baseline by 3 points")
    assert {verdict["outcome"] for verdict in moved.evidence["verdicts"]} == {"pass"}


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (report(edge_low=-0.01), "EdgeOverBaseline fail: accuracy 0.550 against 0.520 of 'majority'"),
        (report(brier=0.26), "EdgeOverBaseline fail"),
        (report(n=999), "EdgeOverBaseline not enough evidence: 999 walk-forward predictions, 1,000 are needed"),
        ({}, "EdgeOverBaseline not enough evidence: 0 walk-forward predictions"),
    ],
)
def test_a_version_without_evidence_is_refused_with_the_gate_and_its_numbers(metrics, said):
    version = make_version(metrics=metrics)
    with pytest.raises(GateRefused, match=said):
        version.promote(**WHO)
    version.refresh_from_db()
    assert (version.stage, Deployment.objects.count()) == ("candidate", 0)


def test_an_override_promotes_all_the_same_and_keeps_the_failed_evidence():
    moved = make_version(metrics=report(edge_low=-0.01)).promote(**WHO, override=True)
    assert moved.evidence["overridden"]
    assert not moved.evidence["passed"]
    assert moved.warnings == ["no_edge_over_baseline"]


def test_a_changed_signature_is_refused_while_clients_depend_on_productions():
    make_version().promote(**WHO)
    with pytest.raises(GateRefused, match="SameSignature fail: clients send the features of version 1"):
        make_version(features="technical").promote(**WHO)


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_promotion_without_a_reason_is_refused_and_changes_nothing(reason):
    version = make_version()
    with pytest.raises(Refused, match="say why"):
        version.promote(actor="user:operator", reason=reason)
    version.refresh_from_db()
    assert version.stage == "candidate"


def test_promoting_twice_is_refused():
    version = make_version()
    version.promote(**WHO)
    with pytest.raises(Refused, match="in production already"):
        version.promote(**WHO)


def test_an_archived_version_is_not_promoted_again():
    old, new = make_version(), make_version()
    old.promote(**WHO)
    new.promote(**WHO)
    with pytest.raises(Refused, match="is archived: roll back to it instead"):
        old.promote(**WHO)


@pytest.mark.parametrize("override", [False, True])
def test_an_altered_bundle_is_refused_whoever_overrides(override):
    version = make_version()
    alter(version.bundle, ONNX)
    with pytest.raises(BundleAltered, match="the file was altered"):
        version.promote(**WHO, override=override)


def test_a_model_that_moved_while_its_gates_were_judged_is_refused(monkeypatch):
    version, other = make_version(), make_version()
    judge = ModelVersion.promote.__globals__["judge"]

    def slow_judge(judged, *, override):
        evidence = judge(judged, override=override)
        monkeypatch.undo()
        other.promote(**WHO)
        return evidence

    monkeypatch.setattr("registry.models.versions.judge", slow_judge)
    with pytest.raises(Refused, match="moved while its gates were judged"):
        version.promote(**WHO)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("staged", [False, True])
def test_of_many_promotions_at_once_exactly_one_version_is_left_in_production(staged):
    model = make_model()
    versions = [make_version(model=model) for _ in range(4)]
    for version in versions if staged else []:
        version.to_staging(**WHO)

    def promote(version):
        try:
            version.promote(**WHO)
        except Refused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        moved = sum(pool.map(promote, versions))
    newest = model.deployments.newest_move()
    assert moved >= 1
    assert model.versions.in_production().get() == newest.to_version
    assert model.deployments.moves().count() == moved


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rounds", [5, pytest.param(100, marks=pytest.mark.long)])
def test_twenty_people_who_promote_and_roll_back_at_once_leave_one_version_and_a_ledger_without_a_gap(rounds):
    model = make_model()
    for _ in range(3):
        make_version(model=model).promote(**WHO)

    def press(person):
        try:
            if person % 2:
                make_version(model=model).promote(actor=f"user:{person}", reason="mine", leaving=standing)
            else:
                model.rollback(actor=f"user:{person}", reason="not yours", leaving=standing)
        except Refused as refused:
            return refused.code
        finally:
            connection.close()
        return "moved"

    for _ in range(rounds):
        standing = model.versions.in_production().get().number
        with ThreadPoolExecutor(20) as pool:
            said = Counter(pool.map(press, range(20)))
        assert said == {"moved": 1, "moved_meanwhile": 19}
        moves = list(model.deployments.moves().order_by("generation"))
        assert model.versions.in_production().get() == moves[-1].to_version
        assert all(after.from_version_id == before.to_version_id for before, after in pairwise(moves))
