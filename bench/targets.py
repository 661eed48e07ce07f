"""What serving must show, computed from the medians."""

from collections.abc import Iterator, Mapping

from bench.series import Series

OURS, OURS_FULL, CLASSIC, ASYNCPG = "ours", "ours_full", "classic", "fastapi_onnx_asyncpg"
P50_MS = 1.3
P50_TIMES = 1.2  # of the peer with asyncpg, where that is more


def target_rows(found: Mapping[str, Series]) -> list[list[str]]:
    """What, asked, measured, met or not; a line for each target whose figures are there."""
    ours = found.get(OURS)
    if ours is None:
        return []
    rows = [*_alone(ours)]
    if classic := found.get(CLASSIC):
        rows += _against_classic(ours, classic)
    if asyncpg := found.get(ASYNCPG):
        rows += _against_asyncpg(ours, asyncpg)
    if full := found.get(OURS_FULL):
        rows += [
            _at_least(f"rps at c={n}, long log against empty", _ratio(full.rps(n), ours.rps(n)), 0.9) for n in (16, 64)
        ]
    return [row for row in rows if row]


def _against_classic(ours: Series, classic: Series) -> Iterator[list[str]]:
    for level in (16, 64):
        yield _at_least(f"rps at c={level} against {CLASSIC}", _ratio(ours.rps(level), classic.rps(level)), 15)
    yield _at_least(f"p99 at c=16, {CLASSIC} against ours", _ratio(classic.p99_ms(16), ours.p99_ms(16)), 10)
    yield _at_least(f"batch rows/s against {CLASSIC}", _ratio(ours.batch, classic.batch), 3)


def _against_asyncpg(ours: Series, asyncpg: Series) -> Iterator[list[str]]:
    for level in (16, 64):
        yield _at_least(f"rps at c={level} against {ASYNCPG}", _ratio(ours.rps(level), asyncpg.rps(level)), 1)
        yield _at_least(
            f"p99 at c={level}, {ASYNCPG} against ours", _ratio(asyncpg.p99_ms(level), ours.p99_ms(level)), 1
        )
    peer = asyncpg.p50_ms(1)
    if peer is not None:
        yield _at_most("p50 at c=1", ours.p50_ms(1), max(P50_MS, P50_TIMES * peer), "ms")


def _alone(ours: Series) -> Iterator[list[str]]:
    yield _at_most("start to the first 200", ours.start_seconds, 3, "s")
    yield _at_most("memory of the web processes, PSS", ours.pss_mb, 300, "MB")


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or not other else one / other


def _at_least(what: str, value: float | None, bound: float) -> list[str]:
    if value is None:
        return []
    return [what, f"at least {bound:g}x", f"{value:.3g}x", "met" if value >= bound else "not met"]


def _at_most(what: str, value: float | None, bound: float, unit: str) -> list[str]:
    if value is None:
        return []
    return [what, f"at most {bound:.3g} {unit}", f"{value:.3g} {unit}", "met" if value <= bound else "not met"]
