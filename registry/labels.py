"""A word in colour: the same for a stage, a state or an outcome wherever it appears."""

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

ALARMING, WARNING, GOOD, PLAIN = "danger", "warning", "success", "default"
STAGES = {"production": GOOD, "staging": "info", "candidate": PLAIN, "archived": PLAIN}


def pill(text: str, tone: str = PLAIN) -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": tone, "size": "md"})


def stage_pill(stage: str) -> SafeString:
    return pill(stage, STAGES.get(stage, PLAIN))
