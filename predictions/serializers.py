"""Answers as clients see them. Bodies in are read by `Asked` and `vector_of`; the serializers here document them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from predictions.models import NOVEL_INPUT, Prediction
from predictions.outcomes import Given

NOVELTY = (
    "How unlike the rows that the version learnt from: 1 in 100 of those is above 1; 1000 stands for all beyond. "
    "Null where the version cannot tell."
)
ABSTAINED = f"Why there is no answer: `{NOVEL_INPUT}`. Null where there is one."


class AnswerSerializer(serializers.ModelSerializer[Prediction]):
    """The reply of POST /predict."""

    model = serializers.CharField(source="model.name")
    version = serializers.IntegerField(source="version.number")
    prediction = serializers.ChoiceField(
        source="direction", choices=Prediction.Direction.choices, allow_null=True, help_text="Null: see `abstained`."
    )
    probability_up = serializers.FloatField(source="told_probability_up", allow_null=True)
    confidence = serializers.FloatField(allow_null=True, help_text="Probability of the direction that is answered.")
    novelty = serializers.FloatField(allow_null=True, help_text=NOVELTY)
    abstained = serializers.CharField(allow_null=True, help_text=ABSTAINED)

    class Meta:
        model = Prediction
        fields: tuple[str, ...] = (
            "id",
            "model",
            "version",
            "generation",
            "prediction",
            "probability_up",
            "confidence",
            "novelty",
            "abstained",
            "as_of",
            "horizon",
            "made_at",
            "target_at",
            "simulated",
            "reference",
            "warnings",
        )


class PredictionSerializer(AnswerSerializer):
    """An answer found again in the log, with what it was given and by what right it answered."""

    key = serializers.CharField(source="key.prefix", default=None)
    deployment = serializers.IntegerField(source="deployment_id", allow_null=True)
    features = serializers.SerializerMethodField()

    class Meta(AnswerSerializer.Meta):
        fields = (
            *AnswerSerializer.Meta.fields,
            "market",
            "role",
            "actor",
            "key",
            "deployment",
            "features",
            "candles_sha256",
        )

    def get_features(self, prediction: Prediction) -> dict[str, float]:
        return dict(zip(prediction.version.feature_names, prediction.vector, strict=True))


class GivenOutcomeSerializer(serializers.Serializer[dict[str, Any]]):
    """A body of POST /predictions/{id}/outcome: one of the two."""

    log_return = serializers.FloatField(
        required=False, help_text="ln(price at the end of the horizon / price at its start); up is above 0."
    )
    direction = serializers.ChoiceField(
        choices=Prediction.Direction.choices, required=False, help_text="Where the return is not known."
    )


class ClientOutcomeSerializer(serializers.Serializer[Given]):
    """What the client said of its answer's outcome."""

    log_return = serializers.FloatField(source="outcome.log_return", allow_null=True)
    direction = serializers.ChoiceField(
        source="outcome.direction", choices=Prediction.Direction.choices, allow_null=True
    )
    right = serializers.BooleanField(allow_null=True, help_text="Whether it went the way that was answered.")
    given_by = serializers.CharField(source="outcome.given_by")
    given_at = serializers.DateTimeField(source="outcome.given_at")


class ShownPredictionSerializer(PredictionSerializer):
    """The reply of GET /predictions/{id}."""

    client_outcome = serializers.SerializerMethodField(
        help_text="Given by POST /predictions/{id}/outcome; shown to its client and to staff."
    )

    class Meta(PredictionSerializer.Meta):
        fields = (*PredictionSerializer.Meta.fields, "client_outcome")

    @extend_schema_field(ClientOutcomeSerializer(allow_null=True))
    def get_client_outcome(self, prediction: Prediction) -> dict[str, Any] | None:
        given = Given.of(prediction) if self.context["view"].shows_given(prediction) else None
        return ClientOutcomeSerializer(given).data if given else None


class PredictSerializer(serializers.Serializer[dict[str, Any]]):
    """A body of POST /predict: a market, or features for a model, or the default model's features flat."""

    market = serializers.CharField(required=False, help_text="Answer from this market's newest stored candles.")
    as_of = serializers.DateTimeField(
        required=False, help_text="With market: those of a past moment, a candle's open time."
    )
    model = serializers.CharField(
        required=False, help_text="Which model; the market's, or the default one, where absent."
    )
    features = serializers.DictField(child=serializers.FloatField(), required=False, help_text="As the signature asks.")
    reference = serializers.CharField(
        required=False, max_length=64, help_text="Your own text for this answer; GET /predictions?reference= finds it."
    )
    version = serializers.IntegerField(required=False, help_text="Try a staged version: role trial, never evidence.")


class BatchSerializer(serializers.Serializer[dict[str, Any]]):
    """A body of POST /predict/batch: rows that are objects of names and numbers, or arrays of numbers."""

    model = serializers.CharField(required=False, help_text="Which model; the default one where absent.")
    version = serializers.IntegerField(required=False, help_text="Try a staged version: role trial, never evidence.")
    rows = serializers.ListField(help_text="1 to 10,000; objects alone, or arrays alone.")
    names = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="The arrays' order; the signature's where absent."
    )
    reference = serializers.CharField(required=False, max_length=64, help_text="Your own text for all of its answers.")


class OneOfManySerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.UUIDField()
    prediction = serializers.ChoiceField(
        choices=Prediction.Direction.choices, allow_null=True, help_text="Null: see `abstained`."
    )
    probability_up = serializers.FloatField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    novelty = serializers.FloatField(allow_null=True, help_text=NOVELTY)
    abstained = serializers.CharField(allow_null=True, help_text=ABSTAINED)
    warnings = serializers.ListField(child=serializers.CharField(), help_text="Of this answer, beside those of all.")


class BatchAnswerSerializer(serializers.Serializer[dict[str, Any]]):
    """The reply of POST /predict/batch: what all answers share, and each one in the order of its row."""

    model = serializers.CharField()
    version = serializers.IntegerField()
    generation = serializers.IntegerField()
    as_of = serializers.DateTimeField(allow_null=True)
    horizon = serializers.IntegerField()
    made_at = serializers.DateTimeField()
    target_at = serializers.DateTimeField(allow_null=True)
    simulated = serializers.BooleanField()
    reference = serializers.CharField()
    warnings = serializers.ListField(child=serializers.CharField())
    predictions = OneOfManySerializer(many=True)


class ReloadSerializer(serializers.Serializer[dict[str, int]]):
    before = serializers.IntegerField(help_text="Generation that this worker served.")
    after = serializers.IntegerField(help_text="Generation that it serves now.")
