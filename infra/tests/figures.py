"""CloudWatch's part that MiniStack lacks: figures that a function writes into its log, in the embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def embedded(log: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Namespace and datum of each figure in the lines of a log, as PutMetricData takes them."""
    for line in log.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        directives = told.get("_aws", {}).get("CloudWatchMetrics", []) if isinstance(told, dict) else []
        for directive in directives:
            for names in directive["Dimensions"]:
                dimensions = [{"Name": name, "Value": told[name]} for name in names]
                for metric in directive["Metrics"]:
                    unit = metric.get("Unit", "None")
                    datum = {"MetricName": metric["Name"], "Value": told[metric["Name"]], "Unit": unit}
                    yield directive["Namespace"], datum | {"Dimensions": dimensions}
