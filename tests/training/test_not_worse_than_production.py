"""A candidate against production, on the rows that both answered."""

import numpy as np
import pytest

from registry.bundles import EVALUATION, read_file, read_manifest, write_bundle
from tests.factories import make_model, make_version
from training.evaluation.archive import pack_arrays
from training.gates import NotWorseThanProduction

pytestmark = pytest.mark.django_db
HOUR = 3_600


def answers(*, right=0.55, sure=0.6, first=0, rows=2_000, seed=0, truth=None):
    """Walk-forward rows of one hour each: `right` of them called rightly, each with the probability `sure`."""
    hours = np.arange(first, first + rows, dtype=np.int64)
    y = np.random.default_rng(99).integers(0, 2, 10_000, dtype=np.int8)[hours] if truth is None else truth
    hit = np.random.default_rng(seed).random(10_000)[hours] < right
    return {"as_of": HOUR * hours, "y_true": y, "probability": np.where(hit == y, sure, 1 - sure)}


def version_with(recorded, *, model):
    version = make_version(model=model)
    kept = {name: read_file(version.bundle, name) for name in read_manifest(version.bundle) if name != EVALUATION}
    version.bundle = write_bundle(kept if recorded is None else {**kept, EVALUATION: pack_arrays(**recorded)})
    version.save(update_fields=["bundle"])
    return version


def against(theirs, ours, **options):
    """The gate's verdict on a candidate with `ours` while a version with `theirs` is in production."""
    model = make_model()
    version_with(theirs, model=model).promote(actor="user:anna", reason="first", override=True)
    return NotWorseThanProduction(**options).judge(version_with(ours, model=model))


def test_without_a_version_in_production_there_is_nothing_to_be_worse_than():
    assert NotWorseThanProduction().judge(make_version()).outcome == "pass"


def test_the_version_in_production_is_not_compared_with_itself():
    version = make_version()
    version.promote(actor="user:anna", reason="first")
    assert NotWorseThanProduction(minimum_rows=10_000).judge(version).outcome == "pass"


def test_answers_alike_are_not_worse():
    verdict = against(answers(), answers())
    assert verdict.outcome == "pass"
    assert (verdict.numbers["accuracy"]["low"], verdict.numbers["accuracy"]["high"]) == (0, 0)


def test_a_little_luck_more_or_less_is_not_worse():
    assert against(answers(right=0.55, seed=1), answers(right=0.55, seed=2)).outcome == "pass"


def test_calls_that_are_shown_to_be_worse_fail():
    verdict = against(answers(right=0.60), answers(right=0.52, seed=1))
    assert verdict.outcome == "fail"
    assert verdict.numbers["accuracy"]["high"] < 0
    assert "on the 2,000 rows that both answered, against version 1: accuracy -0." in verdict.sentence


def test_the_same_calls_with_worse_probabilities_fail():
    verdict = against(answers(sure=0.6), answers(sure=0.99))
    assert verdict.outcome == "fail"
    assert verdict.numbers["accuracy"]["value"] == 0
    assert verdict.numbers["brier"]["high"] < 0


def test_better_calls_pass():
    verdict = against(answers(right=0.52), answers(right=0.60, seed=1))
    assert verdict.outcome == "pass"
    assert verdict.numbers["accuracy"]["low"] > 0
    assert verdict.numbers["brier"]["low"] > 0


def test_only_rows_that_both_answered_count_each_beside_its_own():
    """Long ago, where production stood alone, it was always wrong; on the common rows it is always right."""
    theirs = answers(right=1.0, rows=4_000)
    theirs["probability"][:2_000] = np.where(theirs["y_true"][:2_000], 0.01, 0.99)
    ours = answers(right=0.6, first=2_000, rows=3_000)
    verdict = against(theirs, ours)
    hits = (ours["probability"] >= 0.5) == ours["y_true"]
    assert verdict.numbers["rows"] == 2_000
    assert verdict.numbers["accuracy"]["value"] == pytest.approx(hits[:2_000].mean() - 1)


def test_too_few_common_rows_are_no_evidence():
    verdict = against(answers(rows=2_000), answers(first=1_500, rows=2_000))
    assert verdict.outcome == "not_enough_evidence"
    assert verdict.numbers == {"rows": 500, "minimum_rows": 1_000}
    assert "both answered 500 rows, 1,000 are needed" in verdict.sentence


def test_common_rows_of_too_few_blocks_are_no_evidence():
    assert against(answers(rows=20), answers(rows=20), minimum_rows=1).outcome == "not_enough_evidence"


@pytest.mark.parametrize(("theirs", "ours", "silent"), [(None, answers(), 1), (answers(), None, 2)])
def test_a_version_without_a_recorded_walk_forward_is_no_evidence(theirs, ours, silent):
    verdict = against(theirs, ours)
    assert verdict.outcome == "not_enough_evidence"
    assert f"version {silent} has no recorded walk-forward" in verdict.sentence


def test_what_happened_is_as_the_newer_data_have_it():
    """The source revised its candles: production's own record would say that it was always right."""
    truth = np.random.default_rng(5).integers(0, 2, 2_000, dtype=np.int8)
    verdict = against(answers(right=1.0, truth=1 - truth), answers(right=0.55, truth=truth))
    assert verdict.numbers["accuracy"]["value"] == pytest.approx(0.55, abs=0.05)


def test_the_same_two_versions_get_the_same_verdict():
    assert against(answers(seed=1), answers(seed=2)) == NotWorseThanProduction().judge(
        make_model().versions.latest("number")
    )


@pytest.mark.parametrize("rows", [0, 1.5, "1000"])
def test_an_option_that_makes_no_sense_is_named(rows):
    with pytest.raises(ValueError, match=r"^minimum_rows is"):
        NotWorseThanProduction(minimum_rows=rows)
