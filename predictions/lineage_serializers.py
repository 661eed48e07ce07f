"""Lineage as clients see it: null is 'there is none', or 'nobody knows', and `missing` says which."""

from typing import Any

from rest_framework import serializers

from predictions.lineage import Lineage
from predictions.models import ApiKey, Prediction
from predictions.serializers import AnswerSerializer, ClientOutcomeSerializer
from registry.models import Deployment, ModelImport, ModelVersion
from registry.serializers.rows import FeatureSerializer
from training.models import Outcome, TrainingRun


class LoggedAnswerSerializer(AnswerSerializer):
    """As GET /predictions/{id} shows it; what it was given, and by what right it answered, stand beside it."""

    model = serializers.CharField(source="model.name", allow_null=True)
    version = serializers.IntegerField(source="version.number", allow_null=True)

    class Meta(AnswerSerializer.Meta):
        model = Prediction
        fields = (*AnswerSerializer.Meta.fields, "market", "role", "actor")


class LineageFeatureSetSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    sha256 = serializers.CharField(help_text="Changes whenever a vector would mean something else.")
    sha256_now = serializers.CharField(allow_null=True, help_text="Of the set of that name in the code that runs now.")
    unchanged = serializers.BooleanField()


class LineageCandlesSerializer(serializers.Serializer[Any]):
    market = serializers.CharField()
    count = serializers.IntegerField(allow_null=True, help_text="Candles of the window.")
    first_opened_at = serializers.DateTimeField(allow_null=True)
    last_opened_at = serializers.DateTimeField()
    sha256 = serializers.CharField(help_text="As answered.")
    sha256_now = serializers.CharField(allow_null=True, help_text="Of the same window, as it is stored now.")
    unchanged = serializers.BooleanField(allow_null=True)


class LineageVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    signature = FeatureSerializer(many=True)

    class Meta:
        model = ModelVersion
        fields = (
            "number",
            "estimator",
            "params",
            "bundle",
            "signature",
            "created_by",
            "created_at",
            "purged_at",
        )


class LineageRunSerializer(serializers.ModelSerializer[TrainingRun]):
    class Meta:
        model = TrainingRun
        fields = ("id", "status", "params", "folds", "seed", "attempts", "actor", "started_at", "finished_at")


class LineageImportSerializer(serializers.ModelSerializer[ModelImport]):
    class Meta:
        model = ModelImport
        fields = ("id", "kind", "sha256", "actor", "finished_at")


class LineageDataSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField(allow_null=True, help_text="Open time of the first candle trained on.")
    end = serializers.DateTimeField(allow_null=True, help_text="Open time of the last candle trained on.")
    sha256 = serializers.CharField(allow_null=True)
    simulated = serializers.BooleanField()


class LineageDeploymentSerializer(serializers.ModelSerializer[Deployment]):
    class Meta:
        model = Deployment
        fields = ("generation", "kind", "actor", "reason", "created_at")


class LineageKeySerializer(serializers.ModelSerializer[ApiKey]):
    class Meta:
        model = ApiKey
        fields = ("prefix", "name")


class LineageOutcomeSerializer(serializers.ModelSerializer[Outcome]):
    void_reason = serializers.SerializerMethodField()

    class Meta:
        model = Outcome
        fields = (
            "status",
            "revision",
            "matures_at",
            "settled_at",
            "close_at_start",
            "close_at_end",
            "log_return",
            "void_reason",
        )

    def get_void_reason(self, outcome: Outcome) -> str | None:
        return outcome.void_reason or None


class LineageSerializer(serializers.Serializer[Lineage]):
    """The reply of GET /predictions/{id}/lineage."""

    prediction = LoggedAnswerSerializer()
    features = serializers.DictField(
        child=serializers.FloatField(), allow_null=True, help_text="What the model saw, by name."
    )
    vector = serializers.ListField(child=serializers.FloatField(), help_text="The same, in the model's order.")
    feature_set = LineageFeatureSetSerializer(allow_null=True)
    candles = LineageCandlesSerializer(allow_null=True, help_text="Null where the client sent the features.")
    version = LineageVersionSerializer(allow_null=True)
    training_run = LineageRunSerializer(allow_null=True, help_text="Null for an imported version.")
    model_import = LineageImportSerializer(allow_null=True, help_text="Null for a version that was trained here.")
    data = LineageDataSerializer(allow_null=True)  # type: ignore[assignment]  # DRF takes fields out of the class
    code_revision = serializers.CharField(allow_null=True)
    environment = serializers.DictField(allow_null=True)
    deployment = LineageDeploymentSerializer(allow_null=True, help_text="By which it answered; null for a trial.")
    key = LineageKeySerializer(allow_null=True)
    outcome = LineageOutcomeSerializer(allow_null=True, help_text="What the market did.")
    right = serializers.BooleanField(allow_null=True, help_text="Whether it went the way that was answered.")
    client_outcome = ClientOutcomeSerializer(
        allow_null=True, help_text="Given by POST /predictions/{id}/outcome; shown to its client and to staff."
    )
    missing = serializers.ListField(child=serializers.CharField(), help_text="What is gone, or unknown, and why.")
