"""What docs/extending.md, gates.md and estimators.md tell somebody to write does what they say, as it stands there."""

import json
import re
import sys
from datetime import timedelta
from importlib import import_module

import numpy as np
import pytest

from cryptoml_site.clock import now
from registry.checks import check_promotion_gates
from registry.gates.judging import judge
from registry.models import RegisteredModel
from tests.docs.pages import PAGES, python_blocks
from tests.factories import make_version
from training.features.feature_set import _of_a_user, feature_set
from training.learning import learn, queue_run
from training.market_data.add import add_market
from training.market_data.fetch import fetch_candles
from training.market_data.simulate import simulate_candles
from training.models import Market

pytestmark = pytest.mark.django_db
NAMED = re.compile(r"# (?P<path>acme/\w+\.py)\n")
BLOCKS = [block for page in PAGES if page.exists() for block in python_blocks(page)]
ESTIMATOR = "acme/models.py"  # the one block that bears no name, since it is read in the middle of a longer text


@pytest.fixture(autouse=True)
def acme(tmp_path, monkeypatch):
    """The folder that the text makes, with everything that it writes into it."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").touch()
    for block in BLOCKS:
        if named := NAMED.match(block):
            (tmp_path / named["path"]).write_text(block)
        elif "(Estimator):" in block:
            (tmp_path / ESTIMATOR).write_text(block)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "acme"]:
        del sys.modules[name]
    _of_a_user.cache_clear()


def hours_of_gold(count):
    newest = now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    opened = [int((newest - timedelta(hours=back)).timestamp()) for back in reversed(range(count))]
    return [[second, 2_000.0, 2_005.0, 1_995.0, 2_001.0 + second // 3600 % 3, 10.0] for second in opened]


def test_the_feature_and_the_estimator_are_learnt_with():
    simulate_candles("demo-usd-1h", candles=1_200, seed=7, signal=0.3)
    version = learn(
        queue_run(
            market=Market.objects.named("demo-usd-1h"),
            model=RegisteredModel.objects.of_market("demo-usd-1h"),
            feature_set="acme.features.WIDER",
            estimator="acme.models.Bayes",
            actor="user:anna",
            folds=2,
        ),
        progress=lambda *_: None,
    )
    assert version.feature_names[-1] == "place_in_range_10"
    assert len(version.feature_names) == len(feature_set("technical").names) + 1


def test_the_features_values_are_where_the_text_says():
    place = import_module("acme.features").PLACE
    rising = type("Candles", (), {"close": np.arange(1.0, 31.0)})
    assert place.compute(rising)[9:].tolist() == [1.0] * 21
    level = type("Candles", (), {"close": np.full(30, 5.0)})
    assert place.compute(level)[9:].tolist() == [0.5] * 21


def test_the_source_is_added_and_fetched_from(tmp_path):
    sources = import_module("acme.sources")
    sources.FEED = tmp_path / "gold.json"
    sources.FEED.write_text(json.dumps(hours_of_gold(48)))
    market = add_market("xau", "usd", "1h", source="acme.sources.Metals").market
    assert market.name == "gold-usd-1h"
    assert fetch_candles(market).stored.inserted == 48


def test_the_gate_is_asked_where_the_text_names_it(settings):
    settings.PROMOTION_GATES = import_module("acme.settings").PROMOTION_GATES
    assert check_promotion_gates() == []
    asked = {verdict.gate: verdict for verdict in judge(make_version(), override=True).verdicts}
    assert asked["OfficeHours"].numbers["until"] == 17


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_each_block_of_python_is_python(block):
    compile(block, "docs", "exec")
