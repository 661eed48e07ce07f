"""What is not worth a line in the log."""

import logging


class ErrorsOfOurs(logging.Filter):
    """A refusal is no news, and a 503 is one; what fails otherwise is."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", 500) != 503
