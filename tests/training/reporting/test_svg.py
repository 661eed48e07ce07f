"""Plots as SVG."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.plots import Curve, Plot, plots
from tests.training.reports import whole_report
from training.reporting.svg import HEIGHT, WIDTH, drawn, ticks

FIGURES = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=50)


def line(*ys, **facts):
    return Plot("A title", "A sentence.", [Curve("Model", ys, dots=True)], labels=[f"{y}" for y in ys], **facts)


def parts(plot, name):
    return [part for part in ET.fromstring(drawn(plot)) if part.tag == name]  # noqa: S314  # our own markup


@pytest.mark.parametrize("plot", plots(whole_report()), ids=lambda plot: plot.title)
def test_every_plot_of_a_report_is_markup_that_says_what_it_shows(plot):
    found = ET.fromstring(drawn(plot))  # noqa: S314
    assert found.get("aria-label") == f"{plot.title}. {plot.sentence}"
    assert len(found) > 3


@settings(deadline=None)
@given(FIGURES)
def test_every_point_lies_on_the_paper(ys):
    for part in parts(line(*ys), "polyline"):
        for x, y in re.findall(r"([-\d.]+),([-\d.]+)", part.get("points")):
            assert 0 <= float(x) <= WIDTH
            assert 0 <= float(y) <= HEIGHT


@settings(deadline=None)
@given(FIGURES)
def test_bars_lie_on_the_paper_too(ys):
    for bar in parts(line(*ys, kind="bar"), "rect"):
        assert 0 <= float(bar.get("x")) <= float(bar.get("x")) + float(bar.get("width")) <= WIDTH + 0.2


def test_higher_figures_stand_higher():
    low, high = (float(dot.get("cy")) for dot in parts(line(0.1, 0.9), "circle"))
    assert high < low


def test_an_absent_figure_is_a_gap_and_never_a_zero():
    plot = line(0.5, 0.6, None, 0.6, 0.5)
    assert len(parts(plot, "polyline")) == 2
    assert len(parts(plot, "circle")) == 4


def test_an_interval_is_a_band_around_its_curve():
    curve = Curve("Right", [0.5, 0.6], xs=[0.1, 0.2], low=[0.4, 0.5], high=[0.6, 0.7])
    (band,) = parts(Plot("t", "s", [curve]), "polygon")
    assert len(band.get("points").split()) == 4


def test_nothing_to_draw_draws_nothing():
    assert drawn(Plot("A title", "No data.")) == ""


def test_names_are_escaped():
    nasty = '<script>"&'
    plot = Plot(nasty, nasty, [Curve(nasty, [1.0, 2.0], dots=True)], labels=[nasty, nasty], x=nasty, y=nasty)
    for kind in (plot, Plot(nasty, nasty, plot.curves, labels=plot.labels, kind="bar", x=nasty)):
        assert "<script>" not in drawn(kind)
        assert ET.fromstring(drawn(kind)).get("aria-label") == f"{nasty}. {nasty}"  # noqa: S314


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_a_few_round_numbers_within(low, width):
    found = ticks(low, low + width)
    assert 2 <= len(found) <= 7
    assert all(low - 1e-6 * width <= tick <= low + width * (1 + 1e-6) for tick in found)
    assert found == sorted(set(found))
