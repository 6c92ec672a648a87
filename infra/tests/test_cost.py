"""infra/cost.py: that the page is what it computes, and that it computes what the page says."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import cost  # noqa: E402

NONE = cost.Assumptions()


def test_the_page_has_the_table_that_is_computed() -> None:
    page = (ROOT / "docs/operations/cost.md").read_text()
    assert cost.table(cost.FLEETS) in page, "run infra/cost.py and put its table into docs/operations/cost.md"


def test_a_run_a_day_costs_a_minute_of_its_workers() -> None:
    # One object a day: a batch when it has waited, a run for it, a minute of two workers.
    quiet = replace(NONE, hosts=1, gb_day=0.001, age_minutes=24 * 60)
    assert cost.cost(quiet).files == 1 and cost.cost(quiet).runs == 1
    assert cost.cost(quiet).glue == pytest.approx(30 * 60 / 3600 * 2 * 0.44)


def test_writes_are_those_of_the_ledgers_page() -> None:
    # docs/formats/dynamodb.md: with batches of five 13.2 units an object.
    assert cost.write_units(NONE, 5, 1) / 5 == pytest.approx(13.2)


def test_glue_has_a_ceiling_and_says_when_runs_are_too_few() -> None:
    flood = replace(NONE, hosts=20_000, gb_day=2_000)
    ceiling = flood.runs_max * flood.workers * 24 * 30 * cost.GLUE_DPU_HOUR
    assert not cost.cost(flood).enough_runs and cost.cost(flood).glue == pytest.approx(ceiling)
    for batch_size in (5, 20, 98):
        found = cost.cost(replace(NONE, batch_size=batch_size))
        assert found.enough_runs and found.glue <= ceiling


def test_metrics_beyond_ten_thousand_are_cheaper() -> None:
    assert cost.metric_months(10_000) == pytest.approx(3_000)
    assert cost.metric_months(10_010) == pytest.approx(3_001)


def test_more_of_anything_is_never_cheaper() -> None:
    base = cost.cost(NONE).total
    for changed in ({"hosts": 200}, {"gb_day": 20}, {"raw_days": 730}, {"lake_days": 730}, {"sources": 2}):
        assert cost.cost(replace(NONE, **changed)).total > base, changed


def test_numbers_of_ones_own_are_taken_and_misspelt_ones_are_not() -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, ROOT / "infra/cost.py", *words], capture_output=True, text=True)

    own = run("hosts=300", "gb_day=60")
    assert own.returncode == 0 and cost.table([replace(NONE, hosts=300, gb_day=60)]) in own.stdout
    for wrong in ("host=3", "hosts=many", "hosts=0", "hosts"):
        assert run(wrong).returncode == 2
