"""Who may do what in the deployed stack: each role's own calls go through, the others' are refused.

Of every principal there are calls that go through, too, so that it is the policy which refuses, and not a mistake in
the call.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import Deployed
from emulator import ACCOUNT, REGION, Credentials
from stack import TAG, Stack

REFUSALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
HOST, OTHER = "mail-1", "mail-10"
"""The one's name begins the other's."""
FIGURE = [{"MetricName": "Heartbeat", "Value": 1}]


@dataclass
class Places:
    """The names that calls need."""

    uploads: str
    lake: str
    lake_prefix: str
    artifacts: str
    script: str
    table: str
    queue: str
    topic: str
    function: str
    job: str
    database: str


@dataclass
class Principals:
    """Somebody of every kind, and somebody else's things."""

    places: Places
    by_name: dict[str, Credentials]
    stack: Stack

    def call(self, who: str, service: str, operation: str, **arguments: Any) -> Any:
        """A call, tried once."""
        return getattr(self.stack.emulator.client(service, self.by_name[who]), operation)(**arguments)


@pytest.fixture(scope="session")
def principals(deployed: Deployed) -> Principals:
    """The agent of a host, one whose host is its session's tag, one without a tag; the job's and the sink's role."""
    stack, out = deployed.stack, deployed.stack.outputs
    cloud = stack.emulator
    iam = cloud.client("iam")
    lake, _, prefix = out["Lake"].removeprefix("s3://").partition("/")
    artifacts, _, script = deployed.job.script.removeprefix("s3://").partition("/")
    places = Places(out["UploadBucket"], lake, prefix, artifacts, script, out["LedgerTable"], out["Queue"],
                    out["TopicArn"], out["FunctionName"], out["JobName"], out["Database"])  # fmt: skip
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="agents", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="agents", PolicyArn=out["AgentPolicyArn"])
    others(stack)
    for key in (f"host={HOST}/source=web/theirs.log", f"host={OTHER}/source=web/theirs.log"):
        cloud.client("s3").put_object(Bucket=places.uploads, Key=f"not-taken-in/{key}", Body=b"a line\n")
    by_name = {
        "agent": stack.agent_user(HOST),
        "agent by its session": cloud.assume(role, "agent", {TAG: HOST}),
        "agent without a tag": cloud.assume(role, "agent"),
        "job": cloud.assume(deployed.job.role, "job"),
        "sink": cloud.assume(stack.function["Role"], "sink"),
    }
    return Principals(places, by_name, stack)


def others(stack: Stack) -> None:
    """Another table, topic, queue, job and bucket in the same account, which are none of the stack's business."""
    cloud = stack.emulator
    key = [{"AttributeName": "pk", "KeyType": "HASH"}]
    kinds = [{"AttributeName": "pk", "AttributeType": "S"}]
    cloud.client("dynamodb").create_table(
        TableName="others", KeySchema=key, AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST"
    )
    cloud.client("sns").create_topic(Name="others")
    cloud.client("sqs").create_queue(QueueName="others")
    cloud.client("s3").create_bucket(Bucket="others")
    command = {"Name": "glueetl", "ScriptLocation": "s3://others/job.py"}
    cloud.client("glue").create_job(Name="others", Role=stack.function["Role"], Command=command)


def topic(name: str) -> str:
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"


def put(where: str) -> Callable[[Places], dict[str, Any]]:
    """An object of nobody's making; the names in braces are those of the places."""
    return lambda at: dict(zip(("Bucket", "Key"), place(where, at), strict=True)) | {"Body": b"x"}


def at(where: str) -> Callable[[Places], dict[str, Any]]:
    return lambda places: dict(zip(("Bucket", "Key"), place(where, places), strict=True))


def place(where: str, places: Places) -> list[str]:
    return where.format(**vars(places)).split("/", 1)


def item(table: str) -> Callable[[Places], dict[str, Any]]:
    return lambda at: {"TableName": table.format(**vars(at)), "Key": {"pk": {"S": "note#of-this-test"}}}


