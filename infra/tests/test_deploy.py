"""infra/deploy.sh against MiniStack: what an operator types, and what comes of it.

The function here is a header that says which processor it is for, and the wheel is none: what they do is tested by
test_deployed.py, with real ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

emulator = pytest.importorskip("emulator", reason="MiniStack is not installed; `cargo xtask test infra` does that")
pytest.importorskip("awscli", reason="the AWS command line is not installed; `cargo xtask test infra` does that")

from operators import ROOT, SCRIPT, STACK, WHEEL, X86_64, Operator, equip, pack  # noqa: E402


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    """An operator, and a cloud with nothing in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        equip(folder)
        with emulator.running(folder, {}) as cloud:
            yield Operator(cloud, folder)


@pytest.fixture(scope="module")
def deployed(operator: Operator) -> Operator:
    """The same, after the first deployment."""
    assert operator.buckets() == set()
    done = operator.deploy()
    assert done.returncode == 0, done.stderr
    return operator


def hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_one_command_makes_all_of_it(deployed: Operator) -> None:
    told = deployed.outputs()
    assert deployed.stack()["StackStatus"] == "CREATE_COMPLETE"
    assert {told["UploadBucket"], told["LakeBucket"], deployed.artifacts} == deployed.buckets()
    assert told["Region"] == emulator.REGION
    assert {"Lake", "LedgerTable", "FunctionName", "JobName", "AgentPolicyArn", "DashboardName"} <= told.keys()


def test_what_is_uploaded_is_named_by_its_content(deployed: Operator) -> None:
    keys = {key for key, _ in deployed.objects(deployed.artifacts)}
    zip_hash, wheel_hash = hash_of(deployed.folder / "x86.zip"), hash_of(deployed.folder / WHEEL)
    assert {
        f"function/{zip_hash}/bootstrap.zip",
        f"wheel/{wheel_hash}/{WHEEL}",
        f"job/{hash_of(ROOT / 'etl/job.py')}/job.py",
        f"template/{hash_of(ROOT / 'infra/template.yaml')}/template.yaml",
    } <= keys


def test_the_bucket_of_artifacts_is_private_versioned_and_tls_only(deployed: Operator) -> None:
    s3, bucket = deployed.cloud.client("s3"), deployed.artifacts
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(blocked.values()) and len(blocked) == 4
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    statement = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]
    assert statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_second_run_uploads_and_changes_nothing(deployed: Operator) -> None:
    before, stack = deployed.objects(deployed.artifacts), deployed.stack()
    done = deployed.deploy()
    assert done.returncode == 0 and "no changes" in done.stderr and "uploading" not in done.stderr
    assert deployed.objects(deployed.artifacts) == before
    assert deployed.stack() == stack


def test_what_an_agent_is_told_is_what_the_agent_takes(deployed: Operator) -> None:
    done = deployed.run("agent-config", "web-1", "--stack", STACK)
    assert done.returncode == 0, done.stderr
    assert deployed.outputs()["UploadBucket"] in done.stdout and 'host = "web-1"' in done.stdout
    agent = Path(os.environ.get("HEADRIG_AGENT_BIN", ROOT / "target/debug/headrig-agent"))
    if not agent.exists():
        pytest.skip("headrig-agent is not built; `cargo xtask test infra` does that")
    config = deployed.folder / "agent.toml"
    config.write_text(done.stdout)
    checked = subprocess.run([agent, "check", "--config", config], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert deployed.outputs()["UploadBucket"] in checked.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "BatchSize=0"], "BatchSize"),
        (["--set", "GlueVersion=4.0"], "GlueVersion"),
        (["--set", "UploadBucketName=Has_Capitals"], "bucket's name of 3 to 63"),
        (["--set", "MetricsNamespace=AWS/mine"], "not begin with AWS/"),
        (["--set", "Batchsize=5"], "no parameter Batchsize"),
        (["--set", "UploadBucketName=one-one", "--set", "ExistingUploadBucket=two-two"], "set one of them"),
    ],
)
def test_a_parameter_that_the_template_refuses_is_named_and_changes_nothing(
    deployed: Operator, words: list[str], message: str
) -> None:
    before = deployed.parameters()
    done = deployed.deploy(*words, code=False)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert deployed.parameters() == before


