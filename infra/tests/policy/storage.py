"""How data are stored and sent, what stays when the stack goes, and what expires."""

from __future__ import annotations

import json

from parsed import Template, flat, resource_policies, resources, texts, uses

RETENTION_SECONDS = 14 * 86_400
"""What the queues keep: the most that SQS does."""
DATA = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::S3::BucketPolicy")
"""What is not deleted with the stack."""


def tls_only(template: Template) -> list[str]:
    """Every bucket, queue and topic refuses what comes without TLS."""
    covered = set()
    for _, each in resource_policies(template):
        is_tls = each.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in (False, "false")
        if each["Effect"] == "Deny" and each["Principal"] == "*" and is_tls:
            covered |= set(texts(each["Resource"]))
    expect = {f"${{{name}.Arn}}" for name in resources(template, "AWS::S3::Bucket")}
    expect |= {f"${{{name}.Arn}}/*" for name in resources(template, "AWS::S3::Bucket")}
    expect |= {f"${{{name}.Arn}}" for name in resources(template, "AWS::SQS::Queue")}
    expect |= {f"${{{name}}}" for name in resources(template, "AWS::SNS::Topic")}
    return [f"{place} takes requests without TLS" for place in sorted(expect - covered)]


def queue_policies_speak_of_one_queue(template: Template) -> list[str]:
    """SQS takes no policy that covers two queues."""
    found = []
    for name, policy in resources(template, "AWS::SQS::QueuePolicy").items():
        queues = [{"Fn::GetAtt": [each["Ref"], "Arn"]} for each in policy["Queues"]]
        places = [each["Resource"] for each in flat(policy["PolicyDocument"]["Statement"])]
        if len(queues) != 1 or any(place != queues[0] for place in places):
            found.append(f"{name} is not about one queue")
    return found


def encrypted(template: Template) -> list[str]:
    """All that is stored is encrypted, and by the operator's key where there is one."""
    wanted = {
        "AWS::S3::Bucket": ["BucketEncryption"],
        "AWS::SQS::Queue": ["SqsManagedSseEnabled", "KmsMasterKeyId"],
        "AWS::SNS::Topic": ["KmsMasterKeyId"],
        "AWS::DynamoDB::Table": ["SSESpecification"],
        "AWS::Logs::LogGroup": ["KmsKeyId"],
        "AWS::Lambda::Function": ["KmsKeyArn"],
    }
    found = []
    for kind, properties in wanted.items():
        for name, each in resources(template, kind).items():
            found += [f"{name} has no {wanted}" for wanted in properties if wanted not in each]
            if not uses([each.get(wanted) for wanted in properties], "KmsKeyArn"):
                found.append(f"{name} does not use KmsKeyArn")
    for name, bucket in resources(template, "AWS::S3::Bucket").items():
        if "AES256" not in json.dumps(bucket.get("BucketEncryption", {})):
            found.append(f"{name} is not encrypted without KmsKeyArn")
    for name, group in resources(template, "AWS::Athena::WorkGroup").items():
        settings = group["WorkGroupConfiguration"]
        if not settings.get("EnforceWorkGroupConfiguration"):
            found.append(f"queries of {name} choose where and how their results lie")
        if "EncryptionConfiguration" not in settings["ResultConfiguration"]:
            found.append(f"results of {name} are not encrypted")
    return found


def buckets_are_closed(template: Template) -> list[str]:
    """No bucket can be made public, none has access lists, all keep old versions."""
    found = []
    for name, bucket in resources(template, "AWS::S3::Bucket").items():
        block = bucket.get("PublicAccessBlockConfiguration", {})
        wanted = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        found += [f"{name}: {each} is not set" for each in wanted if block.get(each) is not True]
        rules = bucket.get("OwnershipControls", {}).get("Rules", [])
        if [rule["ObjectOwnership"] for rule in rules] != ["BucketOwnerEnforced"]:
            found.append(f"{name} has access lists")
        if bucket.get("VersioningConfiguration", {}).get("Status") != "Enabled":
            found.append(f"{name} keeps no old versions")
    return found


