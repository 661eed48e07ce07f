"""Which versions exist, which one answers, and who changed what about them."""

from registry.models.edits import VersionEdit
from registry.models.imports import ModelImport
from registry.models.versions import ACTOR, NAME, Deployment, ModelVersion, RegisteredModel

__all__ = ["ACTOR", "NAME", "Deployment", "ModelImport", "ModelVersion", "RegisteredModel", "VersionEdit"]