def test_a_dry_run_shows_and_changes_nothing_and_then_the_change_is_made(deployed: Operator) -> None:
    before = deployed.parameters()
    done = deployed.run("deploy", "--stack", STACK, "--dry-run", "--keep-code", "--set", "BatchSize=7")
    assert done.returncode == 0 and "SinkFunction" in done.stderr and "nothing was changed" in done.stderr
    assert deployed.parameters() == before
    changes = deployed.cloud.client("cloudformation").list_change_sets(StackName=STACK)["Summaries"]
    assert all(each["ExecutionStatus"] != "AVAILABLE" for each in changes)

    done = deployed.deploy("--set", "BatchSize=7", code=False)
    assert done.returncode == 0, done.stderr
    assert deployed.parameters() == before | {"BatchSize": "7"}
    # What was set once stays set.
    assert deployed.deploy().returncode == 0
    assert deployed.parameters()["BatchSize"] == "7"


def test_new_code_leaves_the_old_where_running_jobs_read_it(deployed: Operator) -> None:
    before = deployed.objects(deployed.artifacts)
    pack(deployed.folder / "newer.zip", X86_64, b"newer")
    settings = deployed.folder / "settings.toml"
    settings.write_text("[etl]\nbuilt_in_alerts = false\n")
    given = ("--zip", "newer.zip", "--wheel", WHEEL, "--settings", str(settings))
    done = deployed.run("deploy", "--stack", STACK, "--yes", *given)
    assert done.returncode == 0, done.stderr
    assert before <= deployed.objects(deployed.artifacts)
    parameters = deployed.parameters()
    assert parameters["FunctionZipKey"] == f"function/{hash_of(deployed.folder / 'newer.zip')}/bootstrap.zip"
    assert parameters["SettingsKey"] == f"settings/{hash_of(settings)}/settings.toml"
    assert deployed.deploy("--no-settings", code=False).returncode == 0
    assert deployed.parameters()["SettingsKey"] == ""


def test_settings_that_the_job_would_refuse_are_not_uploaded(deployed: Operator) -> None:
    headrig = Path(os.environ.get("HEADRIG_BIN", ROOT / "target/debug/headrig"))
    if not headrig.exists():
        pytest.skip("headrig is not built; `cargo xtask test infra` does that")
    before = deployed.objects(deployed.artifacts)
    settings = deployed.folder / "wrong.toml"
    settings.write_text("[[alert]]\nname = 'brute_force'\ntreshold = 3\n")
    words = ("deploy", "--stack", STACK, "--yes", "--zip", "x86.zip", "--wheel", WHEEL, "--settings", str(settings))
    done = deployed.run(*words, HEADRIG_BIN=str(headrig))
    assert done.returncode == 2 and "treshold" in done.stderr, done.stderr
    assert deployed.objects(deployed.artifacts) == before


