"""What is asked before something moves."""

from typing import Any
from uuid import uuid4

from django import forms

from registry.models import RegisteredModel

STALE = "This page does not say what answered when it was drawn: look at it again, then decide."


class ReasonForm(forms.Form):
    """`request_id` is drawn with the page, and kept by the ledger: sent twice, the form does its work once."""

    reason = forms.CharField(
        max_length=1_000, widget=forms.Textarea(attrs={"rows": 3}), help_text="The ledger keeps it for good."
    )
    request_id = forms.CharField(
        max_length=64, required=False, widget=forms.HiddenInput, initial=lambda: f"page:{uuid4().hex}"
    )


class MoveForm(ReasonForm):
    """`leaving` is the number of the version in production when the page was drawn, 0 for none."""

    override = forms.BooleanField(required=False, label="Although a gate does not pass")
    leaving = forms.IntegerField(min_value=0, widget=forms.HiddenInput, error_messages={"required": STALE})

    def __init__(self, *args: Any, may_override: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_override:
            self.fields["override"].disabled = True
            self.fields["override"].help_text = "Needs the permission 'may override gates', which you do not have."


class PromotionForm(MoveForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["override"].help_text = (
            self.fields["override"].help_text
            or "Passes gates, never stages or quarantine; the ledger keeps that they were overridden."
        )


class RollbackForm(MoveForm):
    to = forms.ChoiceField(required=False, label="Back to")
    field_order = ("to", "reason")

    def __init__(self, *args: Any, model: RegisteredModel, replaced: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        back = f"version {replaced}, which the newest move replaced" if replaced else "what the newest move replaced"
        others = [choice for choice in earlier_versions(model) if choice[0] != str(replaced)]
        self.fields["to"].choices = [("", back), *others]  # type: ignore[attr-defined]
        self.fields["override"].label = "Although it asks for other features"
        self.fields["override"].help_text = (
            self.fields["override"].help_text or "Clients who send features must then change what they send."
        )

    def clean_to(self) -> int | None:
        return int(self.cleaned_data["to"]) if self.cleaned_data["to"] else None


def earlier_versions(model: RegisteredModel) -> list[tuple[str, str]]:
    """Those that once answered and do not now, newest first."""
    answered = model.versions.answered().exclude(pk__in=model.versions.in_production())
    return [(str(version.number), f"version {version.number}") for version in answered]
