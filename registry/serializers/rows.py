"""Models, versions and what is in production, as clients see them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry.models import AnswerPolicy, Deployment, ModelVersion, RegisteredModel


class FeatureSerializer(serializers.Serializer[dict[str, str]]):
    name = serializers.CharField()
    dtype = serializers.CharField()
    unit = serializers.CharField()
    description = serializers.CharField()


class VersionSerializer(serializers.ModelSerializer[ModelVersion]):
    metrics = serializers.SerializerMethodField()

    class Meta:
        model = ModelVersion
        fields = (
            "number",
            "stage",
            "estimator",
            "feature_set",
            "created_at",
            "created_by",
            "data_start",
            "data_end",
            "data_sha256",
            "bundle",
            "purged_at",
            "simulated",
            "metrics",
        )

    @extend_schema_field(serializers.DictField())
    def get_metrics(self, version: ModelVersion) -> dict[str, Any]:
        return {**version.metrics.get("metrics", {}), "baseline": version.metrics.get("baseline", {})}


class ModelSummarySerializer(serializers.ModelSerializer[RegisteredModel]):
    default = serializers.BooleanField(source="is_default")
    production = serializers.SerializerMethodField()
    versions = serializers.SerializerMethodField()

    class Meta:
        model = RegisteredModel
        fields: tuple[str, ...] = ("name", "market", "horizon", "default", "production", "versions")

    def get_production(self, model: RegisteredModel) -> int | None:
        production = (version for version in model.versions.all() if version.stage == ModelVersion.Stage.PRODUCTION)
        return next((version.number for version in production), None)

    @extend_schema_field(VersionSerializer(many=True))
    def get_versions(self, model: RegisteredModel) -> list[dict[str, Any]]:
        return VersionSerializer(model.versions.all(), many=True).data  # type: ignore[return-value]


class AnswerPolicySerializer(serializers.ModelSerializer[AnswerPolicy]):
    class Meta:
        model = AnswerPolicy
        fields = ("max_age_days", "when_expired", "novelty_limit", "when_novel")


class ModelSerializer(ModelSummarySerializer):
    """One model with what it asks for: production's signature, or the newest version's before the first promotion."""

    signature = serializers.SerializerMethodField()
    policy = serializers.SerializerMethodField()

    class Meta(ModelSummarySerializer.Meta):
        fields = ("name", "market", "horizon", "default", "signature", "policy", "production", "versions")

    @extend_schema_field(FeatureSerializer(many=True))
    def get_signature(self, model: RegisteredModel) -> list[dict[str, str]]:
        versions = list(model.versions.all())
        in_production = [version for version in versions if version.stage == ModelVersion.Stage.PRODUCTION]
        asked: list[list[dict[str, str]]] = [version.signature for version in in_production or versions]
        return asked[0] if asked else []

    @extend_schema_field(AnswerPolicySerializer)
    def get_policy(self, model: RegisteredModel) -> dict[str, Any]:
        """The default one where the model has none of its own."""
        return AnswerPolicySerializer(getattr(model, "answer_policy", AnswerPolicy())).data


class InForceSerializer(serializers.ModelSerializer[Deployment]):
    """What answers for a model, and who decided that."""

    name = serializers.CharField(source="model.name")
    production = serializers.IntegerField(source="to_version.number")
    since = serializers.DateTimeField(source="created_at")
    suspended = serializers.SerializerMethodField()

    class Meta:
        model = Deployment
        fields = ("name", "production", "since", "actor", "reason", "kind", "generation", "suspended")

    def get_suspended(self, deployment: Deployment) -> bool:
        return deployment.model_id in self.context["suspended"]


class RegistrySerializer(serializers.Serializer[dict[str, Any]]):
    generation = serializers.IntegerField()
    at = serializers.DateTimeField()
    models = InForceSerializer(many=True)


class FeatureChangesSerializer(serializers.Serializer[dict[str, Any]]):
    same_signature = serializers.BooleanField()
    added = serializers.ListField(child=serializers.CharField())
    dropped = serializers.ListField(child=serializers.CharField())


class ComparisonSerializer(serializers.Serializer[dict[str, Any]]):
    model = serializers.CharField()
    figures = serializers.DictField(child=serializers.DictField(), help_text="By figure, then by version number.")
    features = FeatureChangesSerializer()
