"""What the job is told becomes a checked `Job`, or an error that says what was expected."""

import importlib.util
import shlex
import sys
import types
from pathlib import Path
from typing import Any

import boto3
import pytest

from cloud import Site
from headrig_etl.arguments import batches, job_of
from headrig_etl.types import Place

RULE = "[[rule]]\nname = 'no debug'\nmatch = { level_max = 'debug' }\ndrop = true\n"
TOLD = {"batches": "ab:1,cd:12", "bucket": "up", "lake": "s3://lake/some", "ledger": "table"}


def test_a_job_has_its_defaults_and_what_it_was_told() -> None:
    job = job_of(TOLD | {"lease_seconds": "60"}, "jr_1")
    assert job.batches == (("ab", 1), ("cd", 12))
    assert (job.lake, job.run, job.settings, job.lease_seconds, job.database) == (
        Place("lake", "some/"),
        "jr_1",
        "",
        60,
        None,
    )


def test_runs_without_an_id_never_share_one() -> None:
    assert job_of(TOLD, None).run != job_of(TOLD, None).run


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"bucket": ""}, "the job needs --bucket"),
        ({"batches": "ab"}, "expected <id>:<attempt>, found 'ab'"),
        ({"batches": "ab:x"}, "found 'ab:x'"),
        ({"lake": "/mnt/lake"}, "expected a place such as s3://bucket/lake"),
        ({"settings": "/no/such/file"}, "--settings /no/such/file: .*No such file"),
        ({"settings": "gs://b/k"}, "--settings gs://b/k: expected a file, or an object such as s3://bucket"),
        ({"settings": "s3://b/"}, "--settings s3://b/: expected a file, or an object"),
        ({"lease_seconds": "0"}, "--lease_seconds: expected a whole number of at least 1"),
    ],
)
def test_wrong_arguments_say_what_was_expected(told: dict[str, str], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        job_of(TOLD | told, None)


def test_settings_come_from_a_file_and_what_is_wrong_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(RULE)
    assert job_of(TOLD | {"settings": str(file)}, None).settings == RULE
    file.write_text(RULE.replace("drop", "drip"))
    with pytest.raises(ValueError, match=r"(?s)settings\.toml: .*drip"):
        job_of(TOLD | {"settings": str(file)}, None)


def test_settings_come_from_a_bucket(site: Site) -> None:
    boto3.client("s3").put_object(Bucket=site.bucket, Key="etc/settings.toml", Body=RULE.encode())
    place = f"s3://{site.bucket}/etc/settings.toml"
    assert job_of(TOLD | {"settings": place}, None).settings == RULE
    with pytest.raises(ValueError, match="there is no such object"):
        job_of(TOLD | {"settings": f"{place}.other"}, None)


def test_batches_are_read_as_the_sink_writes_them() -> None:
    assert batches("a:1,b:2") == (("a", 1), ("b", 2))


@pytest.mark.parametrize(
    ("text", "prefix", "url"),
    [("s3://b", "", "s3://b/x"), ("s3://b/", "", "s3://b/x"), ("s3a://b/p/q/", "p/q/", "s3://b/p/q/x")],
)
def test_places_have_a_prefix_that_is_empty_or_ends_with_a_slash(text: str, prefix: str, url: str) -> None:
    place = Place.parse(text)
    assert (place.prefix, place.key("x"), place.url("x")) == (prefix, prefix + "x", url)


@pytest.fixture
def script() -> Any:
    """The module `etl/job.py`."""
    pytest.importorskip("pyspark")
    spec = importlib.util.spec_from_file_location("job_script", Path(__file__).parents[2] / "job.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COMMAND = shlex.split("job.py --batches ab:1 --bucket up --lake s3://lake --ledger t --JOB_RUN_ID jr_1")


def test_plain_spark_hands_the_arguments_over(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [*COMMAND, "--topic_arn", "arn:aws:sns:x"])
    told, run = script.arguments()
    assert run == "jr_1"
    assert job_of(told, run).topic_arn == "arn:aws:sns:x"


def test_glue_is_asked_only_for_what_was_given(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(argv: list[str], names: list[str]) -> dict[str, str | None]:
        """As Glue's: every name that is asked for is required, its own come besides, some of them None."""
        given = dict(zip(argv[1::2], argv[2::2], strict=True))
        return {name: given[f"--{name}"] for name in names} | {"JOB_RUN_ID": given["--JOB_RUN_ID"], "TempDir": None}

    glue = types.ModuleType("awsglue.utils")
    glue.getResolvedOptions = resolved  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "awsglue", types.ModuleType("awsglue"))
    monkeypatch.setitem(sys.modules, "awsglue.utils", glue)
    monkeypatch.setattr(sys, "argv", [*COMMAND, "--job-language", "python"])
    told, run = script.arguments()
    assert job_of(told, run) == job_of(TOLD | {"batches": "ab:1", "lake": "s3://lake", "ledger": "t"}, "jr_1")
