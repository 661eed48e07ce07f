"""A search sees the rows before the first test fold alone, ends no worse than none, and outlives its process."""

import json
from dataclasses import asdict, replace
from math import isnan

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import wilcoxon

from cryptoml_site.errors import Invalid, Refused
from tests.training.planted import planted
from tests.training.spies import Spy, numbered
from training.evaluation.overfitting import probability_of_overfitting
from training.fitting import fit_and_score as scoring
from training.fitting.estimators import ESTIMATORS
from training.fitting.estimators.estimator import Estimator, Parameter, Span
from training.fitting.fit_and_score import fit_and_score
from training.fitting.learner import Learner
from training.fitting.search import searching
from training.fitting.search.searching import InMemory, search
from training.fitting.search.space import search_space
from training.fitting.walk_forward import cut
from training.recipe import Options
from training.tried import State, Tried


class Dial(Estimator):
    """Answers by the first feature, as steeply as its dial says; it learns nothing."""

    name = "dial"
    parameters = {
        "slope": Parameter(0.0, low=-5, high=5, search=Span(-2.0, 2.0)),
        "steps": Parameter(64, low=1, high=64, search=Span(2, 64, log=True)),
        "fixed": Parameter(3, low=1, high=9),
    }

    def fit(self, X, y, params, *, seed, weight=None, horizon=1):
        return params["slope"], params["steps"]

    def probability_up(self, model, X):
        slope, steps = model
        return np.clip(np.round(expit(slope * X[:, 0]) * steps) / steps, 0.01, 0.99)

    def to_onnx(self, model, width):
        raise NotImplementedError


class Fussy(Dial):
    """Breaks where its slope is below a limit."""

    def __init__(self, limit=-0.5, mistake=None):
        self.limit, self.mistake = limit, mistake or ValueError("too steep")

    def fit(self, X, y, params, **more):
        if params["slope"] < self.limit:
            raise self.mistake
        return super().fit(X, y, params, **more)


class Silent(Dial):
    """Answers with no number where its slope is negative."""

    def probability_up(self, model, X):
        return np.full(len(X), np.nan) if model[0] < 0 else super().probability_up(model, X)


class SpyWithADial(Spy):
    parameters = {"dial": Parameter(0.5, low=0, high=1, search=Span(0.0, 1.0))}


class Killed(Exception):
    """Stands for a kill: what was kept stays, whatever else the process held is gone."""


class Kept(InMemory):
    """As a database gives trials back; its process is killed once so many are kept."""

    def __init__(self, kept=(), *, killed_at=None):
        super().__init__()
        self._ended, self.killed_at = [stored(ended) for ended in kept], killed_at

    def keep(self, ended):
        super().keep(stored(ended))
        if len(self._ended) == self.killed_at:
            raise Killed


def stored(ended):
    facts = json.loads(json.dumps(asdict(ended), allow_nan=False, sort_keys=True))
    return Tried(**{**facts, "state": State(facts["state"])})


def searched(dataset=None, *, estimator=None, rows=1_000, seed=7, held=None, store=None, **options):
    kind, given = estimator or Dial(), held or {}
    learner = Learner(kind, kind.checked(given), Options(**{"trials": 12, **options}), seed)
    data = planted(1_500, signal=0.4) if dataset is None else dataset
    return search(data, learner, held=given, rows=rows, trials=store or InMemory())


def timeless(trials):
    return [replace(ended, seconds=0.0) for ended in trials]


def states(found):
    return {ended.state for ended in found.tried}


def test_no_row_from_the_first_test_fold_on_reaches_the_search(monkeypatch):
    class OfAllRows(Exception):
        """The walk-forward, which comes after."""

    def begins(*_, **__):
        raise OfAllRows

    spy = SpyWithADial()
    monkeypatch.setitem(ESTIMATORS, "spy", spy)
    monkeypatch.setattr(scoring, "walk_forward", begins)
    with pytest.raises(OfAllRows):
        fit_and_score(
            numbered(2_400, horizon=3), estimator="spy", params={}, options=Options(trials=5, embargo=2), folds=3
        )
    first = cut(2_400, folds=3, horizon=3, embargo=2)[0]
    assert np.concatenate(spy.fitted + spy.answered).max() == first.train_stop - 1 == first.test_start - 3 - 2 - 1


