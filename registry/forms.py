"""What is asked before something moves."""

from typing import Any

from django import forms

from registry.models import ModelVersion, RegisteredModel


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}), help_text="The ledger keeps it for good."
    )


class PromotionForm(ReasonForm):
    override = forms.BooleanField(
        required=False,
        label="Promote although a gate does not pass",
        help_text="Passes gates, never stages; the ledger keeps that they were overridden.",
    )

    def __init__(self, *args: Any, may_override: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_override:
            self.fields["override"].disabled = True
            self.fields["override"].help_text = "Needs the permission 'may override gates', which you do not have."


class RollbackForm(ReasonForm):
    to = forms.ChoiceField(required=False, label="Back to")
    field_order = ("to", "reason")

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [("", "what the newest move replaced"), *earlier_versions(model)]  # type: ignore[attr-defined]

    def clean_to(self) -> int | None:
        return int(self.cleaned_data["to"]) if self.cleaned_data["to"] else None


def earlier_versions(model: RegisteredModel) -> list[tuple[str, str]]:
    """Those that once answered, newest first."""
    answered = model.versions.filter(deployments__in=model.deployments.moves()).exclude(
        stage=ModelVersion.Stage.PRODUCTION
    )
    return [(str(version.number), f"version {version.number}") for version in answered.distinct()]
