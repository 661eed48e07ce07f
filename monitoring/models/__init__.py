"""What is counted of the answers and of the site, and what was found when they were looked at."""

from monitoring.models.counts import AnswerCount, ResponseCount, Span, Watermark
from monitoring.models.drift_checks import DriftCheck
from monitoring.models.drift_events import DriftEvent

__all__ = ["AnswerCount", "DriftCheck", "DriftEvent", "ResponseCount", "Span", "Watermark"]
