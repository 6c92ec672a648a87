"""The parameters: what is refused and by which words, and that what is taken the parts take as well."""

from __future__ import annotations

import re
from typing import Any

import names
import pytest
from parsed import load

pytest.importorskip("cfnlint", reason="cfn-lint is not installed; `cargo xtask test infra` does that")

PARAMETERS: dict[str, dict[str, Any]] = load()["Parameters"]
CASES = {
    # name: (what is taken, what is refused)
    "ArtifactBucket": (["artifacts", "a.b-c1"], ["", "s3://artifacts", "Artifacts", "ab", "a" * 64]),
    "FunctionZipKey": (["functions/ab12.zip"], ["", "bootstrap"]),
    "WheelKey": (
        [
            "headrig_etl-0.1.0-cp311-abi3-manylinux_2_17_x86_64.whl",
            "ab12/headrig_etl-0.1.0-cp311-abi3-linux_x86_64.whl",
        ],
        ["", "ab12.whl", "headrig_etl.tar.gz"],
    ),
    "JobScriptKey": (["jobs/ab12.py"], ["", "job"]),
    "SettingsKey": (["", "settings/ab12.toml"], ["settings.json"]),
    "UploadBucketName": (["", "my-logs"], ["My-Logs", "my_logs", "-logs"]),
    "ExistingUploadBucket": (["", "my-logs"], ["arn:aws:s3:::my-logs"]),
    "LakeBucketName": (["", "my-lake"], ["my lake"]),
    "ExistingLakeBucket": (["", "my-lake"], ["s3://my-lake"]),
    "UploadPrefix": (["", "raw/", "a/b_c/"], ["raw", "/raw/", "a//", "host=x/", "ä/"]),
    "LakePrefix": (["", "lake/"], ["lake", "/", "lake*/"]),
    "ExistingLedgerTable": (["", "headrig-LedgerTable-1"], ["a b", "ab"]),
    "KmsKeyArn": (
        ["", "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
        ["alias/logs", "arn:aws:kms:eu-central-1:123456789012:alias/logs", "1234abcd"],
    ),
    "AlarmEmail": (["", "ops@example.com"], ["ops", "ops@example", "a b@example.com"]),
    "MetricsNamespace": (["headrig", "Logs/prod"], ["", "AWS/headrig", "a b", "x" * 256]),
    "Architecture": (["x86_64", "arm64"], ["amd64"]),
    "GlueVersion": (["5.1", "6.0"], ["4.0", "5"]),
    "GlueWorkerType": (["G.1X"], ["Standard"]),
    "SavedQueries": (["true", "false"], ["yes"]),
    "RawRetentionDays": (["0", "365"], ["-1", "36501"]),
    "LogRetentionDays": (["1", "30"], ["0", "2"]),
    "BatchSize": (["1", "98"], ["0", "99"]),
    "MaxWaitSeconds": (["1", "86400"], ["0", "86401"]),
    "GlueWorkers": (["2", "299"], ["1", "300"]),
    "GlueMaxConcurrentRuns": (["1", "1000"], ["0", "1001"]),
    "CompactAfterHours": (["0", "24", "8760"], ["-1", "8761"]),
    "MissingAfterSeconds": (["120", "604800"], ["119", "604801"]),
    "MaxLagMinutes": (["5", "1440"], ["0", "7"]),
}
VARIABLES = {
    "BatchSize": "HEADRIG_BATCH_SIZE",
    "MaxWaitSeconds": "HEADRIG_MAX_WAIT_SECONDS",
    "GlueMaxConcurrentRuns": "HEADRIG_JOB_RUNS_MAX",
    "MissingAfterSeconds": "HEADRIG_MISSING_AFTER_SECONDS",
}


def takes(parameter: dict[str, Any], value: str) -> bool:
    """Whether CloudFormation takes the value: a pattern has to match the whole of it."""
    if "AllowedValues" in parameter:
        return value in [str(each) for each in parameter["AllowedValues"]]
    if "AllowedPattern" in parameter:
        return re.fullmatch(parameter["AllowedPattern"], value) is not None
    return bool(parameter["MinValue"] <= float(value) <= parameter["MaxValue"])


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_takes_what_is_right_and_nothing_else(name: str) -> None:
    right, wrong = CASES[name]
    parameter = PARAMETERS[name]
    assert [value for value in right if not takes(parameter, value)] == []
    assert [value for value in wrong if takes(parameter, value)] == []
    assert "Default" not in parameter or takes(parameter, str(parameter["Default"]))


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_says_what_it_is_and_what_it_must_be(name: str) -> None:
    parameter = PARAMETERS[name]
    assert len(parameter["Description"]) > 20
    # CloudFormation says: Parameter X failed to satisfy constraint: <this>.
    assert parameter["ConstraintDescription"].startswith("must be ")


@pytest.mark.parametrize("name", VARIABLES)
def test_what_the_template_takes_the_sink_takes(name: str) -> None:
    parameter = PARAMETERS[name]
    least, most = names.sink_range(VARIABLES[name])
    assert least <= parameter["MinValue"] and parameter["MaxValue"] <= most


def test_every_lag_has_its_seconds() -> None:
    found = {key: each["Seconds"] for key, each in load()["Mappings"]["Minutes"].items()}
    assert found == {str(minutes): minutes * 60 for minutes in PARAMETERS["MaxLagMinutes"]["AllowedValues"]}


def test_defaults_fit_together() -> None:
    default: dict[str, Any] = {name: each.get("Default") for name, each in PARAMETERS.items()}
    assert default["MaxWaitSeconds"] * 2 <= default["MaxLagMinutes"] * 60
    groups = load()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)
