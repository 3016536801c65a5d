# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Charts of lines as SVG that stands in a page by itself."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Mapping, Sequence

# A line: its points (x, y), by x.
Points = Sequence[tuple[float, float]]

_SIZE = (5.2, 3.0)  # inches
_SHOWN_POINTS = 400  # of a line; of more an even sample is drawn


@dataclasses.dataclass(frozen=True)
class Chart:
    """Lines over one axis.

    Attributes:
      title: What is seen.
      x: What the x axis shows.
      lines: Name of every line to its points.
      diagonal: Whether the line y = x is drawn, too, for what should lie on it.
    """

    title: str
    x: str
    lines: Mapping[str, Points]
    diagonal: bool = False


def draw(chart: Chart) -> str:
    """Draws a chart as an `<svg>` element; it needs nothing from elsewhere, and has a title."""
    import matplotlib  # here, because it takes a second

    # Texts stay texts; names of parts come from their contents, so equal charts are equal files.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": chart.title}):
        # Not pyplot, which would look for a screen and keep the figure.
        from matplotlib.backends import backend_svg
        from matplotlib.figure import Figure

        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        for name, points in chart.lines.items():
            # What begins with an underscore matplotlib leaves out of the legend.
            label = name.replace("$", r"\$").lstrip("_")
            axes.plot(*zip(*_even(points), strict=True), marker=".", markersize=3, label=label)
        if chart.diagonal:
            axes.plot([0, 1], [0, 1], color="0.6", linestyle=":")
        axes.set_xlabel(chart.x)
        axes.grid(visible=True, color="0.9")
        axes.legend(fontsize="small")
        written = io.StringIO()
        backend_svg.FigureCanvasSVG(figure).print_svg(written, metadata={"Date": None})
    svg = written.getvalue()
    # The XML declaration, the document type and the metadata name addresses of other documents.
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return svg.replace("<svg", '<svg role="img"', 1)


def _even(points: Points) -> Points:
    return points[:: -(-len(points) // _SHOWN_POINTS)]
