"""Versions side by side: what was measured, what they ask for, how they were fitted."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from registry.comparison import feature_changes
from registry.figures import FIGURES, Figure
from registry.models import ModelVersion


@dataclass(frozen=True)
class Cell:
    said: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    name: str
    cells: Sequence[Cell]
    baseline: str = ""
    wanted: str = ""
    differs: bool = False


@dataclass(frozen=True)
class Comparison:
    """One version alone, or two; baselines are those of the first."""

    versions: Sequence[ModelVersion]

    @property
    def first(self) -> ModelVersion | None:
        return self.versions[0] if self.versions else None

    @property
    def measured(self) -> list[Row]:
        """Figures that at least one of them has."""
        reports = [version.metrics for version in self.versions]
        known = [figure for figure in FIGURES if any(figure.value(report) is not None for report in reports)]
        return [self._figure_row(figure, reports) for figure in known]

    def _figure_row(self, figure: Figure, reports: list[dict[str, Any]]) -> Row:
        values = [figure.value(report) for report in reports]
        best = _best(values, figure.better)
        told = [figure.said(report) for report in reports]
        apart = len(set(told)) > 1  # what reads the same is not called better
        cells = [
            Cell(words, best=apart and value is not None and value == best)
            for words, value in zip(told, values, strict=True)
        ]
        beaten = figure.baseline(reports[0]) if values[0] is not None else ""
        return Row(figure.name, cells, baseline=beaten, wanted=figure.wanted)

    @cached_property
    def features(self) -> dict[str, Any] | None:
        """What the first asks for and the second does not, and the other way round; None for one alone."""
        return feature_changes(self.versions[1], self.versions[0]) if len(self.versions) == 2 else None

    @property
    def facts(self) -> list[Row]:
        return [_fact_row(name, [say(version) for version in self.versions]) for name, say in FACTS.items()]

    @property
    def parameters(self) -> list[Row]:
        names = sorted({name for version in self.versions for name in version.params})
        return [_fact_row(name, [_shown(version.params.get(name)) for version in self.versions]) for name in names]


FACTS: dict[str, Callable[[ModelVersion], str]] = {
    "Stage": lambda version: version.stage,
    "Estimator": lambda version: version.estimator,
    "Feature set": lambda version: f"{version.feature_set}, {len(version.signature)} features",
    "Data from": lambda version: _moment(version.data_start),
    "Data to": lambda version: _moment(version.data_end),
    "Data sha256": lambda version: version.data_sha256[:16] or "unknown",
    "Code revision": lambda version: version.code_revision or "unknown",
    "Bundle sha256": lambda version: version.bundle[:16],
    "Made": lambda version: f"{_moment(version.created_at)} by {version.created_by}",
    "Market": lambda version: "simulated" if version.simulated else "real",
    "Claimed by its maker": lambda version: _shown(version.claimed) if version.claimed else "nothing",
    "Tags": lambda version: ", ".join(version.tags) or "none",
}


def _fact_row(name: str, said: list[str]) -> Row:
    return Row(name, [Cell(words) for words in said], differs=len(set(said)) > 1)


def _best(values: Sequence[float | None], better: str) -> float | None:
    """None where nothing is to be told apart."""
    held = [value for value in values if value is not None]
    if len(set(held)) < 2 or better == "neither":
        return None
    return max(held) if better == "higher" else min(held)


def _moment(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "unknown"


def _shown(value: Any) -> str:
    return "not given" if value is None else json.dumps(value)
