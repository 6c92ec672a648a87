"""What one would write without headrig: an access log by `regexp_extract`, to partitioned Parquet.

Usage: `spark-submit plain.py <folder of .gz files> <folder to write>`

The same columns that the `logs` table fills of such a line, the same partitions, the same compression.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

LINE = r'^(\S+) \S+ (\S+) \[([^\]]+)\] "(\S+) (\S+) [^"]*" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"'
FIELDS = (
    "src_ip",
    "user_name",
    "time",
    "http_method",
    "http_path",
    "status",
    "bytes",
    "http_referrer",
    "http_user_agent",
)


def main(source: str, target: str) -> None:
    """Reads, takes apart, writes."""
    spark = SparkSession.builder.appName("plain").getOrCreate()
    lines = spark.read.text(source)
    fields = [f.regexp_extract("value", LINE, number).alias(name) for number, name in enumerate(FIELDS, start=1)]
    rows = lines.select(f.col("value").alias("message"), *fields)
    status = f.col("status").cast("int")
    level = f.when(status >= 500, "error").when(status >= 400, "warn").when(status > 0, "info").otherwise("unknown")
    ts = f.to_timestamp("time", "dd/MMM/yyyy:HH:mm:ss Z")
    rows = rows.select(
        ts.alias("ts"),
        "message",
        "src_ip",
        f.when(f.col("user_name") != "-", f.col("user_name")).alias("user_name"),
        "http_method",
        "http_path",
        status.alias("http_status"),
        f.col("bytes").cast("bigint").alias("http_bytes"),
        "http_user_agent",
        f.when(f.col("http_referrer") != "-", f.col("http_referrer")).alias("http_referrer"),
        f.date_format(ts, "yyyy").alias("year"),
        f.date_format(ts, "MM").alias("month"),
        f.date_format(ts, "dd").alias("day"),
        level.alias("level"),
        f.when(status.isNotNull(), "http_access").otherwise("unparsed").alias("event_type"),
    )
    writer = rows.write.option("compression", "zstd")
    writer.partitionBy("year", "month", "day", "level", "event_type").parquet(target)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
