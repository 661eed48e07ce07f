"""What each gate asks, and that it answers with its numbers and a sentence."""

import json
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db import OperationalError

from cryptoml_site.clock import now
from registry import gates
from registry.bundles import GOLDEN, NATIVE, ONNX, REPORT, read_file, read_manifest, write_bundle
from registry.gates.calibration import expected_by_luck
from registry.models import MovedMeanwhile
from tests.factories import constant_onnx, make_model, make_version, report
from training.evaluation.archive import pack_arrays
from training.evaluation.calibration import expected_calibration_error, reliability

pytestmark = pytest.mark.django_db
NO_REPORT: dict = {}
DOCS = Path(__file__).parents[2] / "docs" / "gates.md"


def outcome(gate, version):
    verdict = gate.judge(version)
    assert verdict.gate == type(gate).__name__
    assert verdict.sentence
    return verdict.outcome


def with_files(version, *, without=(), **files):
    """The version with other files in its bundle; keywords are constants of registry.bundles."""
    kept = {name: read_file(version.bundle, name) for name in read_manifest(version.bundle) if name not in without}
    named = {"ONNX": ONNX, "GOLDEN": GOLDEN, "NATIVE": NATIVE, "REPORT": REPORT}
    version.bundle = write_bundle({**kept, **{named[key]: content for key, content in files.items()}})
    return version


def test_a_version_that_meets_everything_passes_every_gate_of_the_settings():
    evidence = gates.judge(make_version())
    assert {verdict.gate for verdict in evidence.verdicts} == {name.rpartition(".")[2] for name in gates.gate_names()}
    assert evidence.passed


def test_a_version_without_any_evidence_passes_no_gate_that_needs_some():
    version = with_files(make_version(metrics=NO_REPORT, data_end=None), without=(GOLDEN,), NATIVE=b"a pickle")
    outcomes = {verdict.gate: verdict.outcome for verdict in gates.judge(version, override=True).verdicts}
    passed = {gate for gate, said in outcomes.items() if said == "pass"}
    assert passed == {"SameSignature", "Thresholds", "NotWorseThanProduction"}  # nothing to compare with, none set
    assert set(outcomes.values()) == {"pass", "not_enough_evidence"}


# Calibration


def calibrated(error, *, rows):
    metrics = report(n=rows)
    return make_version(metrics={**metrics, "metrics": {**metrics["metrics"], "ece": error}})


@pytest.mark.parametrize(
    ("error", "rows", "expected"),
    [
        (0.049, 2_000, "pass"),
        (0.05, 2_000, "pass"),
        (0.07, 2_000, "not_enough_evidence"),  # a perfect forecaster shows 0.028 by luck
        (0.08, 2_000, "fail"),
        (0.06, 200_000, "fail"),
        (0.01, 600, "not_enough_evidence"),  # by luck 0.051
    ],
)
def test_a_calibration_error_counts_once_it_is_more_than_luck(error, rows, expected):
    assert outcome(gates.MaximumCalibrationError(most=0.05), calibrated(error, rows=rows)) == expected


def test_what_luck_is_said_to_make_is_what_a_perfect_forecaster_shows():
    rng = np.random.default_rng(0)
    shown, expected = [], []
    for _ in range(200):
        p = rng.uniform(0.3, 0.7, 1_000)
        y = rng.random(1_000) < p
        shown.append(expected_calibration_error(y, p))
        expected.append(expected_by_luck([{"rows": b.rows, "probability": b.probability} for b in reliability(y, p)]))
    assert np.mean(shown) == pytest.approx(np.mean(expected), rel=0.05)


# Age of the data


@pytest.mark.parametrize(("days", "expected"), [(29.9, "pass"), (30.1, "fail")])
def test_data_are_too_old_after_so_many_days(set_clock, days, expected):
    version = make_version(data_end=now() - timedelta(days=days))
    assert outcome(gates.MaximumAgeOfData(days=30), version) == expected


def test_a_version_ages_while_it_waits(set_clock):
    version = make_version()
    set_clock("2026-12-24T10:00:00Z")
    verdict = gates.MaximumAgeOfData(days=30).judge(version)
    assert verdict.outcome == "fail"
    assert verdict.numbers == {"age_days": 31.0, "days": 30}
    assert "opened on 2026-11-23, 31.0 days ago, 30 are allowed: fetch newer candles" in verdict.sentence


# Parity


@pytest.mark.parametrize(("difference", "expected"), [(0.0, "pass"), (1e-5, "pass"), (1.1e-5, "fail")])
def test_parity_is_read_from_the_bundles_report(difference, expected):
    measured = json.dumps({"parity": {"difference": difference, "rows": 500}}).encode()
    version = with_files(make_version(), NATIVE=b"a pickle", REPORT=measured)
    assert outcome(gates.Parity(), version) == expected


