"""headrig's Glue job: the batches that `--batches` names, from S3 to the lake. docs/operations/job.md tells the rest.

It runs in Glue 5.1 and 6.0 and under any spark-submit whose Python has the wheel `headrig_etl`.
"""

import argparse
import logging
import sys

from pyspark.sql import SparkSession

from headrig_etl import job
from headrig_etl.arguments import NAMES, job_of


def arguments() -> tuple[dict[str, str], str | None]:
    """What the job was told, and the engine's id of the run where there is one."""
    try:
        from awsglue.utils import getResolvedOptions
    except ImportError:
        parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
        for name in (*NAMES, "JOB_RUN_ID"):
            parser.add_argument(f"--{name}")
        told = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    else:
        # Glue calls for every name that it is asked for, so only those that were given are asked for.
        given = [name for name in NAMES if any(each.split("=")[0] == f"--{name}" for each in sys.argv)]
        told = getResolvedOptions(sys.argv, given)
    return told, told.get("JOB_RUN_ID")


def main() -> None:
    """Runs the job; raises when a batch had to be given back, so that the run counts as failed."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    checked = job_of(*arguments())
    spark = SparkSession.builder.appName("headrig").getOrCreate()
    try:
        job.run(checked, spark.sparkContext)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
