"""What the gates ask of one model otherwise than of all."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Func
from django.db.models.lookups import Exact
from simple_history.models import HistoricalRecords

from registry.gates import gate_names
from registry.gates.questions import question_named
from registry.models.registered import RegisteredModel


class GateOverride(models.Model):
    """One gate's options for one model, or the word that it is not asked. Every change is kept, with who made it."""

    model = models.ForeignKey(RegisteredModel, models.CASCADE, related_name="gate_overrides")
    gate = models.CharField(max_length=200, help_text="Dotted path of one of settings.PROMOTION_GATES.")
    enabled = models.BooleanField(default=True, help_text="Off: this model's versions are not asked this gate.")
    options = models.JSONField(
        default=dict, blank=True, help_text='Laid over the options of the settings, such as {"days": 7}.'
    )

    history = HistoricalRecords()

    class Meta:
        ordering = ["model", "gate"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "gate"],
                name="one_override_per_model_and_gate",
                violation_error_message="this model has an override of that gate already: change that one",
            ),
            models.CheckConstraint(
                condition=Exact(Func("options", function="jsonb_typeof", output_field=models.CharField()), "object"),
                name="options_are_given_by_name",
            ),
        ]

    def __str__(self) -> str:
        gate = self.gate.rpartition(".")[2]
        return f"{gate} for {self.model.name}" if self.enabled else f"no {gate} for {self.model.name}"

    def clean(self) -> None:
        """Raises ValidationError, naming the field, unless the gate can be asked with these options."""
        question = question_named(self.gate)
        if question is None:
            raise ValidationError({"gate": f"'{self.gate}' is none of the gates asked: {', '.join(gate_names())}"})
        if self.options is None:  # a form's empty field
            self.options = {}
        if not isinstance(self.options, dict):
            raise ValidationError({"options": 'give the options by name, such as {"days": 7}, or {} for none'})
        try:
            question.overridden(self).gate_built()
        except (ImportError, TypeError, ValueError, OverflowError) as error:
            raise ValidationError({"options": str(error)}) from error
