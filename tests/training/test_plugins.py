"""Estimators and feature sets out of a user's own package, from training to an answer."""

import re
import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest
from django.conf import settings as site

from cryptoml_site.errors import Refused, Unknown
from predictions.engine import engine
from registry.models import RegisteredModel
from registry.onnx_model import OnnxClassifier
from tests.predictions.conftest import _fresh_process, client  # noqa: F401  # fixtures
from tests.training.planted import planted
from tests.training.spies import Spy, numbered
from training.features.feature_set import _of_a_user, feature_set
from training.fitting.estimators import estimator_named
from training.fitting.learner import Learner
from training.fitting.parity import refuse_disparity
from training.fitting.trainer import attempt
from training.fitting.walk_forward import cut, walk_forward
from training.learning import learn, queue_run
from training.market_data.simulate import simulate_candles
from training.models import Market
from training.plugins import PluginFailed
from training.recipe import Options

MODELS = """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.naive_bayes import GaussianNB

    from training.fitting.estimators.estimator import INPUT, Estimator, Parameter


    class Bayes(Estimator):
        name = "bayes"
        parameters = {"var_smoothing": Parameter(1e-9, low=0.0, high=1.0)}
        seeded = False

        def fit(self, X, y, params, *, seed, weight=None, horizon=1):
            return GaussianNB(**params).fit(X, y, sample_weight=weight)

        def probability_up(self, model, X):
            return model.predict_proba(X)[:, 1]

        def to_onnx(self, model, width):
            asked = {"initial_types": [(INPUT, FloatTensorType([None, width]))], "options": {"zipmap": False}}
            return convert_sklearn(model, name=self.name, target_opset=18, **asked).SerializeToString()


    class Half(Estimator):
        name, parameters = "half", {}


    class Nameless(Bayes):
        def __init__(self, asked):
            pass


    class Raising(Bayes):
        def __init__(self):
            raise RuntimeError("no licence")


    class Unbounded(Bayes):
        parameters = {"C": 1.0}


    class Unfit(Bayes):
        def fit(self, X, y, params, *, seed, weight=None, horizon=1):
            raise ValueError("boom")


    class Diskless(Bayes):
        def fit(self, X, y, params, *, seed, weight=None, horizon=1):
            raise OSError("no space left")


    class Unexported(Bayes):
        def to_onnx(self, model, width):
            return 1 / 0


    class Textual(Bayes):
        def to_onnx(self, model, width):
            return "onnx"


    class Wide(Bayes):
        def probability_up(self, model, X):
            return model.predict_proba(X)


    class NoNumber(Bayes):
        def probability_up(self, model, X):
            return model.predict_proba(X)[:, 1] * float("nan")


    class Certain(Bayes):
        def probability_up(self, model, X):
            return model.predict_proba(X)[:, 1] + 1


    NOT_A_CLASS = Bayes()
"""
FEATURES = """
    import numpy as np

    from training.features.feature import Feature
    from training.features.feature_set import FeatureSet
    from training.features.windows import lagged, log


    def momentum(candles):
        return log(candles.close) - lagged(log(candles.close), 5)


    def activity(candles):
        return candles.volume / lagged(candles.volume, 1)


    MINE = FeatureSet(
        "mine",
        (
            Feature("momentum_5", "log return", "Of five candles.", window=6, compute=momentum, scale_free=True),
            Feature("activity", "ratio", "Volume.", window=2, compute=activity, scale_free=True, reads=("volume",)),
        ),
        revision=1,
    )


    def of_one(compute):
        return FeatureSet("mine", (Feature("odd", "none", "Odd.", window=1, compute=compute, scale_free=True),), 1)


    RAISING = of_one(lambda candles: 1 / 0)
    SHORT = of_one(lambda candles: candles.close[1:])
    FLAT = of_one(lambda candles: 1.0)
    WIDE = of_one(lambda candles: candles.close[:, np.newaxis])
"""
NO_PROBABILITY = r"probability_up answered (\d+) of \1 rows with what is no probability, the first with"
BEFORE_THE_END = [  # what the run of it is refused with
    ("Unfit", "fit failed: ValueError: boom"),
    ("Unexported", "to_onnx failed: ZeroDivisionError: division by zero"),
    ("Textual", "to_onnx gave a str: give the file's bytes"),
    ("Wide", r"probability_up gave an array \(\d+, 2\) of float32 for (\d+) rows: give \(\1,\) probabilities of up"),
    ("NoNumber", f"{NO_PROBABILITY} nan"),
    ("Certain", f"{NO_PROBABILITY} 1\\."),
]


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A package outside of the repository, found as one on PYTHONPATH is."""
    package = tmp_path / "elsewhere" / "acme_of_tests"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "models.py").write_text(dedent(MODELS))
    (package / "features.py").write_text(dedent(FEATURES))
    (package / "broken.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(package.parent)
    yield package
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]
    _of_a_user.cache_clear()


@pytest.mark.django_db
def test_a_version_of_ones_own_estimator_and_features_is_trained_and_answers(acme, client):  # noqa: F811
    simulate_candles("demo-usd-1h", candles=1_200, seed=7, signal=0.3)
    model = RegisteredModel.objects.of_market("demo-usd-1h")
    model.make_default()
    run = queue_run(
        market=Market.objects.named("demo-usd-1h"),
        model=model,
        feature_set="acme_of_tests.features.MINE",
        estimator="acme_of_tests.models.Bayes",
        options={"calibration": "sigmoid"},
        actor="user:anna",
        folds=2,
    )
    version = learn(run, progress=lambda *_: None)
    assert (version.estimator, version.feature_set) == (run.estimator, run.feature_set)
    assert version.feature_names == ["momentum_5", "activity"]
    assert version.metrics["recipe"]["estimator"] == "acme_of_tests.models.Bayes"
    assert version.metrics["parity"]["difference"] <= 1e-5
    version.promote(actor="user:anna", reason="first", override=True)
    engine.refresh()
    answer = client.post("/predict", {"market": "demo-usd-1h"}, format="json")
    assert answer.status_code == 200, answer.content
    assert 0 < answer.json()["probability_up"] < 1


@pytest.mark.parametrize("calibration", ["none", "sigmoid"])
def test_an_estimator_of_ones_own_passes_what_ours_pass(acme, calibration):
    data, kind = planted(1_500, signal=0.3, width=4), estimator_named("acme_of_tests.models.Bayes")
    learner = Learner(kind, kind.checked({}), Options(calibration=calibration), seed=7)
    model = learner.fit(data, slice(0, 1_500))
    file = learner.to_onnx(model, 4)
    classifier = OnnxClassifier.from_bytes(file)
    refuse_disparity(learner.probability_up(model, data.X), classifier.probability_up(data.X))
    assert learner.to_onnx(learner.fit(data, slice(0, 1_500)), 4) == file
    alone = [classifier.probability_up(data.X[row : row + 1]) for row in range(200)]
    np.testing.assert_allclose(np.concatenate(alone), classifier.probability_up(data.X[:200]), atol=1e-6)


def test_a_feature_set_of_ones_own_is_called_by_its_path_and_found_again(acme):
    found = feature_set("acme_of_tests.features.MINE")
    assert (found.name, found.window) == ("acme_of_tests.features.MINE", 6)
    assert feature_set(found.name) is found


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no_such_package.models.Bayes", "cannot be imported here .ModuleNotFoundError: No module named 'no_such"),
        ("acme_of_tests.models.Naive", "cannot be imported here .ImportError: .*does not define a"),
        ("acme_of_tests.broken.Bayes", "cannot be imported here .ZeroDivisionError: division by zero"),
        ("acme_of_tests.models.NOT_A_CLASS", "is no estimator: make it a class below"),
        ("acme_of_tests.models.Half", "cannot be made without arguments: Can't instantiate abstract class Half"),
        ("acme_of_tests.models.Nameless", "cannot be made without arguments: .*missing 1 required"),
        (f"acme_of_tests.{'x' * 90}", "104 characters, 100 are kept"),
        ("..", "is no dotted path: write it as package.module.Name"),
        ("../x", "is no dotted path: write it as package.module.Name"),
        ("acme_of_tests.models.Raising", "cannot be made: RuntimeError: no licence"),
        ("acme_of_tests.models.Unbounded", "has parameters of another kind: give a dict of Parameter"),
    ],
)
def test_an_estimator_that_cannot_be_had_is_refused_with_the_reason(acme, path, said):
    with pytest.raises(Unknown, match=said) as refusal:
        estimator_named(path)
    assert (refusal.value.code, refusal.value.field) == ("unknown_estimator", "estimator")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("acme_of_tests.features.THINE", "cannot be imported here"),
        ("acme_of_tests.features.momentum", "is a function, not a FeatureSet"),
        ("acme_of_tests.broken.MINE", "ZeroDivisionError"),
    ],
)
def test_a_feature_set_that_cannot_be_had_is_refused_with_the_reason(acme, path, said):
    with pytest.raises(Unknown, match=said) as refusal:
        feature_set(path)
    assert (refusal.value.code, refusal.value.field) == ("unknown_feature_set", "feature_set")


@pytest.mark.django_db
def test_a_run_whose_package_is_gone_keeps_the_reason(acme, monkeypatch):
    simulate_candles("demo-usd-1h", candles=1_200, seed=7)
    market = Market.objects.named("demo-usd-1h")
    chosen = {"estimator": "acme_of_tests.models.Bayes", "feature_set": "classic", "actor": "user:anna"}
    run = queue_run(market=market, model=RegisteredModel.objects.of_market(market.name), **chosen)
    monkeypatch.setitem(sys.modules, "acme_of_tests.models", None)
    with pytest.raises(Refused, match="install its package beside CryptoML"):
        learn(run, progress=lambda *_: None)
    run.refresh_from_db()
    assert (run.status, "acme_of_tests.models.Bayes" in run.error) == ("failed", True)


@pytest.fixture
def market(db):
    simulate_candles("demo-usd-1h", candles=600, seed=7, signal=0.3)
    return Market.objects.named("demo-usd-1h")


def queued(market, **chosen):
    facts = {"feature_set": "classic", "estimator": "logistic", "actor": "user:anna", "folds": 2, **chosen}
    return queue_run(market=market, model=RegisteredModel.objects.of_market(market.name), **facts)


def refused_with(run):
    """What `train` says, and that the run keeps the same with the place in the user's code."""
    with pytest.raises(PluginFailed) as refusal:
        learn(run, progress=lambda *_: None)
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", f"PluginFailed: {refusal.value}")
    assert "Traceback" in run.log
    return str(refusal.value)


