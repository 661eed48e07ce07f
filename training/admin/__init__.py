"""Market data and training as people see them; its modules register their rows when this package is imported."""

from training.admin import candles, market, outcome, retraining, run, schedules, trial

__all__ = ["candles", "market", "outcome", "retraining", "run", "schedules", "trial"]
