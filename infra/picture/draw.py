#!/usr/bin/env python3
"""Draws docs/operations/dashboard.svg: the template's dashboard, with the figures of a run that figures.json keeps.

`python infra/picture/draw.py`; a test holds the picture against both. What has no figures says so.
"""

from __future__ import annotations

import json
import sys
from html import escape
from pathlib import Path
from typing import Any

from widgets import Series, Widget, dashboard

FIGURES = Path(__file__).with_name("figures.json")
PICTURE = Path(__file__).parents[2] / "docs/operations/dashboard.svg"
COLUMN, ROW, GAP = 44, 22, 4
COLORS = ("#1f77b4", "#9467bd", "#2ca02c", "#8c564b")
STATES = {"OK": "#2ca02c", "ALARM": "#d62728"}
MEASURED_BY_AWS = "FunctionName="
INK, FAINT, PAPER, FRAME = "#222", "#777", "#fff", "#ccc"

Points = list[list[float]]


def number(value: float) -> str:
    """Short enough for a legend."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.1f}{unit}"
    return f"{value:.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.2g}"


def text(
    x: float, y: float, said: str, size: int = 11, color: str = INK, weight: str = "normal", end: bool = False
) -> str:
    anchor = ' text-anchor="end"' if end else ""
    bold = f' font-weight="{weight}"' if weight != "normal" else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{color}"{bold}{anchor}>{escape(said)}</text>'


def panel(widget: Widget) -> tuple[float, float, float, float, list[str]]:
    """Its place, and its frame."""
    x, y = widget.x * COLUMN + GAP, widget.y * ROW + GAP
    width, height = widget.width * COLUMN - GAP, widget.height * ROW - GAP
    frame = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{PAPER}" stroke="{FRAME}"/>'
    return x, y, width, height, [frame]


def draw_alarms(widget: Widget, figures: dict[str, Any]) -> list[str]:
    x, y, width, _, drawn = panel(widget)
    drawn.append(text(x + 8, y + 15, f"{widget.title}, at the end", 12, weight="bold"))
    columns = 5
    for at, name in enumerate(widget.alarms):
        state = figures["alarms"].get(name, "INSUFFICIENT_DATA")
        left, top = x + 10 + at % columns * (width - 16) / columns, y + 28 + at // columns * 19
        drawn.append(f'<circle cx="{left + 4:.0f}" cy="{top + 1:.0f}" r="5" fill="{STATES.get(state, "#bbb")}"/>')
        said = name.removesuffix("Alarm") + ("" if state in STATES else " (no data)")
        drawn.append(text(left + 14, top + 5, said))
    return drawn


def draw_metrics(widget: Widget, figures: dict[str, Any]) -> list[str]:
    x, y, width, height, drawn = panel(widget)
    drawn.append(text(x + 8, y + 15, widget.title, 12, weight="bold"))
    lines = [each for each in widget.series if each.is_visible]
    points = [points_of(each, figures) for each in lines]
    colors = [line.color or COLORS[at % len(COLORS)] for at, line in enumerate(lines)]
    legend = 14 * len(lines)
    top, bottom, left, right = y + 24, y + height - legend - 8, x + 38, x + width - 8
    high = max([value for each in points for _, value in each] + [1.0])
    # An alarm's threshold far above the curve would press it flat; then its value is only told.
    for mark in widget.marks:
        note = f"alarm at {number(mark)}"
        drawn.append(text(right, y + 27, note, 9, "#d62728", end=True))
    drawn.append(f'<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="{FRAME}"/>')
    drawn.append(text(left - 4, top + 8, number(high), 10, FAINT, end=True))
    drawn.append(text(left - 4, bottom, "0", 10, FAINT, end=True))
    for at, (line, found, color) in enumerate(zip(lines, points, colors, strict=True)):
        if len(found) > 1:
            path = curve(found, figures["seconds"], high, (left, right, top, bottom))
            drawn.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        elif found:
            spot = curve(found, figures["seconds"], high, (left, right, top, bottom)).split(",")
            drawn.append(f'<circle cx="{spot[0]}" cy="{spot[1]}" r="2.5" fill="{color}"/>')
        row = y + height - legend + 14 * at + 6
        drawn.append(f'<rect x="{x + 10}" y="{row - 8}" width="9" height="9" fill="{color}"/>')
        said = f"{line.label}: " + (f"at most {number(max(v for _, v in found))}" if found else absent(line))
        drawn.append(text(x + 24, row, said, 11, INK if found else FAINT))
    return drawn


def absent(line: Series) -> str:
    """Why there is nothing: what only AWS measures is missing, the rest did not happen."""
    return "not played here" if line.dimension.startswith(MEASURED_BY_AWS) else "none"


def points_of(line: Series, figures: dict[str, Any]) -> Points:
    found: Points = figures["series"].get(line.name, [])
    return found


def curve(points: Points, seconds: float, high: float, place: tuple[float, float, float, float]) -> str:
    left, right, top, bottom = place
    spots = [(left + at / seconds * (right - left), bottom - value / high * (bottom - top)) for at, value in points]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)


def draw(widgets: list[Widget], figures: dict[str, Any]) -> str:
    """The picture."""
    width = 24 * COLUMN + GAP
    height = max(each.y + each.height for each in widgets) * ROW + GAP + 18
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#f4f4f4"/>',
    ]
    for each in widgets:
        if each.kind == "alarm":
            drawn += draw_alarms(each, figures)
        elif each.kind == "text":
            drawn.append(text(each.x * COLUMN + GAP + 4, each.y * ROW + 18, each.title, 14, weight="bold"))
        else:
            drawn += draw_metrics(each, figures)
    drawn.append(text(GAP + 4, height - 7, figures["about"], 11, FAINT))
    return "\n".join([*drawn, "</svg>"]) + "\n"


def main() -> int:
    """Writes the picture."""
    PICTURE.write_text(draw(dashboard(), json.loads(FIGURES.read_text())))
    print(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