def test_a_bucket_is_not_replaced_by_the_way(deployed: Operator) -> None:
    before = deployed.parameters()
    done = deployed.deploy("--set", "UploadBucketName=quite-another-one", code=False)
    assert done.returncode == 1 and "UploadBucket" in done.stderr and "--replace-data" in done.stderr
    assert deployed.parameters() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "deploy.sh COMMAND"),
        (["launch"], "no command launch"),
        (["deploy", "--frobnicate"], "no option --frobnicate"),
        (["deploy", "--zip"], "--zip needs a value"),
        (["deploy", "--yes", "--zip", "missing.zip"], "no such file: missing.zip"),
        (["deploy", "--yes", "--set", "BatchSize"], "NAME=VALUE"),
        (["deploy", "--yes", "--set", "WheelKey=x"], "WheelKey follows"),
        (["deploy", "--yes", "--keep-code", "--zip", "x86.zip"], "--keep-code goes with neither"),
        (["deploy", "--yes", "--stack", "Has_Capitals"], "lower-case"),
        (["deploy", "--yes", "--region", "narnia"], "narnia is no region"),
        (["deploy"], "say --yes"),
        (["outputs", "--delete-data"], "--delete-data belongs to destroy"),
        (["agent-config"], "needs a host's name"),
        (["agent-config", 'web"1'], "a host's name has"),
        (["destroy"], "say --yes"),
        (["destroy", "--delete-data", "--yes"], "say --confirm"),
    ],
)
def test_wrong_usage_is_told_and_touches_nothing(operator: Operator, words: list[str], message: str) -> None:
    before = operator.buckets()
    done = operator.run(*words)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert done.stdout == "" and operator.buckets() == before


def test_help_tells_every_option_that_is_taken(operator: Operator) -> None:
    done = operator.run("--help")
    assert done.returncode == 0
    parser = SCRIPT.read_text().partition("\nparse() {")[2].partition("\nparse_value")[0]
    options = {word.strip("|)") for word in parser.split() if word.startswith("--") and word.strip("|)")[2:].strip()}
    assert {"--stack", "--yes", "--delete-data"} <= options
    assert [option for option in sorted(options) if option not in done.stdout] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "HOME": "/nowhere"}, "no credentials"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:9"}, "nobody answers in us-east-1"),
        ({"PATH": "/usr/bin:/bin"}, "AWS command line is not there"),
    ],
)
def test_what_is_missing_is_named_with_the_way_out(
    operator: Operator, changes: dict[str, str | None], message: str
) -> None:
    if "PATH" in changes and shutil.which("aws", path=changes["PATH"]):
        pytest.skip("the AWS command line is installed on this machine")
    done = operator.run("outputs", **changes)
    assert done.returncode == 1 and message in done.stderr, done.stderr


def test_a_stack_that_is_not_there_is_looked_for_in_vain(operator: Operator) -> None:
    for command in (["outputs"], ["agent-config", "web-1"]):
        done = operator.run(*command, "--stack", "elsewhere")
        assert done.returncode == 1 and "no stack elsewhere in us-east-1" in done.stderr
    done = operator.run("destroy", "--stack", "elsewhere", "--yes")
    assert done.returncode == 0 and "no stack elsewhere" in done.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("x86.zip", WHEEL.replace("2_28", "2_39")), "needs glibc 2.39"),
        (("x86.zip", WHEEL.replace("x86_64", "aarch64")), "no wheel of headrig_etl for Glue"),
        (("empty.zip", WHEEL), "holds no program"),
    ],
)
def test_programs_that_would_not_start_are_refused(operator: Operator, given: tuple[str, str], message: str) -> None:
    for name in given:
        path = operator.folder / name
        if not path.exists():
            path.write_bytes(b"PK\x05\x06" + bytes(18))
    done = operator.run("deploy", "--yes", "--stack", "never", "--zip", given[0], "--wheel", given[1])
    assert done.returncode == 1 and message in done.stderr, done.stderr


def test_the_function_runs_on_the_processor_that_it_was_built_for(deployed: Operator) -> None:
    words = ("deploy", "--stack", STACK, "--zip", "arm.zip", "--wheel", WHEEL)
    done = deployed.run(*words, "--yes", "--set", "Architecture=x86_64")
    assert done.returncode == 2 and "built for arm64" in done.stderr
    assert deployed.run(*words, "--yes").returncode == 0
    assert deployed.parameters()["Architecture"] == "arm64"


