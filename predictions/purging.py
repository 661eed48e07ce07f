"""What the log says against deleting a version's files."""

from django.db.models import Min

from predictions.models import Prediction
from registry.models import ModelVersion
from training.models import Outcome


def unsettled(version: ModelVersion) -> str | None:
    """Why the version is still needed: an answer of it whose outcome nobody knows yet."""
    pending = Outcome.objects.filter(
        market__name=version.model.market, horizon=version.model.horizon, status=Outcome.Status.PENDING
    )
    oldest = pending.aggregate(oldest=Min("as_of"))["oldest"]
    if oldest is None:
        return None
    answers = Prediction.objects.since(oldest).filter(model=version.model_id, version=version)
    waiting = answers.filter(market=version.model.market, as_of__in=pending.values("as_of")).first()
    return f"the outcome of its answer {waiting.id} is not settled yet" if waiting else None
