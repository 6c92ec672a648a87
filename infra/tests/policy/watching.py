"""What people see: alarms, the dashboard, and the figures under both."""

from __future__ import annotations

import re

import names
from parsed import Template, dashboard, read_metrics, resources


def alarms_say_what_to_do(template: Template) -> list[str]:
    """Each alarm explains itself, names a part of the runbook that is there, and tells the topic."""
    found = []
    for name, alarm in resources(template, "AWS::CloudWatch::Alarm").items():
        text = alarm.get("AlarmDescription", "")
        anchor = re.search(r"docs/operations/runbook\.md#([a-z0-9-]+)$", text)
        if anchor is None or len(text) < 100:
            found.append(f"{name} does not say what to do: {text!r}")
        elif anchor[1] not in names.runbook_anchors():
            found.append(f"the runbook has no part {anchor[1]}, to which {name} sends people")
        told = [alarm.get("AlarmActions"), alarm.get("OKActions")]
        if told != [[{"Ref": "Topic"}]] * 2 or alarm.get("ActionsEnabled", True) is not True:
            found.append(f"{name} tells nobody")
        if "TreatMissingData" not in alarm:
            found.append(f"{name} does not say what silence means")
    return found


def promised_alarms_are_there(template: Template) -> list[str]:
    """The alarms that the operators are promised, by metric, and how each takes silence and its threshold."""
    lag = {"Fn::FindInMap": ["Minutes", {"Ref": "MaxLagMinutes"}, "Seconds"]}
    wanted = {
        "MissingAgents": ("GreaterThanThreshold", 0),
        "SweepHeartbeat": ("LessThanThreshold", 1),
        "OldestPendingSeconds": ("GreaterThanThreshold", lag),
        "Quarantined": ("GreaterThanThreshold", 0),
        "ApproximateNumberOfMessagesVisible": ("GreaterThanThreshold", 0),
        "Errors": ("GreaterThanThreshold", 0),
        "Throttles": ("GreaterThanThreshold", 0),
        "TriggeredRules": ("GreaterThanThreshold", 0),
        "RowsNotConserved": ("GreaterThanThreshold", 0),
        "BytesLost": ("GreaterThanThreshold", 0),
        "LagSeconds": ("GreaterThanThreshold", lag),
    }
    alarms = resources(template, "AWS::CloudWatch::Alarm")
    found = [
        f"there is no alarm on {metric} of {each}"
        for metric, each in wanted.items()
        if not any(
            alarm.get("MetricName") == metric and (alarm["ComparisonOperator"], alarm["Threshold"]) == each
            for alarm in alarms.values()
        )
    ]
    for name, alarm in alarms.items():
        is_sweep = alarm.get("MetricName") == "SweepHeartbeat"
        if is_sweep != (alarm.get("TreatMissingData") == "breaching"):
            found.append(f"{name} takes silence for {alarm.get('TreatMissingData')}")
    return found


def metrics_are_published(template: Template) -> list[str]:
    """Every metric that an alarm or the dashboard reads is one that somebody publishes, with these dimensions."""
    published = names.published_metrics()
    for each in resources(template, "AWS::Logs::MetricFilter").values():
        for made in each["MetricTransformations"]:
            if made["MetricNamespace"] == {"Ref": "MetricsNamespace"}:
                published[("", made["MetricName"])] = set()
    found = []
    for who, metric in read_metrics(template):
        namespace, name, dimensions = metric
        if published.get((namespace, name)) != dimensions:
            found.append(f"{who} reads {namespace or 'our own'} {name} by {sorted(dimensions)}, which nobody publishes")
    return found


def dashboard_shows_the_pipeline(template: Template) -> list[str]:
    """All alarms are on it, no widget covers another, and they fit."""
    widgets = dashboard(template)["widgets"]
    shown = {arn for each in widgets if each["type"] == "alarm" for arn in each["properties"]["alarms"]}
    expect = {f"${{{name}.Arn}}" for name in resources(template, "AWS::CloudWatch::Alarm")}
    found = [f"{arn} is not on the dashboard" for arn in sorted(expect - shown)]
    taken: dict[tuple[int, int], str] = {}
    for each in widgets:
        title = each["properties"].get("title") or each["properties"].get("markdown")
        for x in range(each["x"], each["x"] + each["width"]):
            for y in range(each["y"], each["y"] + each["height"]):
                if x >= 24 or taken.setdefault((x, y), title) != title:
                    found.append(f"{title} lies on {taken.get((x, y), 'the edge')}")
    return sorted(set(found))


def log_filters_find_what_is_logged(template: Template) -> list[str]:
    """The filters of the job's log look for what the job writes there."""
    found = []
    fields = names.job_log_fields()
    for name, each in resources(template, "AWS::Logs::MetricFilter").items():
        pattern = each["FilterPattern"]
        if each["LogGroupName"] != {"Ref": "JobOutputLogs"}:
            found.append(f"{name} reads another log")
        if field := re.fullmatch(r"\{ (\$\.[\w.]+) = \* \}", pattern):
            values = {made["MetricValue"] for made in each["MetricTransformations"]}
            if field[1] not in fields or values != {field[1]}:
                found.append(f"{name} looks for {field[1]}, the job writes {sorted(fields)}")
            continue
        phrases = re.findall(r'"([^"]+)"', pattern)
        found += [f"{name} looks for {phrase!r}" for phrase in phrases if phrase not in names.CONSERVATION_PHRASES]
        if not phrases:
            found.append(f"{name} has a pattern that nobody checks: {pattern}")
    return found + [f"{phrase!r} is not written by {path}" for phrase, path in names.phrases_that_nobody_writes()]
