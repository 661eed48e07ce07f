"""What the answers would have earned, as the report has it: always beside holding throughout."""

from collections.abc import Sequence
from math import isfinite, isnan, nan, sqrt
from typing import Any

from training.evaluation.answered import Answered
from training.evaluation.metrics import Calls
from training.evaluation.sharpe import bets_per_year, deflated_sharpe_ratio, sharpe_ratio
from training.evaluation.trading import after_costs, equity, net_returns, one_candle_later, risk
from training.series import Floats

Part = dict[str, Any]


def trading(answered: Answered, *, interval: int | None) -> Part:
    """Of the model's calls, of the same carried out one candle later, of the best naive rule, and of holding."""
    late, naive = one_candle_later(answered.calls), answered.naive_calls[answered.best_rule]
    traded = {
        name: after_costs(calls, answered.log_return, horizon=answered.horizon)
        for name, calls in (("model", answered.calls), ("late", late), ("naive", naive))
    }
    curves = curves_of(answered)
    risks = {name: _risk(answered, net, interval) for name, net in curves.items()}
    return {
        **traded["model"],
        **risks["model"],
        "late": {**_brought(traded["late"]), **_risk(answered, _net(answered, late), interval)},
        "naive": {"name": answered.best_rule, **_brought(traded["naive"]), **risks["naive"]},
        "hold": risks["hold"],
    }


def curve(answered: Answered) -> Part:
    return equity(curves_of(answered), answered.as_of)


def curves_of(answered: Answered) -> dict[str, Floats]:
    """(n,) log returns of each row's part of the capital: after costs, and of holding throughout."""
    return {
        "model": _net(answered, answered.calls),
        "naive": _net(answered, answered.naive_calls[answered.best_rule]),
        "hold": answered.log_return / answered.horizon,
    }


def deflated(answered: Answered, trials: Sequence[float], *, interval: int | None) -> Part:
    """How much of the Sharpe ratio is left beside the number of trials.

    trials: ratios per candle of all the others made for this model. `deflated_sharpe` is the probability that the true
    ratio lies above `best_by_luck`, annualised where the interval is known: what the best of so many has without skill.
    """
    net, per_bet = _net(answered, answered.calls), sqrt(answered.horizon)
    tried = [ratio * per_bet for ratio in trials if ratio is not None and isfinite(ratio)] + [sharpe_ratio(net)]
    probability, by_luck = nan, nan
    if not isnan(tried[-1]):
        probability, by_luck = deflated_sharpe_ratio(net, tried, horizon=answered.horizon)
    year = nan if interval is None else sqrt(bets_per_year(interval=interval, horizon=answered.horizon))
    return {"count": len(tried), "deflated_sharpe": probability, "best_by_luck": by_luck * year}


def _net(answered: Answered, calls: Calls) -> Floats:
    return net_returns(calls, answered.log_return, horizon=answered.horizon)


def _risk(answered: Answered, net: Floats, interval: int | None) -> Part:
    return risk(net, answered.draws, interval=interval)


def _brought(traded: Part) -> Part:
    return {name: traded[name] for name in ("turnover", "gross_bp", "net_bp")}
