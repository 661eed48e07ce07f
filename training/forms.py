"""What is asked before something is learnt."""

import re
from dataclasses import Field, fields
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from cryptoml_site.errors import Invalid, Unknown
from registry.models import RegisteredModel
from training.features.feature_set import FEATURE_SETS, feature_set
from training.models import Market
from training.models.retraining import LEAST_MB, MOST_MB
from training.models.run import ESTIMATOR_NAMES, FOLDS
from training.plugins import LONGEST
from training.recipe import Options

A_PATH = RegexValidator(
    re.compile(r"^[^\W\d]\w*(\.[^\W\d]\w*)+$"), "Give a dotted path, such as acme.models.MyEstimator."
)


def own(what: str, example: str) -> forms.CharField:
    return forms.CharField(
        required=False,
        max_length=LONGEST,
        validators=[A_PATH],
        label=f"Or {what} of your own",
        help_text=f"By its dotted path, such as {example}; instead of the one above.",
    )


def option_field(entry: Field[Any]) -> forms.Field:
    """As `Options` describes it; left empty it stays at its default."""
    facts: dict[str, Any] = {"required": False, "initial": entry.default, "help_text": entry.metadata["said"]}
    if isinstance(entry.default, bool):
        return forms.BooleanField(**facts)
    if isinstance(entry.default, str):
        return forms.ChoiceField(choices=[(name, name) for name in entry.metadata["choices"]], **facts)
    kind = forms.IntegerField if isinstance(entry.default, int) else forms.FloatField
    return kind(min_value=0, max_value=entry.metadata["high"], **facts)


class TrainForm(forms.Form):
    """Its answers are the facts of a run."""

    model = forms.ModelChoiceField(
        RegisteredModel.objects.all(),
        help_text="The version becomes its candidate, learnt from its market.",
    )
    feature_set = forms.ChoiceField(
        choices=[(name, f"{name} ({len(entry.names)} features)") for name, entry in FEATURE_SETS.items()],
        help_text="Clients who send raw features depend on production's: a gate refuses another set.",
    )
    own_feature_set = own("a feature set", "acme.features.MY_SET")
    estimator = forms.ChoiceField(choices=[(name, name) for name in ESTIMATOR_NAMES])
    own_estimator = own("an estimator", "acme.models.MyEstimator")
    folds = forms.IntegerField(
        initial=8, min_value=FOLDS[0], max_value=FOLDS[-1], help_text="Walk-forward steps; each is fitted and judged."
    )
    seed = forms.IntegerField(initial=7, min_value=0, max_value=2**31 - 1, help_text="The same seed, the same model.")
    time_limit_minutes = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        label="Time limit (minutes)",
        help_text="Then it is ended. Empty: as the settings say.",
    )
    memory_limit_mb = forms.IntegerField(
        required=False,
        min_value=LEAST_MB,
        max_value=MOST_MB,
        label="Memory limit (MB)",
        help_text="Beyond, it is ended. Empty: as the settings say.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.update({entry.name: option_field(entry) for entry in fields(Options)})

    def clean_own_feature_set(self) -> str:
        """Imported here: what serves must be able to. An estimator is imported by the trainer alone."""
        path: str = self.cleaned_data["own_feature_set"]
        if path:
            try:
                feature_set(path)
            except Unknown as unknown:
                raise forms.ValidationError(str(unknown)) from unknown
        return path

    def clean(self) -> dict[str, Any]:
        answers: dict[str, Any] = super().clean() or {}
        for name in ("feature_set", "estimator"):
            answers[name] = answers.pop(f"own_{name}", "") or answers.get(name, "")
        answers["options"] = self._options({entry.name: answers.pop(entry.name, None) for entry in fields(Options)})
        if "model" in answers:
            try:
                answers["market"] = Market.objects.named(answers["model"].market)
            except Unknown:
                gone = f"Its market {answers['model'].market} is gone: load or simulate its candles first."
                self.add_error("model", gone)
        return answers

    def _options(self, given: dict[str, Any]) -> dict[str, Any]:
        try:
            return Options.parse({name: value for name, value in given.items() if value not in (None, "")}).as_json()
        except Invalid as invalid:
            self.add_error((invalid.field or "").removeprefix("options."), str(invalid))
            return {}
