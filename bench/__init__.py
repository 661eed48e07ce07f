"""The serving benchmark: ours beside its peers, on one machine, one under load at a time."""
