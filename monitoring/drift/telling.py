"""A line in the log for each incident that opened or closed; with LOG_FILES in drift_events.jsonl too."""

import logging

from monitoring.models import DriftEvent
from registry.told import tell

drift = logging.getLogger("cryptoml.drift")


def tell_of(events: list[DriftEvent]) -> None:
    for event in events:
        tell(
            drift,
            "drift",
            logging.WARNING if event.closed_at is None else logging.INFO,
            incident=event.pk,
            model=event.model.name,
            version=event.version.number,
            channel=event.channel,
            state=event.state,
            message=event.sentence,
            opened_at=event.opened_at,
            closed_at=event.closed_at,
        )
