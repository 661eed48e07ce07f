"""Whose answers are asked about, and in which stretch of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from cryptoml_site.errors import Invalid
from monitoring.evidence import Evidence, answered
from monitoring.metrics.asked import version_number, window
from monitoring.performance.figure import FEWEST, JUDGED
from monitoring.performance.figures import COSTS, Figures, figures_of
from predictions.models import Prediction
from registry.models import RegisteredModel
from training.models import Market

MOST = 20_000  # closes, the newest
ROLES = tuple(role.value for role in Prediction.Role if role != Prediction.Role.TRIAL)
DEFAULT_WINDOW = "30d"


@dataclass(frozen=True)
class Chosen:
    """version: its number; None for all that answered in that role. They have one market, simulated or real."""

    model: RegisteredModel
    version: int | None = None
    role: str = Prediction.Role.PRODUCTION
    window: timedelta = timedelta(days=30)

    @classmethod
    def of(cls, model: RegisteredModel, asked: Mapping[str, str]) -> Chosen:
        """Raises Unknown for a version or market that we do not hold, Invalid for what cannot be meant."""
        _check_market(model, asked.get("market"))
        number, role = asked.get("version"), asked.get("role", Prediction.Role.PRODUCTION.value)
        if role not in ROLES:
            raise Invalid(
                f"'{role[:64]}' is no role that is judged: there are {', '.join(ROLES)}", code="bad_role", field="role"
            )
        length = window(asked.get("window", DEFAULT_WINDOW))
        return cls(model, version_number(model.name, number) if number is not None else None, role, length)


@dataclass(frozen=True)
class Performance:
    """How the chosen answers came true."""

    chosen: Chosen
    until: datetime
    evidence: Evidence
    simulated: bool

    @classmethod
    def of(cls, chosen: Chosen, *, at: datetime) -> Performance:
        """Of the closes whose candle opened since the window began."""
        numbered = {} if chosen.version is None else {"number": chosen.version}
        versions = list(chosen.model.versions.filter(**numbered).only("model"))
        found = answered(versions, since=at - chosen.window, most=MOST, role=chosen.role)
        evidence = found.get(chosen.model.pk) or Evidence.of(())
        return cls(chosen, at, evidence, Market.objects.filter(name=chosen.model.market, source="simulated").exists())

    @property
    def since(self) -> datetime:
        return self.until - self.chosen.window

    @property
    def closes(self) -> int:
        return len(self.evidence)

    @property
    def n(self) -> int:
        """Answers that called a direction."""
        return self.closes - self.abstained

    @property
    def abstained(self) -> int:
        return int(self.evidence.abstained.sum())

    @property
    def complete(self) -> bool:
        """False where older closes of the window were left out."""
        return self.closes < MOST

    @property
    def why(self) -> str | None:
        """Why nothing is told, or nothing is judged."""
        if self.n < FEWEST:
            return f"{self.n} settled outcomes: fewer than {FEWEST} say nothing"
        return f"not judged: {self.n} settled outcomes, {JUDGED} are needed" if self.n < JUDGED else None

    @cached_property
    def figures(self) -> Figures:
        return figures_of(self.evidence, horizon=self.chosen.model.horizon)

    @property
    def costs(self) -> dict[str, Any]:
        return {"cost_bp": COSTS.cost_bp, "slippage_bp": COSTS.slippage_bp}


def _check_market(model: RegisteredModel, name: str | None) -> None:
    if name is None:
        return
    if Market.objects.named(name).name != model.market:
        raise Invalid(
            f"model {model} forecasts {model.market}, not {name[:64]}", code="model_of_another_market", field="market"
        )
