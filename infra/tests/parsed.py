"""infra/template.yaml, parsed: its resources, policies, metrics, and what its functions may become.

It judges nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parents[1] / "template.yaml"

Template = dict[str, Any]


def load(path: Path = TEMPLATE) -> Template:
    """The template with its functions spelt out, `!Ref X` as `{"Ref": "X"}`."""
    from cfnlint.decode import decode

    found, matches = decode(str(path))
    assert found is not None and not matches, matches
    template: Template = json.loads(json.dumps(found))
    return template


def resources(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type."""
    return {name: each.get("Properties", {}) for name, each in template["Resources"].items() if each["Type"] == kind}


def texts(value: Any) -> list[str]:
    """What a value may become, with `${…}` where something else stands: both branches of each Fn::If."""
    match value:
        case {"Fn::If": [_, yes, no]}:
            return texts(yes) + texts(no)
        case {"Fn::Sub": [text, *_]} if isinstance(value["Fn::Sub"], list):
            return [text]
        case {"Fn::Sub": text}:
            return [text]
        case {"Ref": "AWS::NoValue"}:
            return []
        case {"Ref": name}:
            return [f"${{{name}}}"]
        case {"Fn::GetAtt": parts}:
            return ["${" + (parts if isinstance(parts, str) else ".".join(parts)) + "}"]
        case list():
            return [text for each in value for text in texts(each)]
        case dict():
            return [json.dumps(value)]
    return [str(value)]


def uses(value: Any, name: str) -> bool:
    """Whether a parameter, resource or condition is named somewhere in a value."""
    return json.dumps(name) in json.dumps(value) or f"${{{name}}}" in json.dumps(value)


def listed(value: Any) -> list[Any]:
    """One or several, as policies have them."""
    return value if isinstance(value, list) else [value]


def flat(entries: list[Any]) -> Iterator[Any]:
    """The entries of a list, those behind an Fn::If included."""
    for each in entries:
        match each:
            case {"Fn::If": [_, yes, no]}:
                yield from flat([yes, no])
            case {"Ref": "AWS::NoValue"}:
                pass
            case _:
                yield each


def statements(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each statement of roles and managed policies, with the resource it belongs to."""
    for name, role in resources(template, "AWS::IAM::Role").items():
        for policy in flat(role.get("Policies", [])):
            for each in flat(policy["PolicyDocument"]["Statement"]):
                yield name, each
    for name, policy in resources(template, "AWS::IAM::ManagedPolicy").items():
        for each in flat(policy["PolicyDocument"]["Statement"]):
            yield name, each


def resource_policies(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each statement of the policies of buckets, queues and the topic."""
    for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for name, policy in resources(template, kind).items():
            for each in flat(policy["PolicyDocument"]["Statement"]):
                yield name, each


def read_metrics(template: Template) -> Iterator[tuple[str, tuple[str, str, set[str]]]]:
    """Who reads which metric: its namespace ('' for our own), name and dimensions."""

    def own(namespace: Any) -> str:
        return "" if namespace in ({"Ref": "MetricsNamespace"}, "${MetricsNamespace}") else str(namespace)

    for name, alarm in resources(template, "AWS::CloudWatch::Alarm").items():
        dimensions = {each["Name"] for each in alarm.get("Dimensions", [])}
        yield name, (own(alarm["Namespace"]), alarm["MetricName"], dimensions)
    for widget in dashboard(template)["widgets"]:
        title = widget["properties"].get("title", "")
        for metric in widget["properties"].get("metrics", []):
            if isinstance(metric[0], dict):
                for space, by, searched in re.findall(
                    r"""\{"([^"]+)",([A-Za-z,]+)\} MetricName="(\w+)\"""", metric[0]["expression"]
                ):
                    yield title, (own(space), searched, set(by.split(",")))
                continue
            words = [each for each in metric if isinstance(each, str)]
            yield title, (own(words[0]), words[1], set(words[2::2]))


def dashboard(template: Template) -> dict[str, Any]:
    """The dashboard's body, with `${…}` as it stands there."""
    (only,) = resources(template, "AWS::CloudWatch::Dashboard").values()
    (body,) = texts(only["DashboardBody"])
    found: dict[str, Any] = json.loads(body.replace("${LagSeconds}", "1"))
    return found
