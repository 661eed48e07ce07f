"""What is asked of who moves a version, and the ledger's row that comes of it."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from registry.models import Deployment

LARGEST = 2**31 - 1  # a version's number in Postgres
FROM = "from"  # no name for an attribute in Python


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that there are not: a misspelt `override` must not be a silent no."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            strangers = [str(name) for name in data if name not in self.fields]
            if strangers:
                known = ", ".join(self.fields)
                raise serializers.ValidationError({name: [f"there is no such field: {known}"] for name in strangers})
        return super().to_internal_value(data)


class ReasonSerializer(StrictSerializer):
    reason = serializers.CharField(max_length=1_000, help_text="The ledger keeps it for good.")


class VersionMoveSerializer(ReasonSerializer):
    version = serializers.IntegerField(min_value=1, max_value=LARGEST, help_text="Its number.")


class LeavingSerializer(ReasonSerializer):
    """`from`: what the caller believes in production."""

    override = serializers.BooleanField(default=False, help_text="Needs the scope registry:override.")

    def get_fields(self) -> dict[str, Any]:
        leaving = serializers.IntegerField(
            source="leaving",
            required=False,
            allow_null=True,
            min_value=0,
            max_value=LARGEST,
            help_text="Number of the version that you believe in production, 0 for none: 409 where it is another.",
        )
        return {**super().get_fields(), FROM: leaving}


class PromotionSerializer(LeavingSerializer, VersionMoveSerializer):
    pass


class RollbackSerializer(LeavingSerializer):
    to = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=LARGEST,
        help_text="An earlier production version; what the newest move replaced where absent.",
    )


class DeploymentSerializer(serializers.ModelSerializer[Deployment]):
    """A row of the ledger."""

    model = serializers.CharField(source="model.name")
    to = serializers.IntegerField(source="to_version.number")
    at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = Deployment
        fields = ("generation", "model", "kind", "to", "actor", "reason", "request_id", "at", "evidence", "undoes")

    def get_fields(self) -> dict[str, Any]:
        before = serializers.IntegerField(source="from_version.number", default=None, allow_null=True)
        return {**super().get_fields(), FROM: before}
