"""Whether what the ledger says is what answers: told by an app above, named in settings.TAKE_OVER."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from registry.models import Deployment


@dataclass(frozen=True)
class TakeOver:
    """Of `workers` living ones so many serve the move; `waiting` says of each other why not yet."""

    served: int
    workers: int
    waiting: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return self.served == self.workers > 0


def take_over(move: Deployment) -> TakeOver:
    asked: Callable[[Deployment], TakeOver] = import_string(settings.TAKE_OVER)
    return asked(move)
