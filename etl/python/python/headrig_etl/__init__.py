"""headrig's ETL for Spark: objects in S3 to a lake of Parquet, every line in it once.

Spark is only the scheduler. The rows are made by the Rust core (`_core`), the same that `headrig local` runs, and
the ledger is asked by the same protocol code as the Lambda asks it.

- `job.run` is what `etl/job.py` calls: it claims the batches that it was started for, has each written by a task,
  registers what is new in the catalog, and commits.
- `task` runs on the executors; `catalog` knows the tables, `objects` S3, `documents` what lies beside the lake.
- `arrow` is for those who want the rows in a DataFrame.
"""

from headrig_etl._core import VERSION as __version__

__all__ = ["__version__"]
