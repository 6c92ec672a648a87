"""The access log to Parquet by Polars: one regular expression with named groups, one thread."""

import json
import sys
import time

import polars as pl

LINE = (
    r'^(?<src_ip>\S+) \S+ (?<user_name>\S+) \[(?<ts>[^\]]+)\] "(?<http_method>\S+) (?<http_path>\S+) [^"]*" '
    r'(?<http_status>\d{3}) (?<http_bytes>\d+|-) "(?<http_referrer>[^"]*)" "(?<http_user_agent>[^"]*)" '
    r"(?<http_duration_ms>\d+\.\d+)$"
)

log, out = sys.argv[1:]
pl.LazyFrame({"warm": [1]}).collect()

begun = time.process_time()
status = pl.col("http_status").cast(pl.Int32, strict=False)
(
    pl.scan_csv(log, has_header=False, separator="\x01", quote_char=None, schema={"line": pl.String})
    .select(pl.col("line").str.extract_groups(LINE).alias("f"))
    .unnest("f")
    .with_columns(
        pl.col("ts").str.to_datetime("%d/%b/%Y:%H:%M:%S %z", time_unit="us", strict=False),
        pl.col("user_name").replace("-", None),
        status,
        pl.col("http_bytes").cast(pl.Int64, strict=False),
        pl.col("http_duration_ms").cast(pl.Float64, strict=False) * 1000,
        pl.col("http_referrer").replace("-", None),
        pl.when(status >= 500)
        .then(pl.lit("error"))
        .when(status >= 400)
        .then(pl.lit("warn"))
        .otherwise(pl.lit("info"))
        .alias("level"),
    )
    .sink_parquet(out, compression="zstd", compression_level=3)
)
cpu_seconds = time.process_time() - begun

counts = pl.scan_parquet(out).select(pl.len().alias("rows"), pl.col("http_status").count().alias("parsed")).collect()
print(json.dumps({"rows": counts["rows"][0], "parsed": counts["parsed"][0], "cpu_seconds": cpu_seconds}))
