"""Has it seen the present market at all?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptoml_site.clock import now
from registry.gates.options import number
from registry.gates.verdicts import Verdict

if TYPE_CHECKING:
    from registry.models import ModelVersion


class MaximumAgeOfData:
    """The newest candle that it was trained on opened at most `days` ago."""

    def __init__(self, *, days: float = 365) -> None:
        self.days = number("days", days, low=0, high=36_500)

    def judge(self, version: ModelVersion) -> Verdict:
        if version.data_end is None:
            return Verdict(
                "MaximumAgeOfData",
                "not_enough_evidence",
                "nobody here knows which candles it was fitted on",
                {"age_days": None, "days": self.days},
            )
        age = (now() - version.data_end) / timedelta(days=1)
        fresh = age <= self.days
        return Verdict(
            "MaximumAgeOfData",
            "pass" if fresh else "fail",
            f"its newest candle opened on {version.data_end:%Y-%m-%d}, {age:,.1f} days ago, {self.days:,g} are allowed"
            f"{'' if fresh else ': fetch newer candles and train again'}",
            {"age_days": round(age, 3), "days": self.days},
        )
