"""That the parts are told what they understand, and reach each other."""

from __future__ import annotations

import names
from parsed import Template, resources, texts, uses

NAMES = {
    "AWS::SQS::Queue": "QueueName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Events::Rule": "Name",
    "AWS::Glue::Job": "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Athena::WorkGroup": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
}
"""Which property is the name that must be of this stack alone."""
GLUE_OWN = ("additional-python-modules", "custom-logGroup-prefix")
"""Arguments that Glue honours itself."""


def function_is_told_what_it_knows(template: Template) -> list[str]:
    """Every HEADRIG_ variable is one that the sink reads, and all it needs are there."""
    told = set(resources(template, "AWS::Lambda::Function")["SinkFunction"]["Environment"]["Variables"])
    found = [f"the sink does not know {name}" for name in sorted(told - names.sink_variables())]
    return found + [f"the sink needs {name}" for name in sorted(names.sink_variables_needed() - told)]


def queue_gives_the_function_time(template: Template) -> list[str]:
    """docs/operations/sink.md: six times the function's time-out; messages fail one by one, five times at most."""
    function = resources(template, "AWS::Lambda::Function")["SinkFunction"]
    queue = resources(template, "AWS::SQS::Queue")["ObjectsQueue"]
    mapping = resources(template, "AWS::Lambda::EventSourceMapping")["SinkMessages"]
    checks = {
        "VisibilityTimeout is not six times the function's": queue["VisibilityTimeout"] == 6 * function["Timeout"],
        "the function has less than a minute": function["Timeout"] >= 60,
        "good messages fail with bad ones": mapping.get("FunctionResponseTypes") == ["ReportBatchItemFailures"],
        "messages that fail have nowhere to go": "deadLetterTargetArn" in queue.get("RedrivePolicy", {}),
        "runtime": function["Runtime"] == "provided.al2023" and function["Architectures"] == [{"Ref": "Architecture"}],
    }
    return [what for what, holds in checks.items() if not holds]


def sweep_comes_every_minute(template: Template) -> list[str]:
    """The schedule and Glue's events reach the function, and may invoke it."""
    rules = resources(template, "AWS::Events::Rule")
    sinks = {name for name, rule in rules.items() if any(uses(each, "SinkFunction") for each in rule["Targets"])}
    allowed = {
        name
        for each in resources(template, "AWS::Lambda::Permission").values()
        for name in sinks
        if each["SourceArn"] == {"Fn::GetAtt": [name, "Arn"]}
    }
    found = [f"{name} may not invoke the function" for name in sorted(sinks - allowed)]
    if rules["SweepRule"].get("ScheduleExpression") != "rate(1 minute)":
        found.append("the sweep does not come every minute")
    states = {
        state for name in sinks for state in rules[name].get("EventPattern", {}).get("detail", {}).get("state", [])
    }
    missing = {"SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"} - states
    return found + [f"nobody hears of runs that are {state}" for state in sorted(missing)]


def job_runs_only_when_asked(template: Template) -> list[str]:
    """No run that the ledger does not know of, and as many at once as the sink is told."""
    job = resources(template, "AWS::Glue::Job")["Job"]
    variables = resources(template, "AWS::Lambda::Function")["SinkFunction"]["Environment"]["Variables"]
    runs_max = job.get("ExecutionProperty", {}).get("MaxConcurrentRuns")
    checks = {
        "Glue starts runs again": job.get("MaxRetries") == 0,
        "Glue queues runs": job.get("JobRunQueuingEnabled") is False,
        "MaxConcurrentRuns is Glue's default of 1": runs_max == {"Ref": "GlueMaxConcurrentRuns"},
        "the sink counts on other limits": variables.get("HEADRIG_JOB_RUNS_MAX") == runs_max,
        "a run may last for ever": "Timeout" in job,
        "the job is none of Spark": job["Command"]["Name"] == "glueetl",
    }
    return [what for what, holds in checks.items() if not holds]


def job_is_told_what_it_knows(template: Template) -> list[str]:
    """Every argument is one that the job or Glue reads; what the job needs is there, but for what the sink gives."""
    told = {name.removeprefix("--") for name in resources(template, "AWS::Glue::Job")["Job"]["DefaultArguments"]}
    needed, known = names.job_arguments()
    found = [f"the job does not know --{name}" for name in sorted(told - known - set(GLUE_OWN))]
    found += [f"the job needs --{name}" for name in sorted(needed - {"batches"} - told)]
    return found + [f"Glue is not told --{name}" for name in GLUE_OWN if name not in told]


def names_are_the_stacks(template: Template) -> list[str]:
    """Two stacks fit into an account."""
    found = []
    for kind, key in NAMES.items():
        for name, each in resources(template, kind).items():
            said = texts(each.get(key, "${AWS::StackName}"))
            found += [f"{name} is called {text} in every stack" for text in said if "${AWS::StackName}" not in text]
    for kind, key in (("AWS::IAM::Role", "RoleName"), ("AWS::IAM::ManagedPolicy", "ManagedPolicyName")):
        found += [f"{name} has a name of its own" for name, each in resources(template, kind).items() if key in each]
    return found
