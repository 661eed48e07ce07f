"""The feature table for people's own tools."""

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command

from cryptoml_site.errors import Invalid, Refused
from training.datasets import build_dataset
from training.features.feature_set import feature_set
from training.market_data.simulate import simulate_candles
from training.models import Market

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(db):
    simulate_candles("demo-usd-1h", candles=300, seed=7)
    series = Market.objects.named("demo-usd-1h").candles.series(interval=3600)
    return build_dataset(series, feature_set("technical"), horizon=1)


@pytest.mark.parametrize(("name", "read"), [("table.csv", pd.read_csv), ("table.parquet", pd.read_parquet)])
def test_the_table_holds_what_training_sees_to_the_bit(dataset, tmp_path, name, read):
    call_command("export_features", "demo-usd-1h", feature_set="technical", out=tmp_path / name)
    frame = read(tmp_path / name)
    np.testing.assert_array_equal(frame[dataset.feature_names].to_numpy(np.float32), dataset.X)
    np.testing.assert_array_equal(frame["went_up"], dataset.y)
    assert pd.to_datetime(frame["as_of"]).iloc[0].timestamp() == dataset.as_of[0]


@pytest.mark.parametrize("name", ["table.xlsx", "table", "none/table.csv"])
def test_a_file_that_cannot_be_written_is_refused(dataset, tmp_path, name):
    with pytest.raises(Invalid) as refused:
        call_command("export_features", "demo-usd-1h", out=tmp_path / name)
    assert refused.value.field == "out"


@pytest.mark.parametrize("name", ["folder.csv", "folder.parquet", f"{'long' * 100}.csv", f"{'long' * 100}/x.csv"])
def test_a_place_that_the_system_refuses_is_refused(dataset, tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(Invalid, match=r"cannot be written: .*(directory|too long)") as refused:
        call_command("export_features", "demo-usd-1h", out=tmp_path / name)
    assert refused.value.field == "out"


@pytest.mark.parametrize("horizon", [300, 10**20])
def test_a_horizon_that_leaves_no_row_is_refused(dataset, tmp_path, horizon):
    with pytest.raises(Refused, match="0 rows are left of 300 candles") as refused:
        call_command("export_features", "demo-usd-1h", horizon=horizon, out=tmp_path / "table.csv")
    assert refused.value.code == "too_few_rows"
    assert not (tmp_path / "table.csv").exists()