def test_the_first_thing_that_failed_is_named_and_the_way_on(deployed: Operator) -> None:
    # The lake's bucket of another stack: this one cannot make it.
    taken = deployed.outputs()["LakeBucket"]
    done = deployed.deploy("--set", f"LakeBucketName={taken}", stack="second")
    assert done.returncode == 1 and "what failed first: " in done.stderr, done.stderr
    assert "LakeBucket (AWS::S3::Bucket)" in done.stderr and taken in done.stderr, done.stderr
    done = deployed.deploy(stack="second")
    assert done.returncode == 1 and "infra/deploy.sh destroy --stack second" in done.stderr, done.stderr
    assert deployed.run("destroy", "--stack", "second", "--yes").returncode == 0
    assert taken in deployed.buckets()


def test_a_policy_that_agents_have_is_told_before_anything_is_gone(deployed: Operator) -> None:
    iam, policy = deployed.cloud.client("iam"), deployed.outputs()["AgentPolicyArn"]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="web-1", AssumeRolePolicyDocument=json.dumps(trust))
    iam.attach_role_policy(RoleName="web-1", PolicyArn=policy)
    done = deployed.run("destroy", "--stack", STACK, "--yes")
    assert done.returncode == 1 and "detach it from web-1" in done.stderr, done.stderr
    assert deployed.stack()["StackStatus"].endswith("COMPLETE")
    iam.detach_role_policy(RoleName="web-1", PolicyArn=policy)


def test_the_way_out_keeps_data_until_they_are_named(deployed: Operator) -> None:
    told = deployed.outputs()
    data, s3 = {told["UploadBucket"], told["LakeBucket"]}, deployed.cloud.client("s3")
    for text in (b"first", b"second"):
        s3.put_object(Bucket=told["UploadBucket"], Key="host=web-1/some.log", Body=text)
    s3.put_object(Bucket=told["LakeBucket"], Key='lake/odd "name"\\.parquet', Body=b"rows")
    s3.delete_object(Bucket=told["UploadBucket"], Key="host=web-1/some.log")

    done = deployed.run("destroy", "--stack", STACK, "--yes")
    assert done.returncode == 0 and told["UploadBucket"] in done.stderr, done.stderr
    assert data <= deployed.buckets() and len(deployed.objects(told["UploadBucket"])) == 2
    assert told["LedgerTable"] in deployed.cloud.client("dynamodb").list_tables()["TableNames"]

    done = deployed.run("destroy", "--stack", STACK, "--delete-data", "--confirm", "another")
    assert done.returncode == 1 and data <= deployed.buckets()

    done = deployed.run("destroy", "--stack", STACK, "--delete-data", "--delete-artifacts", "--confirm", STACK)
    assert done.returncode == 0, done.stderr
    assert deployed.buckets() == set()
    assert deployed.cloud.client("dynamodb").list_tables()["TableNames"] == []
    done = deployed.run("destroy", "--stack", STACK, "--delete-data", "--confirm", STACK)
    assert done.returncode == 0 and "nothing is known" in done.stderr, done.stderr


def test_what_is_left_of_a_stack_is_taken_up_by_the_next(operator: Operator) -> None:
    assert operator.deploy(stack="third").returncode == 0
    left = operator.outputs("third")
    assert operator.run("destroy", "--stack", "third", "--yes").returncode == 0
    words = [
        f"ExistingUploadBucket={left['UploadBucket']}",
        f"ExistingLakeBucket={left['LakeBucket']}",
        f"ExistingLedgerTable={left['LedgerTable']}",
    ]
    done = operator.deploy(*(word for each in words for word in ("--set", each)), stack="third")
    assert done.returncode == 0, done.stderr
    taken = operator.outputs("third")
    assert {name: taken[name] for name in ("UploadBucket", "LakeBucket", "LedgerTable")} == {
        name: left[name] for name in ("UploadBucket", "LakeBucket", "LedgerTable")
    }


def test_the_scripts_are_sound() -> None:
    shellcheck = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not shellcheck:
        pytest.skip("shellcheck is not installed; `cargo xtask test infra` does that")
    done = subprocess.run([shellcheck, "-x", "infra/deploy.sh"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
