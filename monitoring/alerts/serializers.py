"""Alerts as JSON. Channels are not told: their addresses are secrets."""

from rest_framework import serializers

from monitoring.alerts.kinds import Severity
from monitoring.models import Alert
from registry.serializers.moves import StrictSerializer


class AlertSerializer(serializers.ModelSerializer[Alert]):
    rule = serializers.CharField(source="rule.name")
    kind = serializers.CharField(source="rule.kind")
    state = serializers.CharField()

    class Meta:
        model = Alert
        fields = (
            *("id", "rule", "kind", "subject", "severity", "state", "sentence", "figures"),
            *("opened_at", "last_seen_at", "times_seen", "acknowledged_at", "acknowledged_by", "note", "closed_at"),
        )


class AlertFilterSerializer(StrictSerializer):
    state = serializers.ChoiceField(Alert.State.choices, required=False, help_text="In that state alone.")
    severity = serializers.ChoiceField(Severity.choices, required=False, help_text="As grave as that alone.")
    limit = serializers.CharField(required=False, help_text="Rows a page.")
    cursor = serializers.CharField(required=False, help_text="Of a page, as it was given.")
