"""The prediction log's one way in. A row is durable when `write` returns."""

from predictions.models import Prediction


def write(prediction: Prediction) -> None:
    """Insert one row and commit it. Raises OperationalError when Postgres does not take it: then nothing was said."""
    prediction.save(force_insert=True)
