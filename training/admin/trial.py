from math import sqrt

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from registry.admin.lists import LogAdmin
from training.evaluation.sharpe import bets_per_year
from training.models import TrainingRun, Trial
from training.tried import State

SHOWN = 10  # trials on the page of their run
ABSENT = "-"


@admin.register(Trial)
class TrialAdmin(LogAdmin[Trial]):
    """What searches for parameters tried; of one run the complete ones first, by their log loss."""

    owner = "run"
    list_display = ("number", "run", "state", "loss", "sharpe_a_year", "chosen", "took")
    list_filter = ("state",)
    list_select_related = ("run__model", "run__market")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        return ("state", "log_loss", "number") if f"{self.owner}__id__exact" in request.GET else ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Trial]:
        """Without the run's log, which has a line for each of its trials."""
        return super().get_queryset(request).defer("run__log")

    @admin.display(description="log loss")
    def loss(self, trial: Trial) -> str:
        return _loss(trial)

    @admin.display(description="Sharpe a year")
    def sharpe_a_year(self, trial: Trial) -> str:
        return _sharpe_a_year(trial)

    @admin.display(description="parameters")
    def chosen(self, trial: Trial) -> str:
        return _chosen(trial)

    @admin.display(description="took")
    def took(self, trial: Trial) -> str:
        return f"{trial.seconds:.1f} s"


def trials_of(run: TrainingRun) -> str:
    """How many a run has made, and the best of them."""
    counts = dict(run.trials.order_by().values_list("state").annotate(Count("pk")))
    if not counts:
        return "none"
    rows = [_row(trial) for trial in run.trials.best_first().select_related("run__market")[:SHOWN]]
    return format_html(
        '<p><a href="{}?run__id__exact={}">{} trials</a>: {}</p>'
        '<div class="cm-scroll"><table class="cm-table"><thead><tr><th>trial</th><th>log loss</th>'
        "<th>Sharpe a year, after costs</th><th>parameters</th></tr></thead><tbody>{}</tbody></table></div>",
        reverse("admin:training_trial_changelist"),
        run.pk,
        sum(counts.values()),
        ", ".join(f"{count} {state}" for state, count in sorted(counts.items())),
        format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
    )


def _row(trial: Trial) -> tuple[str, str, str, str]:
    number = f"{trial.number}, as given" if trial.number == 0 else str(trial.number)
    return number, _loss(trial), _sharpe_a_year(trial), _chosen(trial)


def _loss(trial: Trial) -> str:
    if trial.log_loss is None:
        return ABSENT
    return f"{trial.log_loss:.5f}" + (" when it was given up" if trial.state == State.PRUNED else "")


def _sharpe_a_year(trial: Trial) -> str:
    if trial.sharpe is None:
        return ABSENT
    candle = int(trial.run.market.step.total_seconds())
    return f"{trial.sharpe * sqrt(bets_per_year(interval=candle, horizon=1)):+.2f}"


def _chosen(trial: Trial) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in trial.params.items())
