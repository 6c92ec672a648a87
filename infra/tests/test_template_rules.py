"""Each rule of `policy` can fail: templates with one thing changed, and what then complains.

A rule without a case here fails `test_every_rule_is_shown_to_fail`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import policy
import pytest
from parsed import Template, flat, load
from policy import access, storage, watching, wiring

pytest.importorskip("cfnlint", reason="cfn-lint is not installed; `cargo xtask test infra` does that")
pytest.importorskip("headrig_etl", reason="the wheel is not there; `cargo xtask test infra` makes it")

Change = Callable[[dict[str, Any]], object]


@dataclass(frozen=True)
class Case:
    """A change of the template's resources, and what the rule that notices it says."""

    rule: policy.Rule
    change: Change
    says: str

    def __str__(self) -> str:
        return f"{self.rule.__name__}: {self.says}"


def statement(resources: dict[str, Any], owner: str, sid: str) -> dict[str, Any]:
    """A statement of a role or a managed policy."""
    properties = resources[owner]["Properties"]
    documents = [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    documents += [each["PolicyDocument"] for each in flat(properties.get("Policies", []))]
    found: list[dict[str, Any]]
    found = [each for document in documents for each in flat(document["Statement"]) if each["Sid"] == sid]
    return found[0]


def set_at(*path: str | int, value: Any) -> Change:
    """Sets a property of a resource."""

    def change(resources: dict[str, Any]) -> None:
        at: Any = resources[str(path[0])]["Properties"]
        for key in path[1:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


def drop(*path: str | int) -> Change:
    """Removes a property of a resource."""

    def change(resources: dict[str, Any]) -> None:
        at: Any = resources[str(path[0])]["Properties"]
        for key in path[1:-1]:
            at = at[key]
        del at[path[-1]]

    return change


def in_statement(owner: str, sid: str, **values: Any) -> Change:
    """Changes a statement."""
    return lambda resources: statement(resources, owner, sid).update(values)


def without_lifecycle(bucket: str, key: str) -> Change:
    """Removes the lifecycle rules that have a key."""

    def change(resources: dict[str, Any]) -> None:
        lifecycle = resources[bucket]["Properties"]["LifecycleConfiguration"]
        lifecycle["Rules"] = [each for each in flat(lifecycle["Rules"]) if key not in each]

    return change


def on_dashboard(old: str, new: str) -> Change:
    """Replaces text in the dashboard's body."""

    def change(resources: dict[str, Any]) -> None:
        body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
        assert old in body[0]
        body[0] = body[0].replace(old, new, 1)

    return change


UPLOADS = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${UploadBucket}/*"}
CASES = (
    Case(
        access.wildcards_are_documented,
        in_statement("SinkRole", "TakeMessages", Action="sqs:*"),
        "SinkRole.TakeMessages allows sqs:*",
    ),
    Case(
        access.wildcards_are_documented,
        in_statement("JobRole", "KeepLedger", Resource="*"),
        "JobRole.KeepLedger is for ['*']",
    ),
    Case(
        access.wildcards_are_documented,
        in_statement("JobRole", "TellPeople", NotResource="x"),
        "JobRole.TellPeople is no plain permission",
    ),
    Case(
        access.documented_wildcards_exist,
        in_statement("SinkRole", "ListenForAgents", Resource="arn:x"),
        "security.md has a line for SinkRole.ListenForAgents",
    ),
    Case(
        access.actions_are_documented,
        in_statement("JobRole", "KeepLedger", Action=["dynamodb:DeleteTable"]),
        "JobRole.KeepLedger allows dynamodb:DeleteTable",
    ),
    Case(
        access.actions_are_documented,
        in_statement("AgentPolicy", "StoreOwnChunks", Action=["s3:ListBucket"]),
        "AgentPolicy.StoreOwnChunks allows s3:ListBucket",
    ),
    Case(
        access.each_role_is_one_services,
        set_at("JobRole", "AssumeRolePolicyDocument", "Statement", 0, "Principal", value={"AWS": "*"}),
        "expected",
    ),
    Case(
        access.each_role_is_one_services,
        set_at("SinkRole", "ManagedPolicyArns", value=["arn:aws:iam::aws:policy/AdministratorAccess"]),
        "AdministratorAccess",
    ),
    Case(
        access.nobody_changes_what_was_uploaded,
        in_statement("JobRole", "ReadUploads", Action=["s3:GetObject", "s3:PutObject"]),
        "JobRole.ReadUploads allows ['s3:PutObject'] on the upload bucket",
    ),
    Case(
        access.nobody_changes_what_was_uploaded,
        in_statement("SinkRole", "RemoveDeadRunsFiles", Resource=UPLOADS),
        "SinkRole.RemoveDeadRunsFiles allows ['s3:DeleteObject'] on the upload bucket",
    ),
    Case(
        access.nobody_changes_what_was_uploaded,
        in_statement("SinkRole", "StoreCollectedLogs", Resource=UPLOADS),
        "writes for any host",
    ),
    Case(
        access.nobody_changes_what_was_uploaded,
        in_statement("AgentPolicy", "StoreOwnChunks", Action=["s3:PutObject", "s3:DeleteObject"]),
        "agents may",
    ),
    Case(
        access.agents_are_kept_to_their_host_and_namespace,
        in_statement(
            "AgentPolicy", "StoreOwnChunks", Resource={"Fn::Sub": "arn:aws:s3:::${UploadBucket}/${UploadPrefix}host=*"}
        ),
        "agents write to",
    ),
    Case(
        access.agents_are_kept_to_their_host_and_namespace,
        in_statement("AgentPolicy", "ReportFigures", Condition={}),
        "any namespace",
    ),
    Case(
        access.services_speak_for_this_account,
        set_at("TopicPolicy", "PolicyDocument", "Statement", 0, "Condition", value={}),
        "TopicPolicy.AlarmsTell lets",
    ),
    Case(
        storage.tls_only,
        set_at("UploadBucketPolicy", "PolicyDocument", "Statement", 0, "Condition", value={}),
        "${UploadBucket.Arn} takes requests without TLS",
    ),
    Case(
        storage.tls_only,
        set_at("LakeBucketPolicy", "PolicyDocument", "Statement", 0, "Resource", value=["${LakeBucket.Arn}"]),
        "${LakeBucket.Arn}/* takes",
    ),
    Case(
        storage.queue_policies_speak_of_one_queue,
        set_at("QueuePolicy", "Queues", value=[{"Ref": "ObjectsQueue"}, {"Ref": "DeadLetterQueue"}]),
        "QueuePolicy is not about one queue",
    ),
    Case(
        storage.queue_policies_speak_of_one_queue,
        set_at("DeadLetterQueuePolicy", "PolicyDocument", "Statement", 0, "Resource", value="*"),
        "DeadLetterQueuePolicy is not about one queue",
    ),
    Case(storage.encrypted, drop("LakeBucket", "BucketEncryption"), "LakeBucket has no BucketEncryption"),
    Case(storage.encrypted, drop("SinkLogs", "KmsKeyId"), "SinkLogs does not use KmsKeyArn"),
    Case(
        storage.encrypted,
        set_at("Workgroup", "WorkGroupConfiguration", "EnforceWorkGroupConfiguration", value=False),
        "choose where",
    ),
    Case(
        storage.buckets_are_closed,
        set_at("UploadBucket", "PublicAccessBlockConfiguration", "BlockPublicPolicy", value=False),
        "UploadBucket: BlockPublicPolicy is not set",
    ),
    Case(storage.buckets_are_closed, drop("LakeBucket", "VersioningConfiguration"), "LakeBucket keeps no old versions"),
    Case(
        storage.data_outlive_the_stack,
        lambda resources: resources["LedgerTable"].update(DeletionPolicy="Delete"),
        "LedgerTable goes with the stack",
    ),
    Case(
        storage.data_outlive_the_stack,
        lambda resources: resources["UploadBucket"].pop("UpdateReplacePolicy"),
        "UploadBucket goes when it is replaced",
    ),
    Case(
        storage.lifecycles,
        without_lifecycle("UploadBucket", "AbortIncompleteMultipartUpload"),
        "UploadBucket has no AbortIncompleteMultipartUpload",
    ),
    Case(storage.lifecycles, without_lifecycle("UploadBucket", "ExpirationInDays"), "raw chunks do not expire"),
    Case(storage.lifecycles, without_lifecycle("LakeBucket", "Transitions"), "the lake has no tiers"),
    Case(
        storage.lifecycles,
        set_at("LakeBucket", "LifecycleConfiguration", "Rules", 2, "Prefix", value=""),
        "deletes from the lake",
    ),
    Case(
        storage.logs_and_messages_are_kept_long_enough,
        drop("JobOutputLogs", "RetentionInDays"),
        "JobOutputLogs is not kept",
    ),
    Case(
        storage.logs_and_messages_are_kept_long_enough,
        drop("DeadLetterQueue", "MessageRetentionPeriod"),
        "DeadLetterQueue forgets",
    ),
    Case(storage.ledger_is_as_documented, drop("LedgerTable", "TimeToLiveSpecification"), "time to live"),
    Case(storage.ledger_is_as_documented, drop("LedgerTable", "PointInTimeRecoverySpecification"), "recovery"),
    Case(
        storage.ledger_is_as_documented,
        set_at("LedgerTable", "GlobalSecondaryIndexes", 0, "Projection", value={"ProjectionType": "KEYS_ONLY"}),
        "its indexes",
    ),
    Case(
        wiring.function_is_told_what_it_knows,
        set_at("SinkFunction", "Environment", "Variables", "HEADRIG_BATCHSIZE", value="5"),
        "does not know HEADRIG_BATCHSIZE",
    ),
    Case(
        wiring.function_is_told_what_it_knows,
        drop("SinkFunction", "Environment", "Variables", "HEADRIG_TOPIC_ARN"),
        "needs HEADRIG_TOPIC_ARN",
    ),
    Case(
        wiring.queue_gives_the_function_time,
        set_at("ObjectsQueue", "VisibilityTimeout", value=300),
        "VisibilityTimeout",
    ),
    Case(wiring.queue_gives_the_function_time, drop("SinkMessages", "FunctionResponseTypes"), "fail with bad ones"),
    Case(
        wiring.sweep_comes_every_minute,
        lambda resources: resources.pop("SweepPermission"),
        "SweepRule may not invoke the function",
    ),
    Case(
        wiring.sweep_comes_every_minute,
        set_at("JobFailedRule", "EventPattern", "detail", "state", value=["FAILED"]),
        "runs that are TIMEOUT",
    ),
    Case(wiring.job_runs_only_when_asked, set_at("Job", "MaxRetries", value=1), "starts runs again"),
    Case(wiring.job_runs_only_when_asked, drop("Job", "ExecutionProperty"), "MaxConcurrentRuns"),
    Case(wiring.job_runs_only_when_asked, set_at("Job", "JobRunQueuingEnabled", value=True), "queues runs"),
    Case(
        wiring.job_is_told_what_it_knows,
        set_at("Job", "DefaultArguments", "--topic", value="x"),
        "does not know --topic",
    ),
    Case(wiring.job_is_told_what_it_knows, drop("Job", "DefaultArguments", "--ledger"), "needs --ledger"),
    Case(wiring.names_are_the_stacks, set_at("ObjectsQueue", "QueueName", value="objects"), "objects in every stack"),
    Case(wiring.names_are_the_stacks, set_at("JobRole", "RoleName", value="x"), "JobRole has a name"),
    Case(watching.alarms_say_what_to_do, drop("LagAlarm", "AlarmDescription"), "LagAlarm does not say what to do"),
    Case(watching.alarms_say_what_to_do, drop("LagAlarm", "AlarmActions"), "LagAlarm tells nobody"),
    Case(
        watching.alarms_say_what_to_do,
        set_at("LagAlarm", "AlarmDescription", value="x" * 100 + " docs/operations/runbook.md#nowhere"),
        "has no part nowhere",
    ),
    Case(
        watching.promised_alarms_are_there, lambda resources: resources.pop("BytesLostAlarm"), "no alarm on BytesLost"
    ),
    Case(
        watching.promised_alarms_are_there,
        set_at("SweepSilentAlarm", "TreatMissingData", value="missing"),
        "SweepSilentAlarm takes silence for missing",
    ),
    Case(
        watching.metrics_are_published,
        set_at("BytesLostAlarm", "MetricName", value="LostBytes"),
        "BytesLostAlarm reads our own LostBytes",
    ),
    Case(
        watching.metrics_are_published,
        on_dashboard('"OldestPendingSeconds"', '"OldestPending"'),
        "reads our own OldestPending by []",
    ),
    Case(
        watching.metrics_are_published,
        on_dashboard('MetricName=\\"Heartbeat\\"', 'MetricName=\\"Beat\\"'),
        "Agents reads our own Beat by ['Host']",
    ),
    Case(
        watching.metrics_are_published, lambda resources: resources.pop("RowsFilter"), "Rows loaded reads our own Rows"
    ),
    Case(
        watching.dashboard_shows_the_pipeline,
        on_dashboard('"${LagAlarm.Arn}"', '"${GapsAlarm.Arn}"'),
        "${LagAlarm.Arn} is not on the dashboard",
    ),
    Case(watching.dashboard_shows_the_pipeline, on_dashboard('"x": 18, "y": 17', '"x": 13, "y": 17'), "lies on"),
    Case(
        watching.log_filters_find_what_is_logged,
        set_at("RowsNotConservedFilter", "FilterPattern", value='"is not conserved"'),
        "RowsNotConservedFilter looks for 'is not conserved'",
    ),
    Case(
        watching.log_filters_find_what_is_logged,
        set_at("RowsFilter", "FilterPattern", value="{ $.rows = * }"),
        "RowsFilter looks for $.rows",
    ),
)


@cache
def unchanged() -> Template:
    """The template as it is."""
    return load()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rule_notices(case: Case) -> None:
    template = copy.deepcopy(unchanged())
    before = case.rule(template)
    case.change(template["Resources"])
    told = [each for each in case.rule(template) if each not in before]
    assert any(case.says in each for each in told), told


def test_every_rule_is_shown_to_fail() -> None:
    shown = {case.rule for case in CASES}
    assert [rule.__name__ for rule in policy.RULES if rule not in shown] == []
