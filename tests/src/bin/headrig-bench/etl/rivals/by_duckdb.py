"""The access log to Parquet by DuckDB: one regular expression with named groups, one thread."""

import json
import sys
import time

import duckdb

LINE = (
    r'^(\S+) \S+ (\S+) \[([^\]]+)\] "(\S+) (\S+) [^"]*" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)" (\d+\.\d+)$'
)
GROUPS = ["src_ip", "user_name", "ts", "method", "path", "status", "bytes", "referrer", "agent", "seconds"]

log, out = sys.argv[1:]
connection = duckdb.connect()
connection.execute("SET threads = 1")
connection.execute("SET enable_progress_bar = false")
connection.execute("SELECT 1").fetchall()

begun = time.process_time()
connection.execute(
    f"""
    COPY (
        SELECT
            strptime(f.ts, '%d/%b/%Y:%H:%M:%S %z') AS ts,
            f.src_ip, nullif(f.user_name, '-') AS user_name, f.method AS http_method, f.path AS http_path,
            try_cast(f.status AS INTEGER) AS http_status, try_cast(f.bytes AS BIGINT) AS http_bytes,
            try_cast(f.seconds AS DOUBLE) * 1000 AS http_duration_ms,
            f.agent AS http_user_agent, nullif(f.referrer, '-') AS http_referrer,
            CASE WHEN f.status >= '500' THEN 'error' WHEN f.status >= '400' THEN 'warn' ELSE 'info' END AS level
        FROM (
            SELECT regexp_extract(line, $line, {GROUPS}) AS f
            FROM read_csv($log, columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
                          delim = '\x01', quote = '', escape = '')
        )
    ) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3)
    """,
    {"line": LINE, "log": log},
)
cpu_seconds = time.process_time() - begun

rows, parsed = connection.execute(f"SELECT count(*), count(http_status) FROM '{out}'").fetchone()
print(json.dumps({"rows": rows, "parsed": parsed, "cpu_seconds": cpu_seconds}))
