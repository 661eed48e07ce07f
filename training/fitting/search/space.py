"""What a search may change: a distribution for every parameter that declares a span and was not given."""

from collections.abc import Collection

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from cryptoml_site.errors import Invalid
from training.fitting.estimators.estimator import Estimator, Parameter, Span

Space = dict[str, BaseDistribution]


def search_space(estimator: Estimator, held: Collection[str]) -> Space:
    """By parameter. held: names of those that stay as they are. Raises Invalid where nothing is left to search."""
    declared = {name: entry for name, entry in estimator.parameters.items() if entry.search}
    if not declared:
        raise Invalid(
            f"{estimator.name} declares for none of its parameters where to search: leave trials at 0, or give its "
            "class Parameter(..., search=Span(low, high))",
            code="nothing_to_search",
            field="options.trials",
        )
    space = {name: _distribution(name, entry) for name, entry in declared.items() if name not in held}
    if not space:
        raise Invalid(
            f"{', '.join(declared)} of {estimator.name} are given, which leaves nothing to search: leave trials at 0, "
            "or give fewer parameters",
            code="nothing_to_search",
            field="options.trials",
        )
    return space


def _distribution(name: str, parameter: Parameter) -> BaseDistribution:
    span = parameter.search or Span(parameter.low, parameter.high)
    if not parameter.low <= span.low <= parameter.default <= span.high <= parameter.high:
        raise Invalid(
            f"{name} of an estimator is searched from {span.low} to {span.high}: let that hold its default, "
            f"{parameter.default}, and lie within its limits, {parameter.low} to {parameter.high}",
            code="invalid_span",
            field="options.trials",
        )
    if isinstance(parameter.default, int):
        return IntDistribution(int(span.low), int(span.high), log=span.log)
    return FloatDistribution(float(span.low), float(span.high), log=span.log)
