"""Search for an estimator's parameters, before the walk-forward and on none of the rows that it judges."""