@pytest.mark.parametrize("column", ["X", "y", "log_return", "sigma", "closes", "returns"])
def test_nothing_that_came_later_changes_a_trial(column):
    dataset = planted(1_500, signal=0.4)
    altered = getattr(dataset, column).copy()
    altered[1_000:] = 1 - altered[1_000:]
    plain, other = (searched(data, dead_zone=0.1) for data in (dataset, replace(dataset, **{column: altered})))
    assert timeless(plain.tried) == timeless(other.tried)


@pytest.mark.parametrize("window", [0, 150])
def test_each_row_is_answered_by_a_model_that_knows_only_what_was_settled_before(window):
    spy = SpyWithADial()
    searched(numbered(1_000, horizon=3), estimator=spy, embargo=2, window=window)
    for fitted, answered in zip(spy.fitted, spy.answered, strict=True):
        assert fitted.max() + 3 + 2 < answered.min()
        assert len(fitted) <= (window or len(fitted))


def test_the_first_trial_is_of_the_parameters_as_given_and_what_is_given_stays():
    found = searched(held={"steps": 4})
    assert found.tried[0].params == {"slope": 0.0, "steps": 4, "fixed": 3}
    assert {(ended.params["steps"], ended.params["fixed"]) for ended in found.tried} == {(4, 3)}
    assert len({ended.params["slope"] for ended in found.tried}) == 12


def test_the_complete_trial_with_the_lowest_log_loss_is_found():
    found = searched(trials=40)
    complete = [ended for ended in found.tried if ended.state == State.COMPLETE]
    assert found.params == min(complete, key=lambda ended: ended.log_loss).params
    assert found.best.log_loss < found.tried[0].log_loss - 0.01
    assert 0.3 < found.params["slope"] < 1.2  # the way that was planted


@pytest.mark.parametrize("seed", range(5))
def test_a_search_never_ends_worse_than_none_on_its_own_rows(seed):
    found = searched(planted(1_500, seed=seed), seed=seed)
    assert found.best.log_loss <= found.tried[0].log_loss


def test_parameters_as_given_stay_where_no_trial_was_better():
    found = searched(planted(1_500), trials=3)
    assert found.params == found.tried[0].params
    assert "None of 3 trials had a lower log loss" in found.report()["search"]["sentence"]


def test_the_same_seed_makes_the_same_trials_and_another_one_others():
    first, again, other = searched(), searched(), searched(seed=8)
    assert timeless(first.tried) == timeless(again.tried)
    assert first.tried[0].params == other.tried[0].params
    assert first.tried[1].params != other.tried[1].params


@pytest.mark.parametrize("killed_at", [1, 4, 13, 24])
@pytest.mark.parametrize("estimator", [Dial(), Fussy()], ids=["dial", "fussy"])
def test_a_search_that_was_killed_goes_on_as_if_nothing_had_happened(estimator, killed_at):
    whole = searched(estimator=estimator, trials=25)
    before = Kept(killed_at=killed_at)
    with pytest.raises(Killed):
        searched(estimator=estimator, trials=25, store=before)
    after = Kept(before.ended())
    resumed = searched(estimator=estimator, trials=25, store=after)
    assert timeless(resumed.tried) == timeless(whole.tried) == timeless(after.ended())
    assert json.dumps([resumed.params, resumed.report()]) == json.dumps([whole.params, whole.report()])
    assert states(whole) == {State.COMPLETE, State.PRUNED} | ({State.FAILED} if isinstance(estimator, Fussy) else set())


def test_a_search_that_had_ended_tries_nothing_again():
    spy, store = SpyWithADial(), Kept()
    searched(numbered(1_000), estimator=spy, store=store)
    spy.fitted.clear()
    assert len(searched(numbered(1_000), estimator=spy, store=store).tried) == 12
    assert spy.fitted == []


def test_candles_that_came_meanwhile_do_not_move_the_rows_of_a_search():
    long, before = planted(1_600, signal=0.4), Kept(killed_at=6)
    with pytest.raises(Killed):
        searched(long, rows=1_000, store=before)
    resumed = searched(long, rows=1_040, store=Kept(before.ended()))
    assert timeless(resumed.tried) == timeless(searched(long, rows=1_000).tried)
    assert (resumed.stale, len(resumed.rows)) == ((), 1_000)


