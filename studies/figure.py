"""A plot as a file of its own: a page of docs/ can show a picture and cannot style one."""

from django.utils.html import format_html_join

from registry.plots import Plot
from training.reporting.svg import LEFT, TOP, drawn

COLOURS = {"model": "#2563eb", "other": "#ea580c", "quiet": "#6b7280"}
STYLE = """<style>
svg { background: #fff; font: 12px system-ui, sans-serif; }
text { fill: #4b5563; }
.axis { text-anchor: middle; }
.grid { stroke: #e5e7eb; }
.line { fill: none; stroke-width: 2; }
"""


def figure(plot: Plot) -> str:
    """Of lines, with a legend of their names."""
    colours = "".join(f".{tone} {{ stroke: {colour}; }}\n" for tone, colour in COLOURS.items())
    legend = format_html_join(
        "",
        '<text x="{}" y="{}" style="fill: {}">{}</text>',
        (
            (LEFT + 12, TOP + 18 * (place + 1), COLOURS[curve.tone], curve.name)
            for place, curve in enumerate(plot.curves)
        ),
    )
    opened = drawn(plot).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    head, _, rest = opened.partition(">")
    return f"{head}>{STYLE}{colours}</style>{rest.removesuffix('</svg>')}{legend}</svg>\n"
