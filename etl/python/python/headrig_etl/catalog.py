"""The Glue catalog: what the tables are, and that partitions are registered before a batch is committed.

The columns come from the core, so that they are those of the files. `python -m headrig_etl.catalog s3://bucket/lake`
prints the database and the tables as CloudFormation takes them.

Invariant: a partition that is there already is left as it is.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from headrig_etl import objects
from headrig_etl._core import tables
from headrig_etl.types import Place

PARTITIONS_PER_CALL = 100
"""What BatchCreatePartition takes at once."""
REGISTER_TRIES = 5
PAUSE_SECONDS = 0.5
"""The pause before the second try; it doubles."""
THERE_ALREADY = "AlreadyExistsException"
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


def partitions_of(paths: Iterable[str]) -> dict[str, list[Values]]:
    """The partitions that files lie in, by table, sorted: `logs/year=2026/month=09/…` is ("2026", "09", …)."""
    found: dict[str, set[Values]] = {}
    for path in paths:
        table, *segments = path.split("/")[:-1]
        found.setdefault(table, set()).add(tuple(segment.partition("=")[2] for segment in segments))
    return {table: sorted(values) for table, values in sorted(found.items())}


def register(database: str, lake: Place, paths: Iterable[str], sleep: Callable[[float], None] = time.sleep) -> None:
    """Registers the partitions of these files.

    Raises `LakeRefused` where the catalog refuses them, ClientError where it fails for now in spite of all tries.
    """
    definitions = {name: (columns, keys) for name, columns, keys in tables()}
    for table, partitions in partitions_of(paths).items():
        columns, keys = definitions[table]
        inputs = [_partition(lake, table, columns, keys, values) for values in partitions]
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
        if objects.is_transient(error) or objects.code_of(error) in PASSING:
            raise
        raise objects.LakeRefused(
            f"the catalog refuses partitions of {database}.{table}: {error}; make the table or mend the permissions"
        ) from error
    failed = {
        tuple(failure["PartitionValues"]): failure["ErrorDetail"]
        for failure in answer.get("Errors", [])
        if failure["ErrorDetail"]["ErrorCode"] != THERE_ALREADY
    }
    reason = "; ".join(
        sorted({f"{detail['ErrorCode']}: {detail.get('ErrorMessage', '')}" for detail in failed.values()})
    )
    return [each for each in inputs if tuple(each["Values"]) in failed], reason


def _partition(
    lake: Place, table: str, columns: Sequence[tuple[str, str]], keys: Sequence[str], values: Values
) -> dict[str, Any]:
    folders = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
    return {"Values": list(values), "StorageDescriptor": _descriptor(columns, lake.url(f"{table}/{folders}/"))}


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