def new_item(table: str) -> Callable[[Places], dict[str, Any]]:
    return lambda at: {"TableName": table.format(**vars(at)), "Item": {"pk": {"S": "note#of-this-test"}}}


def told(**arguments: Any) -> Callable[[Places], dict[str, Any]]:
    """Arguments in which the names in braces are those of the places."""
    return lambda at: {
        name: value.format(**vars(at)) if isinstance(value, str) else value for name, value in arguments.items()
    }


OWN, THEIRS = f"host={HOST}/source=web/x.log", f"host={OTHER}/source=web/x.log"
PARTITION = {"Values": ["2026", "01", "01"]}
Case = tuple[str, str, str, Callable[[Places], dict[str, Any]]]

ALLOWED: list[Case] = [
    ("agent", "s3", "put_object", put("{uploads}/" + OWN)),
    ("agent", "cloudwatch", "put_metric_data", told(Namespace="headrig", MetricData=FIGURE)),
    ("agent by its session", "s3", "put_object", put("{uploads}/" + OWN)),
    ("job", "s3", "get_object", at("{uploads}/not-taken-in/" + "host=mail-1/source=web/theirs.log")),
    ("job", "s3", "list_objects_v2", told(Bucket="{uploads}")),
    ("job", "s3", "get_object", at("{artifacts}/{script}")),
    ("job", "s3", "put_object", put("{lake}/{lake_prefix}batches/x.json")),
    ("job", "s3", "delete_object", at("{lake}/{lake_prefix}batches/x.json")),
    ("job", "dynamodb", "put_item", new_item("{table}")),
    ("job", "dynamodb", "get_item", item("{table}")),
    ("job", "sns", "publish", told(TopicArn="{topic}", Message="from the job")),
    ("sink", "s3", "get_object", at("{uploads}/not-taken-in/" + "host=mail-1/source=web/theirs.log")),
    ("sink", "s3", "list_objects_v2", told(Bucket="{lake}")),
    ("sink", "dynamodb", "put_item", new_item("{table}")),
    ("sink", "sns", "publish", told(TopicArn="{topic}", Message="from the sink")),
    ("sink", "glue", "get_job_runs", told(JobName="{job}")),
    ("sink", "sqs", "get_queue_attributes", told(QueueUrl="{queue}", AttributeNames=["QueueArn"])),
    ("sink", "cloudwatch", "list_metrics", told()),
]