@pytest.mark.parametrize(("kind", "said"), BEFORE_THE_END)
def test_what_goes_wrong_in_an_estimator_of_ones_own_names_it_and_the_method(acme, market, kind, said):
    path = f"acme_of_tests.models.{kind}"
    assert re.match(f"{path}.{said}", refused_with(queued(market, estimator=path)))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("RAISING", "failed: ZeroDivisionError: division by zero"),
        ("SHORT", r"failed: ValueError: it gave an array \(599,\) for 600 candles: give one number for each"),
        ("FLAT", r"failed: ValueError: it gave an array \(\) for 600 candles"),
        ("WIDE", r"failed: ValueError: it gave an array \(600, 1\) for 600 candles"),
    ],
)
def test_what_goes_wrong_in_a_feature_of_ones_own_names_it_and_its_set(acme, market, name, said):
    path = f"acme_of_tests.features.{name}"
    assert re.match(f"feature odd of {path} {said}", refused_with(queued(market, feature_set=path)))


def test_what_an_estimator_of_ones_own_may_get_at_the_next_attempt_is_tried_again(acme, market):
    run = queued(market, estimator="acme_of_tests.models.Diskless")
    run.claim()
    attempt(run)
    assert (run.status, run.error.partition(": ")[2]) == (
        "queued",
        "acme_of_tests.models.Diskless.fit failed: OSError: no space left",
    )


