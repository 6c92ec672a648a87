"""Who failed to log in, out of objects that nobody has loaded: a DataFrame without ledger and lake.

Usage: `spark-submit failed_logins.py my-bucket host=web1/source=auth/`
"""

import sys

from pyspark.sql import SparkSession

from headrig_etl import arrow, objects
from headrig_etl.types import Place


def main(bucket: str, prefix: str) -> None:
    """Prints addresses and users of the failed logins in the bucket's objects under `prefix`, the busiest first."""
    spark = SparkSession.builder.appName("failed logins").getOrCreate()
    found = [(key,) for key in objects.list_paths(Place(bucket), prefix)]
    keys = spark.createDataFrame(found, "key string").repartition(max(1, len(found)))
    logs = keys.mapInArrow(arrow.rows_of(bucket), arrow.schema())
    failures = logs.where("event_type = 'auth_failure'").groupBy("src_ip", "user_name").count()
    failures.orderBy("count", "src_ip", "user_name", ascending=[False, True, True]).show(truncate=False)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
