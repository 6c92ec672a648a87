"""Rules in the job's settings: the lake is that of `headrig local`, and `headrig verify` finds the account of what they
dropped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import lake
import local
from cloud import Site
from headrig_etl import job, task


def verify(folder: Path) -> tuple[int, str]:
    """The exit code of `headrig verify`, and what it said."""
    ended = subprocess.run([local.headrig(), "verify", "--lake", folder], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_rules_do_what_they_do_in_headrig_local_and_the_account_is_there(
    site: Site, ruled: local.LocalLake, logs: local.LocalLake, tmp_path: Path
) -> None:
    for members in ruled.batches:
        site.take_in(members, len(members))
    told = site.job(site.sink.start(), settings=local.RULES)
    summary = job.carry(told, 2, task.run)
    assert len(summary.committed) == len(ruled.batches)
    assert site.tables() == ruled.files
    lake.assert_same(site.tables(), ruled.files, tmp_path / "compared")
    everything = lake.by_duckdb(lake.lay_out(logs.files, tmp_path / "everything"))
    assert len(lake.by_duckdb(tmp_path / "compared/found")) < len(everything)
    accounts = {path: content for path, content in site.files("batches/").items() if "-manifest" not in path}
    assert accounts == ruled.accounts and len(accounts) == len(ruled.batches)

    # The ledger of `headrig local`, beside the lake of the job.
    copy = tmp_path / "copy"
    shutil.copytree(ruled.folder, copy)
    for folder in ("logs", "metrics", "batches"):
        shutil.rmtree(copy / folder)
    lake.lay_out(site.tables() | accounts, copy)
    code, said = verify(copy)
    assert code == 0, said
    (copy / next(iter(accounts))).unlink()
    code, said = verify(copy)
    assert code == 3, said


def test_an_account_of_an_earlier_attempt_is_gone_where_the_next_has_no_rules(site: Site) -> None:
    content = {"host=h/source=a/one.log": b"2026-09-21 00:30:00 DEBUG hm\n2026-09-21 00:30:01 ERROR oh\n"}
    (batch,) = site.take_in(content, 1)
    first = site.job(site.sink.start(), run="first", settings=local.RULES)

    def dies_after_storing(plan: job.Plan) -> job.Returned:
        assert isinstance(task.run(plan), job.Written)
        return job.Returned("died", True)

    job.carry(first, 1, dies_after_storing)
    assert f"batches/{batch}.json" in site.files("batches/")
    job.carry(site.job(site.sink.start(), run="second"), 1, task.run)
    assert list(site.files("batches/")) == [f"batches/{batch}-manifest.json"]
