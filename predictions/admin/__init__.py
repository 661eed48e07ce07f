"""Answers and keys as people see them; its modules register their rows when this package is imported."""

from predictions.admin import api_key, forecast, prediction, web_process

__all__ = ["api_key", "forecast", "prediction", "web_process"]
