"""What is asked before something is learnt."""

from typing import Any

from django import forms

from cryptoml_site.errors import Unknown
from registry.models import RegisteredModel
from training.features.feature_set import FEATURE_SETS
from training.models import Market
from training.models.run import ESTIMATOR_NAMES, FOLDS


class TrainForm(forms.Form):
    model = forms.ModelChoiceField(
        RegisteredModel.objects.all(),
        help_text="The version becomes its candidate, learnt from its market.",
    )
    feature_set = forms.ChoiceField(
        choices=[(name, f"{name} ({len(entry.names)} features)") for name, entry in FEATURE_SETS.items()],
        help_text="Clients who send raw features depend on production's: a gate refuses another set.",
    )
    estimator = forms.ChoiceField(choices=[(name, name) for name in ESTIMATOR_NAMES])
    folds = forms.IntegerField(
        initial=8, min_value=FOLDS[0], max_value=FOLDS[-1], help_text="Walk-forward steps; each is fitted and judged."
    )
    seed = forms.IntegerField(initial=7, min_value=0, max_value=2**31 - 1, help_text="The same seed, the same model.")

    def clean(self) -> dict[str, Any]:
        answers: dict[str, Any] = super().clean() or {}
        if "model" in answers:
            try:
                answers["market"] = Market.objects.named(answers["model"].market)
            except Unknown:
                gone = f"Its market {answers['model'].market} is gone: load or simulate its candles first."
                self.add_error("model", gone)
        return answers
