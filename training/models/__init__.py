"""What the market did, and what was learnt from it."""

from training.models.market import Candle, CandleRevision, Interval, Market, moment
from training.models.outcome import Outcome
from training.models.run import RunLost, TrainingRun

__all__ = ["Candle", "CandleRevision", "Interval", "Market", "Outcome", "RunLost", "TrainingRun", "moment"]
