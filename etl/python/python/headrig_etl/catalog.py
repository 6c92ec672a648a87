"""The Glue catalog: what the tables are, and that partitions are registered before a batch is committed.

The columns come from the core, so that they are those of the files. `python -m headrig_etl.catalog s3://bucket/lake`
prints the database and the tables as CloudFormation takes them.

Invariant: a partition that is there already is left as it is, but by a compaction, which moves it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from headrig_etl import objects
from headrig_etl._core import partition_in, tables
from headrig_etl.types import Place

PARTITIONS_PER_CALL = 100
"""What BatchCreatePartition and BatchUpdatePartition take at once."""
MOVED_AT = "headrig.moved_at"
"""The parameter of a partition that says when a compaction moved it, in seconds since 1970."""
REGISTER_TRIES = 5
PAUSE_SECONDS = 0.5
"""The pause before the second try; it doubles."""
THERE_ALREADY = "AlreadyExistsException"
NOT_THERE = "EntityNotFoundException"
PASSING = (
    "InternalServiceException",
    "OperationTimeoutException",
    "ThrottlingException",
    "ConcurrentModificationException",
)

PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}

Values = tuple[str, ...]


def database_input(name: str, lake: Place) -> dict[str, Any]:
    """The database, as CreateDatabase and CloudFormation take it."""
    return {"Name": name, "Description": "Logs and their figures, loaded by headrig", "LocationUri": lake.url()}


def table_inputs(lake: Place) -> list[dict[str, Any]]:
    """The tables, as CreateTable and CloudFormation take them."""
    return [
        {
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
            "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
            "StorageDescriptor": _descriptor(columns, lake.url(f"{name}/")),
        }
        for name, columns, keys in tables()
    ]


def create(database: str, lake: Place) -> None:
    """Makes database and tables where they are not; for those who have no template. Raises ClientError."""
    glue = objects.client("glue")
    _unless_there(glue.create_database, DatabaseInput=database_input(database, lake))
    for table in table_inputs(lake):
        _unless_there(glue.create_table, DatabaseName=database, TableInput=table)


@dataclass(frozen=True)
class Located:
    """Where the catalog sends readers of a partition, and since when, in seconds since 1970; 0 where no compaction has
    moved it."""

    location: str
    moved_at: int


def table_and_values(partition: str) -> tuple[str, Values]:
    """`logs/year=2026/month=09/…` is "logs" and ("2026", "09", …)."""
    table, *segments = partition.split("/")
    return table, tuple(segment.partition("=")[2] for segment in segments)


def partitions_of(paths: Iterable[str]) -> dict[str, dict[Values, str]]:
    """The partitions that files lie in, by table, sorted, and each one's folder."""
    found: dict[str, dict[Values, str]] = {}
    for path in paths:
        folder = path.rpartition("/")[0]
        table, values = table_and_values(partition_in(folder))
        found.setdefault(table, {})[values] = folder
    return {table: dict(sorted(folders.items())) for table, folders in sorted(found.items())}


def located(database: str) -> dict[tuple[str, Values], Located]:
    """Where the catalog sends readers of each partition, by table and values. Raises `LakeRefused` or ClientError."""
    found = {}
    for table, _, _ in tables():
        pages = objects.client("glue").get_paginator("get_partitions")
        try:
            for page in pages.paginate(DatabaseName=database, TableName=table, ExcludeColumnSchema=True):
                for each in page["Partitions"]:
                    moved_at = int(each.get("Parameters", {}).get(MOVED_AT, 0))
                    location = each["StorageDescriptor"]["Location"].rstrip("/")
                    found[table, tuple(each["Values"])] = Located(location, moved_at)
        except ClientError as error:
            raise _judged(database, table, error) from error
    return found


def move(database: str, lake: Place, partitions: Mapping[str, str]) -> None:
    """Sends readers of each partition to its folder; makes those that are not there. Raises as `register`."""
    definitions = {name: (columns, keys) for name, columns, keys in tables()}
    by_table: dict[str, list[dict[str, Any]]] = {}
    moved_at = str(int(time.time()))
    for partition, folder in sorted(partitions.items()):
        table, values = table_and_values(partition)
        told = _partition(lake, *definitions[table], values, folder)
        by_table.setdefault(table, []).append(told | {"Parameters": {MOVED_AT: moved_at}})
    for table, inputs in by_table.items():
        for at in range(0, len(inputs), PARTITIONS_PER_CALL):
            _move_some(database, table, inputs[at : at + PARTITIONS_PER_CALL])