def data_outlive_the_stack(template: Template) -> list[str]:
    """What holds data is kept when the stack goes, and when CloudFormation would make another."""
    found = []
    for name, each in template["Resources"].items():
        if each["Type"] in DATA:
            if each.get("DeletionPolicy") not in ("Retain", "RetainExceptOnCreate"):
                found.append(f"{name} goes with the stack")
            if each.get("UpdateReplacePolicy") != "Retain":
                found.append(f"{name} goes when it is replaced")
    return found


def lifecycles(template: Template) -> list[str]:
    """Half uploads and old versions go, raw chunks go when they were told to, the lake's old rows get cheaper."""
    found = []
    rules = {
        name: list(flat(bucket.get("LifecycleConfiguration", {}).get("Rules", [])))
        for name, bucket in resources(template, "AWS::S3::Bucket").items()
    }
    for name, each in rules.items():
        for wanted in ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"):
            if not any(wanted in rule for rule in each):
                found.append(f"{name} has no {wanted}")
        found += [f"{name}: {rule['Id']} is off" for rule in each if rule.get("Status") != "Enabled"]
    raw = [rule for rule in rules["UploadBucket"] if "ExpirationInDays" in rule]
    if [rule["ExpirationInDays"] for rule in raw] != [{"Ref": "RawRetentionDays"}]:
        found.append("raw chunks do not expire after RawRetentionDays")
    # Rows are never deleted by a rule: what else expires in the lake is not below its prefix.
    for rule in rules["LakeBucket"]:
        if "ExpirationInDays" in rule and rule.get("Prefix") != "athena-results/":
            found.append(f"LakeBucket: {rule['Id']} deletes from the lake")
    if not any("Transitions" in rule for rule in rules["LakeBucket"]):
        found.append("the lake has no tiers")
    return found


def logs_and_messages_are_kept_long_enough(template: Template) -> list[str]:
    """Logs as long as the operator says, messages as long as SQS can."""
    groups, queues = resources(template, "AWS::Logs::LogGroup"), resources(template, "AWS::SQS::Queue")
    found = [
        f"{name} is not kept for LogRetentionDays"
        for name, group in groups.items()
        if group.get("RetentionInDays") != {"Ref": "LogRetentionDays"}
    ]
    found += [
        f"{name} forgets messages early"
        for name, queue in queues.items()
        if queue.get("MessageRetentionPeriod") != RETENTION_SECONDS
    ]
    return found


def ledger_is_as_documented(template: Template) -> list[str]:
    """docs/formats/dynamodb.md: keys, indexes, time to live, recovery."""
    table = resources(template, "AWS::DynamoDB::Table")["LedgerTable"]

    def keys(schema: list[dict[str, str]]) -> tuple[str, ...]:
        return tuple(each["AttributeName"] for each in sorted(schema, key=lambda each: each["KeyType"]))

    indexes = {each["IndexName"]: each for each in table["GlobalSecondaryIndexes"]}
    shape = {name: (keys(each["KeySchema"]), each["Projection"]) for name, each in indexes.items()}
    expect = {
        "by_state": (("place", "at"), {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["size"]}),
        "by_key": (("foreign_key",), {"ProjectionType": "KEYS_ONLY"}),
    }
    checks = {
        "its key": keys(table["KeySchema"]) == ("pk",),
        "its indexes": shape == expect,
        "pay per request": table.get("BillingMode") == "PAY_PER_REQUEST",
        "time to live": table.get("TimeToLiveSpecification") == {"AttributeName": "expires_at", "Enabled": True},
        "recovery": table.get("PointInTimeRecoverySpecification") == {"PointInTimeRecoveryEnabled": True},
    }
    return [f"the ledger's table: {what}" for what, holds in checks.items() if not holds]
