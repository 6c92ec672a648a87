"""The figures that a run leaves in its log, as the template's filters of CloudWatch Logs read them."""

from __future__ import annotations

import json

import pytest

from cloud import Site
from headrig_etl import job, meter, task
from headrig_etl.types import LakeFile, Written
from test_driver import LINE, start

NO_FORMAT = b"neither a time nor anything else\n"


def test_rows_count_in_logs_alone_and_unparsed_ones_by_their_partition() -> None:
    files = (
        LakeFile("logs/year=2026/level=info/event_type=http_access/aa-000.parquet", 7, 1, ""),
        LakeFile("logs/year=2026/level=unknown/event_type=unparsed/aa-001.parquet", 3, 1, ""),
        LakeFile("metrics/year=2026/aa-002.parquet", 2, 1, ""),
    )
    line = meter.batch_line(Written(files, {}, {}))
    assert json.loads(line) == {"headrig_batch": {"rows": 10, "unparsed": 3}}


def test_a_run_tells_of_each_committed_batch_and_of_itself(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    batch = start(site, {"host=h/source=a/one.log": LINE * 5, "host=h/source=b/two.log": NO_FORMAT * 2})
    job.carry(site.job([(batch, 1)]), 1, task.run)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert told[0] == {"headrig_batch": {"rows": 7, "unparsed": 2}}
    run = told[1]["headrig_run"]
    assert (run["committed"], run["returned"]) == (1, 0) and 0 < run["seconds"] < 600
    capsys.readouterr()
    job.carry(site.job([(batch, 1)], run="run-2"), 1, task.run)
    assert "headrig_batch" not in capsys.readouterr().out