def test_a_trainer_keeps_where_code_of_ones_own_failed(acme, market):
    run = queued(market, estimator="acme_of_tests.models.Unfit")
    run.claim()
    attempt(run)
    assert (run.status, run.error) == (
        "failed",
        "PluginFailed: acme_of_tests.models.Unfit.fit failed: ValueError: boom",
    )
    assert 'raise ValueError("boom")' in run.log


def test_answers_that_are_no_probabilities_are_refused_by_the_walk_itself():
    class Unsure(Spy):
        def probability_up(self, model, X):
            return np.full(len(X), np.nan)

    data = numbered(1_000)
    with pytest.raises(PluginFailed, match="spy answered 250 of 250 rows with what is no probability") as refusal:
        walk_forward(data, Learner(Unsure(), {}, Options(), seed=7), cut(1_000, folds=3, horizon=1))
    assert refusal.value.code == "no_probabilities"


def test_a_web_process_that_has_a_feature_set_of_ones_own_loads_nothing_that_fits(acme):
    stack = {"pandas", "sklearn", "xgboost", "skl2onnx", "joblib", "scipy"}
    program = f"""
        import sys, django
        sys.path.insert(0, {str(acme.parent)!r})
        django.setup()
        from training.features.feature_set import feature_set
        feature_set("acme_of_tests.features.MINE")
        print(*{stack} & set(sys.modules))
    """
    told = subprocess.run(
        [sys.executable, "-c", dedent(program)], cwd=site.BASE_DIR, capture_output=True, text=True, check=True
    )
    assert re.sub(r"\s", "", told.stdout) == ""
