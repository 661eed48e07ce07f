"""A person says of a suspect candle that its close is right."""

from typing import Any

from django import forms

from registry.admin.pages import Confirmation
from training.models import Candle


class ClearForm(forms.Form):
    reason = forms.CharField(
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="How you know that it is right; kept with the candle, until its source revises it.",
    )


class ClearPage(Confirmation):
    name, verb = "clear", "Clear"
    permission_required = "training.change_candle"
    form_class = ClearForm
    explanation = (
        "It leapt by more than 10 sigmas, and the next candle took it back: a fault of the source as a rule, and "
        "sometimes the market. Clear it if you know that its close is right: it is learnt and answered from again."
    )

    @classmethod
    def offered(cls, subject: Candle) -> bool:
        return subject.is_suspect

    def change(self, answers: dict[str, Any]) -> str:
        self.subject.clear(actor=self.actor, reason=answers["reason"])
        return f"the candle {self.subject} is cleared"