def _move_some(database: str, table: str, inputs: list[dict[str, Any]]) -> None:
    entries = [{"PartitionValueList": each["Values"], "PartitionInput": each} for each in inputs]
    try:
        answer = objects.client("glue").batch_update_partition(DatabaseName=database, TableName=table, Entries=entries)
    except ClientError as error:
        raise _judged(database, table, error) from error
    failed = {tuple(failure["PartitionValueList"]): failure["ErrorDetail"] for failure in answer.get("Errors", [])}
    absent = {values for values, detail in failed.items() if detail["ErrorCode"] == NOT_THERE}
    if others := {detail["ErrorCode"] for values, detail in failed.items() if values not in absent}:
        raise objects.LakeRefused(f"partitions of {database}.{table} are not moved: {', '.join(sorted(others))}")
    if absent:
        _register_some(database, table, [each for each in inputs if tuple(each["Values"]) in absent], time.sleep)


def register(database: str, lake: Place, paths: Iterable[str], sleep: Callable[[float], None] = time.sleep) -> None:
    """Registers the partitions of these files; those that lie beside the tables have none.

    Raises `LakeRefused` where the catalog refuses them, ClientError where it fails for now in spite of all tries.
    """
    definitions = {name: (columns, keys) for name, columns, keys in tables()}
    for table, partitions in partitions_of(paths).items():
        if table not in definitions:
            continue
        columns, keys = definitions[table]
        inputs = [_partition(lake, columns, keys, values, folder) for values, folder in partitions.items()]
        for at in range(0, len(inputs), PARTITIONS_PER_CALL):
            _register_some(database, table, inputs[at : at + PARTITIONS_PER_CALL], sleep)


def _register_some(database: str, table: str, inputs: list[dict[str, Any]], sleep: Callable[[float], None]) -> None:
    pause = PAUSE_SECONDS
    for left in reversed(range(REGISTER_TRIES)):
        inputs, reason = _ask(database, table, inputs)
        if not inputs:
            return
        if left:
            sleep(pause)
            pause *= 2
    raise objects.LakeRefused(f"{len(inputs)} partitions of {database}.{table} are not registered: {reason}")


def _ask(database: str, table: str, inputs: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Those that are still to be registered, and why."""
    glue = objects.client("glue")
    try:
        answer = glue.batch_create_partition(DatabaseName=database, TableName=table, PartitionInputList=inputs)
    except ClientError as error:
        raise _judged(database, table, error) from error
    failed = {
        tuple(failure["PartitionValues"]): failure["ErrorDetail"]
        for failure in answer.get("Errors", [])
        if failure["ErrorDetail"]["ErrorCode"] != THERE_ALREADY
    }
    reason = "; ".join(
        sorted({f"{detail['ErrorCode']}: {detail.get('ErrorMessage', '')}" for detail in failed.values()})
    )
    return [each for each in inputs if tuple(each["Values"]) in failed], reason


def _judged(database: str, table: str, error: ClientError) -> Exception:
    """The catalog's error as it is where it passes, or as what it means."""
    passing: Exception = error
    if objects.is_transient(error) or objects.code_of(error) in PASSING:
        return passing
    return objects.LakeRefused(
        f"the catalog refuses partitions of {database}.{table}: {error}; make the table or mend the permissions"
    )


def _partition(
    lake: Place, columns: Sequence[tuple[str, str]], keys: Sequence[str], values: Values, folder: str
) -> dict[str, Any]:
    if len(keys) != len(values):
        raise ValueError(f"{folder}: expected values of {', '.join(keys)}")
    return {"Values": list(values), "StorageDescriptor": _descriptor(columns, lake.url(f"{folder}/"))}


def _descriptor(columns: Sequence[tuple[str, str]], location: str) -> dict[str, Any]:
    return {"Columns": [{"Name": name, "Type": kind} for name, kind in columns], "Location": location, **PARQUET}


def _unless_there(make: Callable[..., Any], **told: Any) -> None:
    try:
        make(**told)
    except ClientError as error:
        if objects.code_of(error) != THERE_ALREADY:
            raise


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the catalog's definition."""
    parser = argparse.ArgumentParser(prog="python -m headrig_etl.catalog", description="Print the catalog's definition")
    parser.add_argument("lake", type=Place.parse, help="where the lake lies, such as s3://bucket/lake")
    parser.add_argument("--database", default="headrig", help="the database's name")
    told = parser.parse_args(arguments)
    definition = {"Database": database_input(told.database, told.lake), "Tables": table_inputs(told.lake)}
    print(json.dumps(definition, indent=2))


if __name__ == "__main__":
    main()
