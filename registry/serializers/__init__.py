"""The registry as clients see it."""

from registry.serializers.moves import DeploymentSerializer
from registry.serializers.rows import ModelSerializer, ModelSummarySerializer, RegistrySerializer

__all__ = ["DeploymentSerializer", "ModelSerializer", "ModelSummarySerializer", "RegistrySerializer"]
