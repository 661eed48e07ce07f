"""Plots as SVG: markup of ours alone, without a script, coloured by the page that holds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, isclose, log10

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from registry.plots import Curve, Plot, Values

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 60, 14, 10, 46
BAR, NAMES = 24, 170  # height of a bar with its gap, and the room for its name
TICKS = 5
LABELS = 6
Point = tuple[float, float]


def drawn(plot: Plot) -> SafeString:
    """The plot; empty where it has nothing to draw."""
    if not plot.curves:
        return SafeString("")
    return _bars(plot) if plot.kind == "bar" else _lines(plot)


def ticks(low: float, high: float, *, count: int = TICKS) -> list[float]:
    """Round numbers from `low` to `high`, about so many of them.

    >>> ticks(0.47, 0.61)
    [0.5, 0.55, 0.6]
    """
    rough = (high - low) / count
    magnitude = 10.0 ** floor(log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough * (1 - 1e-9))
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


@dataclass(frozen=True)
class Frame:
    """From figures to places on the paper."""

    left: float
    right: float
    low: float
    high: float

    @classmethod
    def around(cls, plot: Plot) -> Frame:
        xs = [x for curve in plot.curves for x in _xs(curve)]
        ys = [
            y
            for curve in plot.curves
            for side in (curve.ys, curve.low, curve.high)
            for y in side or ()
            if y is not None
        ]
        left, right = _apart(min(xs, default=0.0), max(xs, default=1.0))
        low, high = _apart(min(ys, default=0.0), max(ys, default=1.0))
        room = (high - low) * 0.04
        return cls(left, right, low - room, high + room)

    def x(self, x: float) -> float:
        return round(LEFT + (x - self.left) / (self.right - self.left) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, y: float) -> float:
        return round(TOP + (self.high - y) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM), 1)

    def point(self, x: float, y: float) -> Point:
        return self.x(x), self.y(y)


def _lines(plot: Plot) -> SafeString:
    frame = Frame.around(plot)
    parts = [_y_axis(plot, frame), _x_axis(plot, frame)]
    parts += [_band(curve, frame) for curve in plot.curves]
    parts += [_line(curve, frame) for curve in reversed(plot.curves)]  # the model's on top
    parts += [_dots(curve, frame) for curve in plot.curves if curve.dots]
    return _svg(plot, parts, height=HEIGHT)


def _line(curve: Curve, frame: Frame) -> SafeString:
    return format_html_join(
        "",
        '<polyline class="line {}" points="{}"/>',
        ((curve.tone, _path(frame.point(x, y) for x, y in run)) for run in _runs(_xs(curve), curve.ys)),
    )


def _band(curve: Curve, frame: Frame) -> SafeString:
    if curve.low is None or curve.high is None:
        return SafeString("")
    bounds = [
        (x, low, high)
        for x, low, high in zip(_xs(curve), curve.low, curve.high, strict=True)
        if None not in (low, high)
    ]
    above = [frame.point(x, high) for x, _, high in bounds if high is not None]
    below = [frame.point(x, low) for x, low, _ in reversed(bounds) if low is not None]
    return format_html('<polygon class="band" points="{}"/>', _path([*above, *below]))


def _dots(curve: Curve, frame: Frame) -> SafeString:
    return format_html_join(
        "",
        '<circle class="dot {}" cx="{}" cy="{}" r="3.5"><title>{}</title></circle>',
        (
            (curve.tone, frame.x(x), frame.y(y), f"{curve.name}: {y:.4g}")
            for x, y in zip(_xs(curve), curve.ys, strict=True)
            if y is not None
        ),
    )


def _y_axis(plot: Plot, frame: Frame) -> SafeString:
    shown = ticks(frame.low, frame.high)
    lines = format_html_join(
        "",
        '<line class="grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>'
        '<text class="tick" x="{3}" y="{4}" text-anchor="end">{5}</text>',
        (
            (LEFT, WIDTH - RIGHT, frame.y(tick), LEFT - 8, frame.y(tick) + 4, label)
            for tick, label in zip(shown, _said(shown), strict=True)
        ),
    )
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    title = format_html('<text class="axis" transform="translate(12 {}) rotate(-90)">{}</text>', middle, plot.y)
    return lines + title


def _x_axis(plot: Plot, frame: Frame) -> SafeString:
    names = format_html_join(
        "",
        '<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>',
        ((frame.x(place), HEIGHT - BOTTOM + 18, label) for place, label in _x_labels(plot, frame)),
    )
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    return names + format_html('<text class="axis" x="{}" y="{}">{}</text>', middle, HEIGHT - 8, plot.x)


def _x_labels(plot: Plot, frame: Frame) -> list[tuple[float, str]]:
    if plot.labels is None:
        shown = ticks(frame.left, frame.right)
        return list(zip(shown, _said(shown), strict=True))
    every = max(1, ceil(len(plot.labels) / LABELS))
    return [(float(place), label) for place, label in enumerate(plot.labels) if place % every == 0]


def _bars(plot: Plot) -> SafeString:
    """Each label with its bar, from zero on to either side."""
    labels, values = plot.labels or (), [value or 0.0 for value in plot.curves[0].ys]
    low, high = _apart(min([0.0, *values]), max([0.0, *values]))
    scale = (WIDTH - NAMES - RIGHT) / (high - low)
    zero = NAMES - low * scale
    bars = format_html_join(
        "",
        '<text class="name" x="{}" y="{}" text-anchor="end">{}</text>'
        '<rect class="bar {}" x="{}" y="{}" width="{}" height="12"><title>{}</title></rect>',
        (
            (
                *(NAMES - 8, row * BAR + 17, label, "model" if value > 0 else "quiet"),
                *(round(min(zero, zero + value * scale), 1), row * BAR + 7, round(abs(value) * scale, 1)),
                f"{label}: {value:.4g}",
            )
            for row, (label, value) in enumerate(zip(labels, values, strict=True))
        ),
    )
    height = len(values) * BAR + BOTTOM
    shown = ticks(low, high)
    names = format_html_join(
        "",
        '<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>',
        ((round(zero + tick * scale, 1), height - 28, label) for tick, label in zip(shown, _said(shown), strict=True)),
    )
    title = format_html('<text class="axis" x="{}" y="{}">{}</text>', (NAMES + WIDTH) / 2, height - 8, plot.x)
    return _svg(plot, [bars, names, title], height=height)


def _svg(plot: Plot, parts: Sequence[SafeString], *, height: int) -> SafeString:
    return format_html(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        WIDTH,
        height,
        f"{plot.title}. {plot.sentence}",
        format_html_join("", "{}", ((part,) for part in parts)),
    )


def _runs(xs: Sequence[float], ys: Values) -> Iterator[list[Point]]:
    """Stretches without an absent figure."""
    run: list[Point] = []
    for x, y in zip(xs, ys, strict=True):
        if y is not None:
            run.append((x, y))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _xs(curve: Curve) -> Sequence[float]:
    return range(len(curve.ys)) if curve.xs is None else curve.xs


def _path(points: Iterator[Point] | Sequence[Point]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _apart(low: float, high: float) -> Point:
    """Bounds that leave room between them."""
    return (low - 0.5, high + 0.5) if isclose(low, high, abs_tol=1e-12) else (low, high)


def _said(numbers: Sequence[float]) -> list[str]:
    """All with as many decimals as the finest needs.

    >>> _said([0.5, 0.55])
    ['0.50', '0.55']
    """
    decimals = max((len(f"{number:.6f}".rstrip("0").partition(".")[2]) for number in numbers), default=0)
    return [f"{number:.{decimals}f}" for number in numbers]
