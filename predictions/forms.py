"""What is asked before a key is issued."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms

from cryptoml_site.clock import now
from predictions.models import Scope


class KeyForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="Who or what will use it.")
    scopes = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple(attrs={"class": "radiolist"}), help_text="What it may do."
    )
    expires_at = forms.DateTimeField(
        required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"}), help_text="UTC; empty: never."
    )
    rate_limit = forms.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="Requests per minute; empty: the default."
    )

    def __init__(self, *args: Any, may_grant: Iterable[Scope], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = [(scope.value, f"{scope.value}: {scope.label}") for scope in may_grant]  # type: ignore[attr-defined]

    def clean_expires_at(self) -> datetime | None:
        moment: datetime | None = self.cleaned_data["expires_at"]
        if moment is not None and moment <= now():
            raise forms.ValidationError("This has passed already: the key would open nothing.")
        return moment
