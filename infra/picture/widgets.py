"""The dashboard's widgets, as the template has them. Knows no figures.

A series is named by what it asks CloudWatch for: metric, dimension and statistic, or an expression.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
STAND_INS = {"AWS::Region": "us-east-1", "MetricsNamespace": "headrig", "LagSeconds": "1800"}
"""What the template's defaults make of parameters; other references are left as names."""


@dataclass(frozen=True)
class Series:
    """A line of a widget."""

    label: str
    metric: str
    dimension: str
    stat: str
    expression: str
    id: str
    color: str | None
    is_visible: bool

    @property
    def name(self) -> str:
        """What the figures have it under."""
        return self.expression or f"{self.metric} {self.dimension} {self.stat}".replace("  ", " ")


@dataclass(frozen=True)
class Widget:
    """A part of the dashboard, in CloudWatch's grid of 24 columns."""

    kind: str
    title: str
    x: int
    y: int
    width: int
    height: int
    series: tuple[Series, ...]
    marks: tuple[float, ...]
    alarms: tuple[str, ...]


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as their arguments."""


Loader.add_multi_constructor("!", lambda loader, _, node: loader.construct_object(plain(node), deep=True))


def plain(node: yaml.Node) -> yaml.Node:
    """The same without its tag."""
    kind = {yaml.ScalarNode: "str", yaml.SequenceNode: "seq", yaml.MappingNode: "map"}[type(node)]
    return type(node)(f"tag:yaml.org,2002:{kind}", node.value)


def dashboard(template: Path = TEMPLATE) -> list[Widget]:
    """All widgets, in the template's order."""
    resources = yaml.load(template.read_text(), Loader)["Resources"]
    body = resources["Dashboard"]["Properties"]["DashboardBody"]
    text = body[0] if isinstance(body, list) else body
    text = re.sub(r"\$\{([^}]+)\}", lambda found: STAND_INS.get(found[1], found[1]), text)
    return [widget(each) for each in json.loads(text)["widgets"]]


def widget(told: dict[str, Any]) -> Widget:
    properties = told["properties"]
    title = properties.get("title") or properties.get("markdown", "").lstrip("# ")
    lines = tuple(series(entry, properties) for entry in properties.get("metrics", []))
    marks = tuple(float(mark["value"]) for mark in properties.get("annotations", {}).get("horizontal", []))
    alarms = tuple(arn.partition(".")[0] for arn in properties.get("alarms", []))
    return Widget(told["type"], title, told["x"], told["y"], told["width"], told["height"], lines, marks, alarms)


def series(entry: list[Any], properties: dict[str, Any]) -> Series:
    options = entry[-1] if isinstance(entry[-1], dict) else {}
    names = [part for part in entry if isinstance(part, str)]
    stat = options.get("stat", properties.get("stat", "Average"))
    metric = names[1] if len(names) > 1 else ""
    dimension = "=".join(names[2:4])
    return Series(
        label=options.get("label", metric),
        metric=metric,
        dimension=dimension,
        stat=stat,
        expression=options.get("expression", ""),
        id=options.get("id", ""),
        color=options.get("color"),
        is_visible=options.get("visible", True),
    )


def wanted(widgets: list[Widget]) -> Iterator[Series]:
    """Every series that figures are needed for."""
    for each in widgets:
        yield from each.series
