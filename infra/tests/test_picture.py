"""The picture of the dashboard: that it is the template's dashboard, with the figures that were kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("yaml", reason="PyYAML is not installed; `cargo xtask test infra` does that")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "infra/picture"))

import draw  # noqa: E402
import widgets  # noqa: E402

NOTHING = {"about": "nothing was played", "seconds": 60, "alarms": {}, "series": {}}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text")]


def test_the_picture_in_the_docs_is_that_of_this_template() -> None:
    drawn = draw.draw(widgets.dashboard(), json.loads(draw.FIGURES.read_text()))
    assert draw.PICTURE.read_text() == drawn, "run infra/picture/draw.py"


def test_every_widget_and_every_line_is_in_it_and_what_has_no_figures_says_so() -> None:
    found = widgets.dashboard()
    said = texts(draw.draw(found, NOTHING))
    assert len(found) > 15
    for widget in found:
        assert any(widget.title in text for text in said), widget.title
        for line in widget.series:
            assert (f"{line.label}: {draw.absent(line)}" in said) == line.is_visible, line
    assert "MissingAgents (no data)" in said and "errors: not played here" in said and "rows: none" in said


def test_figures_that_were_kept_are_asked_for_by_the_template() -> None:
    kept = json.loads(draw.FIGURES.read_text())
    asked = {line.name for line in widgets.wanted(widgets.dashboard())}
    assert kept["series"].keys() <= asked
    assert len(kept["series"]) > len(asked) / 2


def test_a_curve_spans_its_panel() -> None:
    figures = NOTHING | {"series": {"Pending Maximum": [[0, 0], [30, 4], [60, 2]]}}
    drawn = draw.draw([widget for widget in widgets.dashboard() if widget.title == "Files under way"], figures)
    path = next(element for element in ElementTree.fromstring(drawn).iter() if element.tag.endswith("polyline"))
    spots = [tuple(map(float, spot.split(","))) for spot in path.attrib["points"].split()]
    (left, bottom), (middle, top), (right, half) = spots
    assert middle == pytest.approx((left + right) / 2, abs=0.1) and half == pytest.approx((top + bottom) / 2, abs=0.1)
    assert "wait for a batch: at most 4" in texts(drawn)


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (0.25, "0.25"), (7, "7"), (1234, "1.2k"), (2_500_000, "2.5M"), (3e9, "3.0G")]
)
def test_numbers_are_short(value: float, said: str) -> None:
    assert draw.number(value) == said
