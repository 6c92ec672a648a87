"""Who may do what: roles, the policy of agents, and the policies of buckets, queues and the topic."""

from __future__ import annotations

import json

import names
from parsed import Template, flat, listed, resource_policies, resources, statements, texts, uses

OF_THE_PLATFORM = ("logs", "sqs", "kms")
"""What Lambda and Glue call for a part, to log, to take messages and to decrypt."""


def wildcards_are_documented(template: Template) -> list[str]:
    """No action has a wildcard, and a resource only where docs/operations/security.md has a line for it."""
    found = []
    for owner, statement in statements(template):
        sid = statement.get("Sid", "")
        actions, places = listed(statement["Action"]), texts(statement["Resource"])
        found += [f"{owner}.{sid} allows {action}" for action in actions if "*" in action]
        if any("*" in place for place in places) and (owner, sid) not in names.documented_wildcards():
            found.append(f"{owner}.{sid} is for {places}, and security.md has no line for it")
        if "NotAction" in statement or "NotResource" in statement or statement["Effect"] != "Allow":
            found.append(f"{owner}.{sid} is no plain permission")
    return found


def documented_wildcards_exist(template: Template) -> list[str]:
    """What security.md explains is in the template."""
    wild = {(owner, each.get("Sid", "")) for owner, each in statements(template) if "*" in str(texts(each["Resource"]))}
    return [f"security.md has a line for {owner}.{sid}" for owner, sid in sorted(names.documented_wildcards() - wild)]


def actions_are_documented(template: Template) -> list[str]:
    """A part may call what its own page says that it calls."""
    return [
        f"{owner}.{statement['Sid']} allows {action}, of which {owner}'s page says nothing"
        for owner, statement in statements(template)
        for action in listed(statement["Action"])
        if action.split(":")[0] not in OF_THE_PLATFORM and not names.page_says(owner, action)
    ]


def each_role_is_one_services(template: Template) -> list[str]:
    """A role is taken on by the one service that it is made for."""
    expect = {
        "SinkRole": "lambda.amazonaws.com",
        "JobRole": "glue.amazonaws.com",
        "CompactionRole": "glue.amazonaws.com",
    }
    found = {}
    for name, role in resources(template, "AWS::IAM::Role").items():
        for each in role["AssumeRolePolicyDocument"]["Statement"]:
            found[name] = each["Principal"].get("Service") if each["Action"] == "sts:AssumeRole" else each
        if role.get("ManagedPolicyArns"):
            found[name] = role["ManagedPolicyArns"]
    return [] if found == expect else [f"expected {expect}, found {found}"]


def nobody_changes_what_was_uploaded(template: Template) -> list[str]:
    """The job writes no raw bucket, agents read and delete nothing, nobody deletes a chunk."""
    may = {
        "JobRole": {"s3:GetObject", "s3:ListBucket"},
        "CompactionRole": set(),
        "SinkRole": {"s3:GetObject", "s3:ListBucket", "s3:PutObject"},
        "AgentPolicy": {"s3:PutObject"},
    }
    found = []
    for owner, statement in statements(template):
        actions = {action for action in listed(statement["Action"]) if action.startswith("s3:")}
        on_uploads = any(
            uses(each, "UploadBucket") or uses(each, "ExistingUploadBucket") for each in listed(statement["Resource"])
        )
        if on_uploads and not actions <= may[owner]:
            found.append(f"{owner}.{statement['Sid']} allows {sorted(actions - may[owner])} on the upload bucket")
        if owner == "AgentPolicy" and actions - may[owner]:
            found.append(f"agents may {sorted(actions)}")
        puts = "s3:PutObject" in actions and on_uploads
        if puts and not all("host=" in text for text in texts(statement["Resource"])):
            found.append(f"{owner}.{statement['Sid']} writes for any host")
    return found


def agents_are_kept_to_their_host_and_namespace(template: Template) -> list[str]:
    """An agent writes under the host that its tag names, and figures in one namespace."""
    policy = resources(template, "AWS::IAM::ManagedPolicy")["AgentPolicy"]
    by_action = {
        action: each for each in flat(policy["PolicyDocument"]["Statement"]) for action in listed(each["Action"])
    }
    found = []
    own = "/${UploadPrefix}host=${!aws:PrincipalTag/headrig-host}/*"
    places = texts(by_action["s3:PutObject"]["Resource"])
    if not all(place.endswith(own) for place in places):
        found.append(f"agents write to {places}")
    expect = {"StringEquals": {"cloudwatch:namespace": {"Ref": "MetricsNamespace"}}}
    if by_action["cloudwatch:PutMetricData"].get("Condition") != expect:
        found.append("agents may write figures in any namespace")
    if set(by_action) - {"kms:GenerateDataKey"} != {"s3:PutObject", "cloudwatch:PutMetricData"}:
        found.append(f"agents may {sorted(by_action)}")
    return found


def services_speak_for_this_account(template: Template) -> list[str]:
    """A service that may write to a queue or the topic may so for our own resources only."""
    return [
        f"{owner}.{each['Sid']} lets {each['Principal']} in for anybody"
        for owner, each in resource_policies(template)
        if each["Effect"] == "Allow"
        and ("Service" not in each["Principal"] or "aws:Source" not in json.dumps(each.get("Condition", {})))
    ]
