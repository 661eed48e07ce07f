"""What every estimator and feature set made of real candles: accuracy, its interval, and what it has to beat."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptoml_site.errors import Unknown
from registry.models import ModelVersion
from studies.learnt import learnt
from training.features.feature_set import FEATURE_SETS
from training.fitting.estimators import ESTIMATORS
from training.market_data.load import load_candles
from training.models import Market

FILES = {
    f"{coin}-usd-{interval}": f"{coin}_{said}.csv"
    for interval, said in (("1d", "daily"), ("1h", "hourly"))
    for coin in ("bitcoin", "ethereum", "solana")
}
SUSPICIOUS = 0.57  # of the next candle; what lies above is looked at for a leak before it is believed
HEADER = (
    "| features | estimator | accuracy | best naive rule | edge | logistic on returns | Brier / constant "
    "| bp a candle / hold |\n|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Studied:
    """The versions of one market; `report` keys are those of `training.evaluation.report.judge`."""

    market: str
    versions: tuple[ModelVersion, ...]

    def markdown(self) -> str:
        folds = self.versions[0].metrics["folds"]
        first, last = folds[0]["test"]["start"], folds[-1]["test"]["end"]
        said = f"Forecasts from {first} to {last}: {self.versions[0].metrics['rows']:,} on the first line's features."
        return "\n".join([f"## {self.market}", "", said, "", HEADER, *(row(each) for each in self.versions)])


def study(folder: Path) -> Iterator[Studied]:
    """Each market whose file is there, one after another. Raises Unknown for a folder that has none of them."""
    there = {name: folder / file for name, file in FILES.items() if (folder / file).is_file()}
    if not there:
        wanted = ", ".join(FILES.values())
        raise Unknown(f"{folder} has none of {wanted}: name the folder that does", code="no_candles", field="folder")
    for name, file in there.items():
        yield Studied(name, tuple(_versions(_market(name, file))))


def _market(name: str, file: Path) -> Market:
    load_candles(name, file)
    return Market.objects.named(name)


def _versions(market: Market) -> Iterator[ModelVersion]:
    for feature_set in FEATURE_SETS:
        for estimator in ESTIMATORS:
            yield learnt(market, estimator=estimator, feature_set=feature_set)


def row(version: ModelVersion) -> str:
    report = version.metrics
    metrics, trading = report["metrics"], report["trading"]
    marked = " (!)" if metrics["accuracy"]["value"] > SUSPICIOUS else ""
    cells = (
        version.feature_set,
        version.estimator,
        f"{_interval(metrics['accuracy'])}{marked}",
        f"{report['baseline']['accuracy']:.3f} {report['baseline']['name']}",
        _interval(report["edge"], signed=True),
        f"{report['logistic']['accuracy']['value']:.3f}",
        f"{metrics['brier']:.4f} / {report['constant']['brier']:.4f}",
        f"{trading['net_bp']:.1f} / {trading['hold_bp']:.1f}",
    )
    return f"| {' | '.join(cells)} |"


def _interval(figure: dict[str, Any], *, signed: bool = False) -> str:
    said = "{:+.3f}" if signed else "{:.3f}"
    value, low, high = (said.format(figure[key]) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def suspects(studied: Iterable[Studied]) -> list[ModelVersion]:
    """Versions too good to be believed unseen."""
    return [
        version
        for each in studied
        for version in each.versions
        if version.metrics["metrics"]["accuracy"]["value"] > SUSPICIOUS
    ]
