"""Which versions exist, which one answers, and moving them, over HTTP."""

from registry.views.moving import (
    Archive,
    LiftQuarantine,
    Promote,
    Restore,
    Resume,
    Rollback,
    Stage,
    Suspend,
)
from registry.views.reading import CompareVersions, ListDeployments, ListModels, ShowModel, ShowRegistry

__all__ = [
    "Archive",
    "CompareVersions",
    "LiftQuarantine",
    "ListDeployments",
    "ListModels",
    "Promote",
    "Restore",
    "Resume",
    "Rollback",
    "ShowModel",
    "ShowRegistry",
    "Stage",
    "Suspend",
]
