"""Market data and training as people see them; its modules register their rows when this package is imported."""

from training.admin import candles, market, outcome, run, schedules

__all__ = ["candles", "market", "outcome", "run", "schedules"]