def test_trials_on_rows_that_changed_are_counted_and_made_again():
    dataset, before = planted(1_500, signal=0.4), Kept(killed_at=6)
    with pytest.raises(Killed):
        searched(dataset, store=before)
    revised = replace(dataset, X=dataset.X + np.float32(0.01))
    found = searched(revised, store=Kept(before.ended()))
    assert (len(found.stale), len(found.tried)) == (6, 12)
    assert [ended.number for ended in (*found.stale, *found.tried)] == list(range(18))
    assert [t.params for t in found.tried] == [t.params for t in searched(revised).tried]


def test_a_trial_that_is_worse_than_the_best_by_more_than_luck_is_given_up_after_two_folds_or_three():
    found = searched(trials=30)
    for place, ended in enumerate(found.tried):
        complete = [other for other in found.tried[:place] if other.state == State.COMPLETE]
        best = min(complete, key=lambda other: other.log_loss, default=None)
        luck = [chance(ended.losses[:stretches], best) for stretches in (8, 12) if stretches <= len(ended.losses)]
        assert (ended.state == State.PRUNED) == (len(ended.losses) in (8, 12)) == (luck != [] and luck[-1] < 0.1)
        assert all(so_far >= 0.1 for so_far in luck[:-1])
    assert sum(ended.state == State.PRUNED for ended in found.tried) > 5


def chance(losses, best):
    """That a trial as good as the best falls behind it so."""
    lead = np.array(losses) - (best.losses[: len(losses)] if best else losses)
    return wilcoxon(lead, zero_method="zsplit", alternative="greater").pvalue if lead.any() else 1.0


class Slow(Dial):
    """Each fit takes a minute."""

    def __init__(self, monkeypatch):
        self.seconds = 0.0
        monkeypatch.setattr(searching, "perf_counter", lambda: self.seconds)

    def fit(self, X, y, params, **more):
        self.seconds += 60
        return super().fit(X, y, params, **more)


def test_a_search_ends_when_its_time_is_up_in_the_middle_of_a_trial(monkeypatch):
    found = searched(estimator=Slow(monkeypatch), search_minutes=7)
    assert [len(ended.losses) for ended in found.tried] == [4 * 4, 2 * 4, 1 * 4]
    assert [ended.state for ended in found.tried] == [State.COMPLETE, State.PRUNED, State.PRUNED]


def test_a_search_that_was_killed_does_not_get_its_time_anew(monkeypatch):
    before = Kept(killed_at=1)
    with pytest.raises(Killed):
        searched(estimator=Slow(monkeypatch), search_minutes=10, store=before)
    found = searched(estimator=Slow(monkeypatch), search_minutes=10, store=Kept(before.ended()))
    assert sum(len(ended.losses) for ended in found.tried) == 10 * 4


def test_without_time_for_a_whole_trial_the_parameters_are_those_given(monkeypatch):
    found = searched(estimator=Slow(monkeypatch), search_minutes=3, held={"steps": 4})
    assert found.params == {"slope": 0.0, "steps": 4, "fixed": 3}
    assert (found.best, len(found.tried), len(found.tried[0].losses)) == (None, 1, 3 * 4)
    assert "No trial answered every row" in found.report()["search"]["sentence"]


def test_no_minutes_are_no_limit(monkeypatch):
    assert len(searched(estimator=Slow(monkeypatch), search_minutes=0).tried) == 12


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (Fussy(), "ValueError: too steep"),
        (Fussy(mistake=ZeroDivisionError("by nothing")), "ZeroDivisionError: by nothing"),
        (Silent(), "ValueError: it answered 200 of 200 rows with no number"),
    ],
)
def test_a_trial_that_cannot_be_fitted_fails_and_the_search_goes_on(estimator, said):
    found = searched(estimator=estimator)
    failed = [ended for ended in found.tried if ended.state == State.FAILED]
    assert failed
    assert {(ended.error, ended.log_loss, ended.sharpe) for ended in failed} == {(said, None, None)}
    assert len(found.tried) == 12
    assert found.best.params["slope"] >= 0