def test_parity_that_was_never_measured_is_no_pass():
    assert outcome(gates.Parity(), with_files(make_version(), NATIVE=b"a pickle")) == "not_enough_evidence"


def test_a_file_that_came_as_onnx_has_nothing_to_agree_with():
    assert outcome(gates.Parity(), with_files(make_version(), without=(REPORT,))) == "pass"


# Smoke


def golden(probability, rows=4):
    return pack_arrays(X=np.zeros((rows, 9), np.float32), probability=np.full(rows, probability, np.float32))


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [(0.75, "pass"), (0.750_000_5, "pass"), (0.750_002, "fail"), (float("nan"), "fail")],
)
def test_golden_rows_are_answered_as_recorded(recorded, expected):
    assert outcome(gates.Smoke(), with_files(make_version(), GOLDEN=golden(recorded))) == expected


def test_another_model_in_the_bundle_is_found_by_its_golden_rows():
    version = with_files(make_version(probability_up=0.75), ONNX=constant_onnx(0.6))
    verdict = gates.Smoke().judge(version)
    assert verdict.outcome == "fail"
    assert verdict.numbers["difference"] == pytest.approx(0.15, abs=1e-6)
    assert "4 golden rows answered up to 0.15 otherwise" in verdict.sentence


def test_answers_that_take_too_long_fail():
    version = with_files(make_version(), GOLDEN=golden(0.75, rows=3_000))
    verdict = gates.Smoke(seconds=0.001).judge(version)
    assert verdict.outcome == "fail"
    assert verdict.numbers["seconds"] > 0.001
    assert gates.Smoke(seconds=60).judge(version).outcome == "pass"


def test_a_row_is_asked_alone_as_clients_ask(monkeypatch):
    asked = []
    honest = gates.smoke.OnnxClassifier.probability_up
    monkeypatch.setattr(
        gates.smoke.OnnxClassifier, "probability_up", lambda self, X: asked.append(len(X)) or honest(self, X)
    )
    gates.Smoke().judge(make_version())
    assert asked == [1, 1, 1, 1]


# Signature


def test_the_same_features_in_another_order_are_another_signature():
    make_version().promote(actor="user:anna", reason="first")
    other = make_version()
    other.signature = other.signature[::-1]
    verdict = gates.SameSignature().judge(other)
    assert (verdict.outcome, verdict.numbers) == ("fail", {"added": [], "dropped": []})
    assert "takes them in another order, or of another type" in verdict.sentence


# Thresholds


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "pass"),
        ({"accuracy_at_least": 0.55}, "pass"),
        ({"accuracy_at_least": 0.551}, "fail"),
        ({"brier_at_most": 0.24}, "pass"),
        ({"brier_at_most": 0.239}, "fail"),
        ({"accuracy_at_least": 0.5, "log_loss_at_most": 0.6}, "fail"),
        ({"log_loss_at_most": 0.69, "accuracy_at_least": 0.5}, "pass"),
        ({"roc_auc_at_least": 0.5}, "not_enough_evidence"),  # which the report does not have
        ({"net_bp_at_least": -1}, "not_enough_evidence"),
    ],
)
def test_thresholds_are_those_that_a_person_set(options, expected):
    assert outcome(gates.Thresholds(**options), make_version()) == expected


def test_a_net_return_may_have_to_be_positive():
    version = make_version(metrics={**report(), "trading": {"net_bp": -0.5}})
    assert outcome(gates.Thresholds(net_bp_at_least=-1), version) == "pass"
    assert outcome(gates.Thresholds(net_bp_at_least=0), version) == "fail"


def test_a_threshold_that_is_not_met_is_named_with_its_figure():
    verdict = gates.Thresholds(accuracy_at_least=0.6, brier_at_most=0.25).judge(make_version())
    assert verdict.sentence == (
        "accuracy is 0.5500, at least 0.6 is asked: not met; brier is 0.2400, at most 0.25 is asked"
    )
    assert verdict.numbers == {
        "asked": {"accuracy_at_least": 0.6, "brier_at_most": 0.25},
        "measured": {"accuracy": 0.55, "brier": 0.24},
    }


# Options that make no sense


