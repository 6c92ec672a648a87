"""The catalog's definition, and the registration of partitions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headrig_etl import catalog, objects
from headrig_etl.types import Place

LAKE = Place("lake", "p/")


class Glue:
    """A catalog that answers as it is told, one answer a call, and none once it has no more."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[list[tuple[str, ...]]] = []

    def batch_create_partition(self, **told: Any) -> Any:
        self.calls.append([tuple(each["Values"]) for each in told["PartitionInputList"]])
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        return {
            "Errors": [{"PartitionValues": list(values), "ErrorDetail": {"ErrorCode": code}} for values, code in answer]
        }


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Registers the partitions of some days of `metrics` with a catalog that answers like this."""

    def register(days: int, *answers: Any) -> Glue:
        glue = Glue(*answers)
        monkeypatch.setattr(objects, "client", lambda service: glue)
        paths = [f"metrics/year=2026/month=01/day={day:03}/b-000.parquet" for day in range(days)]
        glue.waits = []
        catalog.register("db", LAKE, paths, glue.waits.append)
        return glue

    return register


def test_a_hundred_partitions_go_into_a_call(register: Any) -> None:
    assert [len(call) for call in register(205).calls] == [100, 100, 5]


def test_partitions_that_are_there_are_left_and_others_asked_for_again(register: Any) -> None:
    day = [("2026", "01", f"{day:03}") for day in range(3)]
    glue = register(3, [(day[0], "AlreadyExistsException"), (day[2], "InternalServiceException")])
    assert glue.calls == [day, [day[2]]]
    assert glue.waits == [catalog.PAUSE_SECONDS]


def test_a_catalog_that_never_takes_a_partition_is_given_up(register: Any) -> None:
    day = ("2026", "01", "000")
    answers = [[(day, "ResourceNumberLimitExceededException")]] * catalog.REGISTER_TRIES
    with pytest.raises(objects.LakeRefused, match=r"1 partitions of db.metrics .* ResourceNumberLimitExceeded"):
        register(1, *answers)


def test_a_missing_table_is_no_fault_of_the_batch(register: Any) -> None:
    missing = {"Error": {"Code": "EntityNotFoundException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    with pytest.raises(objects.LakeRefused, match="make the table"):
        register(1, ClientError(missing, "BatchCreatePartition"))


def test_partitions_are_read_from_the_paths_once_each() -> None:
    paths = [f"logs/year=2026/month=09/day=21/level=error/event_type=kernel/{name}.parquet" for name in "ab"]
    folder = paths[0].rpartition("/")[0]
    assert catalog.partitions_of(paths) == {"logs": {("2026", "09", "21", "error", "kernel"): folder}}
    moved = f"compacted/{'0' * 64}/{folder}"
    assert catalog.partitions_of([f"{moved}/a.parquet"]) == {"logs": {("2026", "09", "21", "error", "kernel"): moved}}


def test_the_definition_names_every_column_and_partition_keys_as_strings(capsys: pytest.CaptureFixture[str]) -> None:
    catalog.main(["s3://lake/p", "--database", "db"])
    told = json.loads(capsys.readouterr().out)
    tables = {table["Name"]: table for table in told["Tables"]}
    assert told["Database"]["Name"] == "db" and sorted(tables) == ["logs", "metrics"]
    columns = {column["Name"]: column["Type"] for column in tables["logs"]["StorageDescriptor"]["Columns"]}
    assert len(columns) == 28 and columns["attributes"] == "map<string,string>" and columns["ts"] == "timestamp"
    keys = {(key["Name"], key["Type"]) for key in tables["logs"]["PartitionKeys"]}
    assert keys == {(name, "string") for name in ("year", "month", "day", "level", "event_type")}
    assert tables["logs"]["StorageDescriptor"]["Location"] == "s3://lake/p/logs/"