def test_parameters_as_given_that_cannot_be_fitted_end_the_run():
    with pytest.raises(ValueError, match="too steep"):
        searched(estimator=Fussy(), held={"slope": -1.0})


def test_what_is_no_mistake_of_the_parameters_ends_the_search():
    with pytest.raises(MemoryError):
        searched(estimator=Fussy(mistake=MemoryError()))


def test_a_search_that_nobody_waits_for_ends_with_its_fold():
    class Cancelled(InMemory):
        def go_on(self):
            raise Refused("cancelled")

    spy, store = SpyWithADial(), Cancelled()
    with pytest.raises(Refused, match="cancelled"):
        searched(numbered(1_000), estimator=spy, store=store)
    assert (len(spy.fitted), store.ended()) == (1, ())


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_estimator_has_something_to_search_around_its_defaults(estimator):
    kind = ESTIMATORS[estimator]
    space, start = search_space(kind, ()), kind.checked({})
    assert space
    assert all(
        distribution._contains(distribution.to_internal_repr(start[name])) for name, distribution in space.items()
    )


def test_an_estimator_that_declares_nowhere_to_search_is_refused_with_what_to_write():
    with pytest.raises(
        Invalid, match=r"spy declares for none .* Parameter\(\.\.\., search=Span\(low, high\)\)"
    ) as refused:
        searched(numbered(1_000), estimator=Spy())
    assert (refused.value.code, refused.value.field) == ("nothing_to_search", "options.trials")


def test_to_give_all_that_could_be_searched_is_refused():
    with pytest.raises(Invalid, match="slope, steps of dial are given, which leaves nothing to search"):
        searched(held={"slope": 1.0, "steps": 2})


@pytest.mark.parametrize("span", [Span(0.0, 2.0), Span(0.6, 0.9), Span(0.9, 0.1)])
def test_a_span_beyond_the_limits_or_without_the_default_is_refused(span):
    class Wide(Dial):
        parameters = {"slope": Parameter(0.5, low=0, high=1, search=span)}

    with pytest.raises(Invalid, match=r"let that hold its default, 0\.5, and lie within its limits, 0 to 1"):
        searched(estimator=Wide())


def test_too_few_rows_before_the_first_test_fold_are_refused_in_terms_of_the_search():
    with pytest.raises(Refused, match="a search sees only the 400 rows before the first test fold") as refused:
        searched(rows=400)
    assert refused.value.code == "too_few_rows"
    assert refused.value.evidence["needed"] == 505


def test_a_trial_keeps_what_its_calls_earned_in_sixteen_stretches_of_time():
    found = searched(trials=30)
    for ended in found.tried:
        n, total, squares = np.array(ended.blocks).reshape(-1, 3).T
        if ended.state == State.PRUNED:
            assert ended.blocks == []
            continue
        assert (len(n), n.sum()) == (16, 800)
        spread = np.sqrt(squares.sum() / n.sum() - (total.sum() / n.sum()) ** 2)
        assert (ended.sharpe or 0.0) == pytest.approx(total.sum() / n.sum() / spread if spread else 0.0)


def test_overfitting_is_told_from_eight_complete_trials_on():
    few, many = searched(trials=7), searched(trials=30)
    assert "overfitting" not in few.report()
    told = many.report()["overfitting"]
    complete = [ended.blocks for ended in many.tried if ended.state == State.COMPLETE]
    assert told == {"probability": probability_of_overfitting(np.array(complete)), "trials": len(complete)}
    assert not isnan(told["probability"])


def test_the_report_counts_the_trials_and_says_what_was_searched():
    found = searched(trials=30)
    told = found.report()["search"]
    assert told["tried"]["all"] == told["asked"] == 30
    assert told["tried"]["complete"] + told["tried"]["pruned"] + told["tried"]["failed"] == 30
    assert told["rows"] == {"rows": 1_000, "start": "2023-11-15T00:00:00Z", "end": "2023-12-26T15:00:00Z"}
    assert (told["found"], told["given"]) == (found.best.log_loss, found.tried[0].log_loss)
    assert told["leaders"][0]["params"] == found.params
    assert len(told["leaders"]) == min(20, len(found.complete))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
