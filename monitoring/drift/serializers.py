"""Drift as JSON."""

from rest_framework import serializers

from monitoring.models import DriftCheck, DriftEvent
from registry.serializers.moves import StrictSerializer

STATES = ("open", "acknowledged", "closed")


class AskedSerializer(StrictSerializer):
    model = serializers.CharField(required=False, help_text="Whose; by default the default model's.")


class CheckSerializer(serializers.ModelSerializer[DriftCheck]):
    """`status` is the worst of the channels' once it is done; queued or failed before, or instead."""

    model = serializers.CharField(source="model.name")
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)
    status = serializers.SerializerMethodField(help_text="ok, warning, alert, not_calibrated, not_run, queued, failed.")
    drift_detected = serializers.BooleanField(help_text="Whether features or answers have moved; an alert of either.")

    class Meta:
        model = DriftCheck
        fields = (
            *("id", "status", "model", "version", "asked_at", "checked_at", "error", "source", "rows"),
            *("first_at", "last_at", "channels", "features", "drift_detected", "reaction"),
        )

    def get_status(self, check: DriftCheck) -> str:
        return check.status if check.state == DriftCheck.State.DONE else check.state


class EventSerializer(serializers.ModelSerializer[DriftEvent]):
    model = serializers.CharField(source="model.name")
    version = serializers.IntegerField(source="version.number")
    state = serializers.CharField()

    class Meta:
        model = DriftEvent
        fields = (
            *("id", "model", "version", "channel", "state", "sentence", "opened_at", "alarms", "calm"),
            *("acknowledged_at", "acknowledged_by", "closed_at", "closed_by", "note"),
        )


class CheckFilterSerializer(StrictSerializer):
    model = serializers.CharField(required=False, help_text="Whose; by default the default model's.")
    id = serializers.UUIDField(required=False, help_text="That check, whatever became of it.")


class EventFilterSerializer(StrictSerializer):
    model = serializers.CharField(required=False, help_text="Of that model alone.")
    state = serializers.ChoiceField(STATES, required=False, help_text="In that state alone.")
    limit = serializers.CharField(required=False, help_text="Rows a page.")
    cursor = serializers.CharField(required=False, help_text="Of a page, as it was given.")
