"""What the market did, and what was learnt from it."""

from training.models.fetch_state import FetchState
from training.models.market import Candle, CandleRevision, Interval, Market, moment
from training.models.outcome import Outcome
from training.models.retraining import RetrainingPolicy
from training.models.run import RunLost, TrainingRun
from training.models.trial import Trial

__all__ = [
    "Candle",
    "CandleRevision",
    "FetchState",
    "Interval",
    "Market",
    "Outcome",
    "RetrainingPolicy",
    "RunLost",
    "TrainingRun",
    "Trial",
    "moment",
]
