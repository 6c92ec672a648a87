"""A figure of a part of the deployed stack sets off its alarm, and people hear of it by the stack's topic."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import Deployed
from emulator import ACCOUNT, REGION
from figures import embedded
from stack import Stack

WAIT_SECONDS = 120
"""The schedule comes every minute."""
POLL_SECONDS = 0.2
HOST = "cache-1"


@dataclass
class Listener:
    """A queue that hears what the topic tells, as an operator's mail box does."""

    stack: Stack
    queue: str

    @classmethod
    def subscribed(cls, stack: Stack) -> Listener:
        """A new one."""
        name = f"listener-{uuid.uuid4().hex[:8]}"
        arn, source = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", stack.outputs["TopicArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        statement = allow | {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": source}}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        queue = stack.emulator.client("sqs").create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        stack.emulator.client("sns").subscribe(TopicArn=source, Protocol="sqs", Endpoint=arn)
        return cls(stack, queue)

    def hears(self, what: Callable[[str], bool]) -> str:
        """The first message that is so; others are passed over."""

        def heard() -> str | None:
            sqs = self.stack.emulator.client("sqs")
            for message in sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                text = str(json.loads(message["Body"])["Message"])
                if what(text):
                    return text
            return None

        return str(wait(heard, "the message"))


def wait(for_what: Callable[[], Any], name: str) -> Any:
    """What `for_what` gives as soon as it gives anything."""
    end = time.monotonic() + WAIT_SECONDS
    while not (found := for_what()):
        assert time.monotonic() < end, f"{name} does not come"
        time.sleep(POLL_SECONDS)
    return found


@pytest.fixture
def listener(deployed: Deployed) -> Listener:
    """Somebody who hears the stack's topic."""
    return Listener.subscribed(deployed.stack)


def is_alarm(name: str) -> Callable[[str], bool]:
    """Whether a message is that of an alarm that goes off."""

    def is_it(text: str) -> bool:
        told = json.loads(text) if text.startswith("{") else {}
        return (told.get("AlarmName"), told.get("NewStateValue")) == (name, "ALARM")

    return is_it


def test_the_schedule_sweeps_and_every_step_goes_well(deployed: Deployed) -> None:
    # The first test of this file: nobody but the schedule has asked for a sweep yet.
    stack = deployed.stack

    def swept() -> bool:
        named = {datum["MetricName"]: datum["Value"] for _, datum in embedded(stack.function_log())}
        return named.get("SweepHeartbeat") == 1 and "MissingAgents" in named

    wait(swept, "a sweep by the schedule")
    assert "a step of the sweep failed" not in stack.function_log()


def test_an_object_that_cannot_be_loaded_is_told_of(deployed: Deployed, listener: Listener) -> None:
    stack = deployed.stack
    cloudwatch, before = stack.emulator.client("cloudwatch"), stack.ledger()["file"].get("quarantined", 0)
    # Its key names the hash of other bytes: damage, or forgery.
    named = hashlib.sha256(b"what was sealed").hexdigest()
    key = f"host={HOST}/source=web/2026/11/23/{'0' * 32}-{0:012}-{named}.log.zst"
    agent = stack.emulator.client("s3", stack.agent_user(HOST))
    agent.put_object(Bucket=stack.outputs["UploadBucket"], Key=key, Body=b"what arrived")
    wait(lambda: stack.ledger()["file"].get("quarantined", 0) > before, "the quarantine")
    stack.invoke({"headrig": "sweep"})
    for namespace, datum in embedded(stack.function_log()):
        if datum["MetricName"] == "Quarantined":
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])
    told = json.loads(listener.hears(is_alarm(f"{stack.name}-quarantined")))
    assert "headrig replay" in told["AlarmDescription"] and "runbook.md#quarantined" in told["AlarmDescription"]
    assert cloudwatch.describe_alarms(AlarmNames=[told["AlarmName"]])["MetricAlarms"][0]["StateValue"] == "ALARM"


def test_bytes_that_an_agent_lost_are_told_of(deployed: Deployed, listener: Listener) -> None:
    stack = deployed.stack
    agent = stack.emulator.client("cloudwatch", stack.agent_user(f"{HOST}0"))
    for value in (0, 512):
        agent.put_metric_data(
            Namespace="headrig", MetricData=[{"MetricName": "BytesLost", "Value": value, "Unit": "Bytes"}]
        )
    told = json.loads(listener.hears(is_alarm(f"{stack.name}-bytes-lost")))
    assert "runbook.md#bytes-lost" in told["AlarmDescription"]