REFUSED: list[Case] = [
    # An agent reads nothing, deletes nothing, and writes below its own host only.
    ("agent", "s3", "get_object", at("{uploads}/" + OWN)),
    ("agent", "s3", "list_objects_v2", told(Bucket="{uploads}")),
    ("agent", "s3", "delete_object", at("{uploads}/" + OWN)),
    ("agent", "s3", "put_object", put("{uploads}/" + THEIRS)),
    ("agent", "s3", "put_object", put("{uploads}/elsewhere/" + OWN)),
    ("agent", "s3", "put_object", put("{uploads}/host=/x.log")),
    ("agent", "s3", "put_object", put("{lake}/" + OWN)),
    ("agent", "s3", "put_bucket_versioning", told(Bucket="{uploads}", VersioningConfiguration={"Status": "Suspended"})),
    ("agent", "s3", "delete_bucket_policy", told(Bucket="{uploads}")),
    ("agent", "cloudwatch", "put_metric_data", told(Namespace="others", MetricData=FIGURE)),
    ("agent", "cloudwatch", "put_metric_data", told(Namespace="headrig2", MetricData=FIGURE)),
    ("agent", "cloudwatch", "list_metrics", told()),
    ("agent", "dynamodb", "get_item", item("{table}")),
    ("agent", "sqs", "receive_message", told(QueueUrl="{queue}")),
    ("agent", "sqs", "send_message", told(QueueUrl="{queue}", MessageBody="{{}}")),
    ("agent", "sns", "publish", told(TopicArn="{topic}", Message="from the agent")),
    ("agent", "lambda", "invoke", told(FunctionName="{function}", Payload="{{}}")),
    ("agent", "glue", "start_job_run", told(JobName="{job}")),
    ("agent", "iam", "tag_user", told(UserName=f"agent-{HOST}", Tags=[{"Key": TAG, "Value": OTHER}])),
    ("agent by its session", "s3", "put_object", put("{uploads}/" + THEIRS)),
    ("agent by its session", "s3", "get_object", at("{uploads}/" + OWN)),
    ("agent without a tag", "s3", "put_object", put("{uploads}/" + OWN)),
    ("agent without a tag", "s3", "put_object", put("{uploads}/host=/source=web/x.log")),
    ("agent without a tag", "s3", "put_object", put("{uploads}/host=${{aws:PrincipalTag/headrig-host}}/x.log")),
    # The job reads raw logs and writes the lake.
    ("job", "s3", "put_object", put("{uploads}/" + OWN)),
    ("job", "s3", "delete_object", at("{uploads}/" + OWN)),
    ("job", "s3", "put_object", put("{artifacts}/{script}")),
    ("job", "s3", "put_object", put("{lake}/elsewhere/x.parquet")),
    ("job", "s3", "put_object", put("others/x")),
    ("job", "dynamodb", "put_item", new_item("others")),
    ("job", "dynamodb", "delete_item", item("{table}")),
    ("job", "dynamodb", "delete_table", told(TableName="{table}")),
    ("job", "glue", "start_job_run", told(JobName="{job}")),
    ("job", "glue", "delete_table", told(DatabaseName="{database}", Name="logs")),
    ("job", "sns", "publish", told(TopicArn=topic("others"), Message="from the job")),
    ("job", "sqs", "receive_message", told(QueueUrl="{queue}")),
    # The sink keeps the ledger, and starts this job alone.
    ("sink", "s3", "put_object", put("{uploads}/" + OWN)),
    ("sink", "s3", "delete_object", at("{uploads}/" + OWN)),
    ("sink", "s3", "put_object", put("{lake}/{lake_prefix}logs/x.parquet")),
    ("sink", "s3", "get_object", at("{lake}/{lake_prefix}logs/x.parquet")),
    ("sink", "s3", "list_objects_v2", told(Bucket="others")),
    ("sink", "dynamodb", "put_item", new_item("others")),
    ("sink", "dynamodb", "get_item", item("others")),
    ("sink", "dynamodb", "delete_table", told(TableName="{table}")),
    ("sink", "glue", "start_job_run", told(JobName="others")),
    ("sink", "glue", "delete_job", told(JobName="{job}")),
    ("sink", "sns", "publish", told(TopicArn=topic("others"), Message="from the sink")),
    ("sink", "cloudwatch", "put_metric_data", told(Namespace="headrig", MetricData=FIGURE)),
    (
        "sink",
        "iam",
        "attach_role_policy",
        told(RoleName="agents", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
]


def title(case: Case) -> str:
    who, service, operation, _ = case
    return f"{who}-{service}-{operation}"


@pytest.mark.parametrize("case", ALLOWED, ids=title)
def test_what_a_role_is_for_it_may(principals: Principals, case: Case) -> None:
    who, service, operation, arguments = case
    principals.call(who, service, operation, **arguments(principals.places))


@pytest.mark.parametrize("case", REFUSED, ids=title)
def test_what_a_role_is_not_for_is_refused(principals: Principals, case: Case) -> None:
    who, service, operation, arguments = case
    with pytest.raises(ClientError) as refused:
        principals.call(who, service, operation, **arguments(principals.places))
    assert refused.value.response["Error"]["Code"] in REFUSALS, refused.value


def test_without_tls_even_what_is_allowed_is_refused(principals: Principals) -> None:
    client = principals.stack.emulator.client("s3", principals.by_name["agent"])
    bucket = principals.places.uploads
    client.put_object(Bucket=bucket, Key=OWN, Body=b"x")
    # The connection is one of TLS, or MiniStack would not answer; the header tells it of a part of the way that is not.
    client.meta.events.register(
        "before-sign.s3", lambda request, **_: request.headers.add_header("X-Forwarded-Proto", "http")
    )
    with pytest.raises(ClientError, match="explicit deny in a resource-based policy"):
        client.put_object(Bucket=bucket, Key=OWN, Body=b"x")