@pytest.mark.parametrize(
    ("gate", "options", "named"),
    [
        (gates.EdgeOverBaseline, {"minimum_predictions": 0}, "minimum_predictions"),
        (gates.EdgeOverBaseline, {"minimum_predictions": 10.5}, "minimum_predictions"),
        (gates.MaximumCalibrationError, {"most": "0.05"}, "most"),
        (gates.MaximumCalibrationError, {"most": float("nan")}, "most"),
        (gates.MaximumAgeOfData, {"days": -1}, "days"),
        (gates.MaximumAgeOfData, {"days": True}, "days"),
        (gates.Parity, {"most": 2}, "most"),
        (gates.Smoke, {"seconds": 0}, "seconds"),
        (gates.Thresholds, {"accuracy_at_least": 55}, "accuracy_at_least"),
        (gates.Thresholds, {"brier_at_most": [0.25]}, "brier_at_most"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(gate, options, named):
    with pytest.raises(ValueError, match=f"^{named} is .*: give a"):
        gate(**options)


# Judging


class Broken:
    """A gate of somebody's own."""

    def __init__(self, *, how="raises"):
        self.how = how

    def judge(self, version):
        if self.how == "raises":
            raise RuntimeError("no route to the feature store\nand much more")
        return {
            "nothing": None,
            "nan": gates.Verdict("Broken", "pass", "fine", {"edge": float("nan")}),
            "array": gates.Verdict("Broken", "pass", "fine", {"edge": np.zeros(2)}),
        }[self.how]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raises", "it could not be judged: RuntimeError: no route to the feature store"),
        ("nothing", "it could not be judged: TypeError: judge() gave None, which is no Verdict"),
        ("nan", "it could not be judged: ValueError: Out of range float values are not JSON compliant"),
        ("array", "it could not be judged: TypeError: Object of type ndarray is not JSON serializable"),
        ("spelling", "it could not be judged: KeyError: 'spelling'"),
    ],
)
def test_a_gate_that_breaks_does_not_pass_and_the_others_are_asked_all_the_same(settings, caplog, how, said):
    named = f"{__name__}.Broken"
    settings.PROMOTION_GATES = [{"NAME": named, "OPTIONS": {"how": how}}, {"NAME": "registry.gates.Smoke"}]
    broken, smoke = gates.judge(make_version(), override=True).verdicts
    assert (broken.gate, broken.outcome) == ("Broken", "fail")
    assert broken.sentence.startswith(said)
    assert "\n" not in broken.sentence
    assert smoke.outcome == "pass"
    assert "the gate" in caplog.text
    assert "Traceback" in caplog.text


def test_a_gate_that_is_not_there_any_more_does_not_pass(settings):
    settings.PROMOTION_GATES = [{"NAME": "registry.gates.Feeling"}]
    with pytest.raises(gates.GateRefused, match="Feeling fail: it could not be judged: ImportError: "):
        make_version().promote(actor="user:anna", reason="why not")


def test_an_altered_bundle_is_said_as_such(settings):
    settings.PROMOTION_GATES = [{"NAME": "registry.gates.Smoke"}]
    version = make_version()
    version.bundle = "0" * 64
    [verdict] = gates.judge(version, override=True).verdicts
    assert verdict.sentence.startswith("it could not be judged: bundle 000000000000: manifest.json cannot be read")


class Away:
    def judge(self, version):
        raise OperationalError("the connection is lost")


def test_a_database_that_is_away_is_nobodys_verdict(settings):
    settings.PROMOTION_GATES = [{"NAME": f"{__name__}.Away"}]
    with pytest.raises(OperationalError):
        gates.judge(make_version(), override=True)


class Mover:
    """While it judges version 1, somebody promotes version 2."""

    def judge(self, version):
        if version.number == 1:
            version.model.versions.numbered(2).promote(actor="user:bert", reason="quicker")
        return gates.Verdict("Mover", "pass", "fine")


def test_a_move_while_the_gates_are_judged_is_found_although_they_all_pass(settings):
    settings.PROMOTION_GATES = [{"NAME": f"{__name__}.Mover"}]
    slow, quick = make_version(), make_version()
    with pytest.raises(MovedMeanwhile, match="while its gates were judged: user:bert promoted version 2"):
        slow.promote(actor="user:anna", reason="first")
    quick.refresh_from_db()
    assert quick.stage == "production"


def test_the_gate_in_the_docs_works(set_clock):
    [example] = re.findall(r"```python\n(# acme/gates.py\n.*?)```", DOCS.read_text(), re.DOTALL)
    written: dict = {}
    exec(example, written)  # noqa: S102  # our own file
    verdict = written["OfficeHours"]().judge(make_version())
    assert (verdict.outcome, verdict.numbers) == ("pass", {"hour": 10, "until": 18})
    with pytest.raises(ValueError, match="until is 0"):
        written["OfficeHours"](until=0)


def test_a_verdict_is_one_of_three():
    with pytest.raises(ValueError, match="a verdict is pass, fail, not_enough_evidence, not 'maybe'"):
        gates.Verdict("Feeling", "maybe", "it might")


def test_every_gate_of_the_settings_is_in_the_docs():
    said = DOCS.read_text()
    for name in gates.gate_names():
        assert f"`{name.rpartition('.')[2]}`" in said


def test_the_evidence_is_kept_as_json():
    evidence = gates.judge(make_version(model=make_model()))
    kept = json.loads(json.dumps(evidence.as_json(), allow_nan=False))
    assert set(kept) == {"generation", "overridden", "passed", "verdicts", "skipped"}
    assert set(kept["verdicts"][0]) == {"gate", "outcome", "sentence", "numbers"}
