"""infra/template.yaml against every rule of `policy`, cfn-lint, checkov, the catalog and what its users rely on."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import policy
import pytest
from parsed import TEMPLATE, load, resources

pytest.importorskip("cfnlint", reason="cfn-lint is not installed; `cargo xtask test infra` does that")
catalog = pytest.importorskip("headrig_etl.catalog", reason="the wheel is not there; `cargo xtask test infra` makes it")

CHECKOV = TEMPLATE.parents[1] / ".venv/checkov/bin/python"
OUTPUTS = {
    *("UploadBucket", "LakeBucket", "Lake", "LedgerTable", "Queue", "DeadLetterQueue", "FunctionName", "JobName"),
    *("Database", "TopicArn", "AgentPolicyArn", "Workgroup", "DashboardName", "Region"),
}
REASON_CHARS_MIN = 40
TEMPLATE_BYTES_MAX = 1_000_000
"""What CloudFormation takes from S3."""


@pytest.mark.parametrize("rule", policy.RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps(rule: policy.Rule) -> None:
    assert rule(load()) == []


def test_cfn_lint_has_nothing_to_say() -> None:
    # As the program does it, its warnings and remarks included.
    script = "import sys; from cfnlint.runner import main; sys.argv[0] = 'cfn-lint'; main()"
    told = subprocess.run(
        [sys.executable, "-c", script, "--include-checks", "I", "--", TEMPLATE],
        capture_output=True,
        text=True,
    )
    # CloudFormation would put the template's length into a remark; it goes by S3.
    remarks = [each for each in told.stdout.split("\n\n") if each.strip() and not each.startswith("I1002")]
    assert not remarks and not told.stderr, told.stdout + told.stderr


def test_checkov_finds_nothing_and_each_exception_says_why() -> None:
    if not CHECKOV.exists():
        pytest.skip("checkov is not installed; `cargo xtask test infra` does that")
    command = [str(CHECKOV), "-m", "checkov.main", "-f", str(TEMPLATE), "--framework", "cloudformation"]
    told = subprocess.run(
        [*command, "--skip-download", "--output", "json", "--quiet"],
        capture_output=True,
        text=True,
        env={key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "BC_", "PRISMA_"))},
    )
    report = json.loads(told.stdout)
    failed = [f"{each['check_id']} {each['resource']}" for each in report["results"]["failed_checks"]]
    assert failed == [] and report["summary"]["parsing_errors"] == 0
    skips = [
        (name, skip)
        for name, each in load()["Resources"].items()
        for skip in each.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert report["summary"]["skipped"] == len(skips), "an exception is for a check that does not fail any more"
    assert all(len(skip["comment"]) >= REASON_CHARS_MIN for _, skip in skips)


def test_database_and_tables_are_those_that_the_files_are_written_for() -> None:
    template = load()
    lake = catalog.Place.parse("s3://${Bucket}/${LakePrefix}")
    bucket = {"Bucket": {"Fn::If": ["CreateLakeBucket", {"Ref": "LakeBucket"}, {"Ref": "ExistingLakeBucket"}]}}

    def resolved(value: object) -> object:
        """The locations as text; they are nothing else but functions of the lake's place."""
        match value:
            case {"Fn::Sub": [text, names]} if names == bucket:
                # Place puts a slash behind the prefix; the parameter has it already.
                return text.replace("${LakePrefix}", "${LakePrefix}/")
            case dict():
                return {key: resolved(each) for key, each in value.items()}
            case list():
                return [resolved(each) for each in value]
        return value

    (database,) = resources(template, "AWS::Glue::Database").values()
    expect = catalog.database_input("any", lake)
    found = resolved(database["DatabaseInput"])
    assert isinstance(found, dict)
    assert found | {"Name": "any"} == expect
    tables = resources(template, "AWS::Glue::Table").values()
    assert [resolved(each["TableInput"]) for each in tables] == catalog.table_inputs(lake)
    assert all(each["DatabaseName"] == {"Ref": "Database"} for each in tables)


def test_what_others_rely_on_is_there() -> None:
    template = load()
    assert set(template["Outputs"]) >= OUTPUTS
    assert all(each.get("Description") for each in template["Outputs"].values())
    assert "Transform" not in template
    assert TEMPLATE.stat().st_size < TEMPLATE_BYTES_MAX


def test_documents_that_the_template_names_are_there() -> None:
    named = set(re.findall(r"docs/[\w./-]+\.md", TEMPLATE.read_text()))
    root = Path(TEMPLATE).parents[1]
    assert [each for each in sorted(named) if not (root / each).exists()] == []
