"""Alerts under the job, against MiniStack: told once whatever happens to the run, and never the fault of a batch."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from cloud import Site, Topic, guessing
from headrig_etl import job, objects, task
from headrig_etl.alerting import Alerting, figures_path
from headrig_etl.types import Job, Plan, Returned, Written

NO_ALERTS = "[etl]\nbuilt_in_alerts = false"
OTHER = {"host=web-1/source=app/a.log": b"2026-09-21 00:30:00 INFO fine\n"}


@pytest.fixture
def topic(site: Site) -> Topic:
    """A topic of this test's own."""
    return Topic.make()


def start(site: Site, content: dict[str, bytes]) -> list[tuple[str, int]]:
    """A batch that waits for its claim."""
    site.take_in(content, len(content))
    return site.sink.start()


def waiting(site: Site) -> list[str]:
    """The figures that wait."""
    return list(site.files("figures/"))


def is_brute_force(heard: list[tuple[str, str]]) -> bool:
    """Whether that and only that was told, once."""
    return len(heard) == 1 and "brute_force" in heard[0][0] and heard[0][1].count("192.0.2.9") == 1


def test_an_incident_is_told_once_across_a_retry(site: Site, topic: Topic) -> None:
    def dies_after_storing(plan: Plan) -> Returned:
        assert isinstance(task.run(plan), Written)
        return Returned("died", True)

    first = site.job(start(site, guessing()), run="first", topic_arn=topic.arn)
    job.carry(first, 1, dies_after_storing)
    assert topic.heard() == [] and waiting(site) == []
    second = site.job(site.sink.start(), run="second", topic_arn=topic.arn)
    assert job.carry(second, 1, task.run).committed
    assert is_brute_force(topic.heard()) and waiting(site) == []
    assert job.carry(second, 1, task.run).refused
    # The same incident goes on in another batch.
    job.carry(site.job(start(site, guessing()), run="third", topic_arn=topic.arn), 1, task.run)
    assert topic.heard() == []


def test_a_run_that_dies_behind_its_commit_leaves_the_telling_to_the_next(
    site: Site, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(Alerting, "committed", lambda *_: None)
        dying.setattr(Alerting, "end", lambda *_: None)
        ((batch, _),) = job.carry(site.job(start(site, guessing())), 1, task.run).committed.items()
    assert waiting(site) == [figures_path(batch)]
    job.carry(site.job(start(site, OTHER), run="next", topic_arn=topic.arn), 1, task.run)
    assert is_brute_force(topic.heard()) and waiting(site) == []


def test_nobody_to_tell_fails_no_batch_and_is_made_good(
    site: Site, topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    lost = site.job(start(site, guessing()), run="first", topic_arn=f"{topic.arn}-gone")
    ((batch, _),) = job.carry(lost, 1, task.run).committed.items()
    assert site.phase(batch) == "committed"
    assert "could not tell people of an alert" in caplog.text and "tried again with the next batch" in caplog.text
    for run in ("second", "third"):
        job.carry(site.job(start(site, OTHER), run=run, topic_arn=topic.arn), 1, task.run)
    assert is_brute_force(topic.heard()) and waiting(site) == []


def test_a_table_that_keeps_no_state_fails_no_batch(
    site: Site, topic: Topic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = task.ledger_of(replace(site.job([]), ledger="no-such-table"))
    with monkeypatch.context() as broken:
        made = Alerting.__init__
        broken.setattr(Alerting, "__init__", lambda self, told, _: made(self, told, nowhere))
        assert job.carry(site.job(start(site, guessing()), topic_arn=topic.arn), 1, task.run).committed
    assert "are not told yet" in caplog.text and len(waiting(site)) == 1
    job.carry(site.job(start(site, OTHER), run="next", topic_arn=topic.arn), 1, task.run)
    assert is_brute_force(topic.heard()) and waiting(site) == []


def test_of_runs_that_take_in_the_same_batch_at_once_one_tells(site: Site, topic: Topic) -> None:
    told: Job = site.job(start(site, guessing()), topic_arn=topic.arn)
    ((batch, _),) = told.batches
    figures: list[str | None] = []

    def write(plan: Plan) -> Written | Returned:
        written = task.run(plan)
        assert isinstance(written, Written)
        figures.append(written.figures)
        return replace(written, figures=None)

    job.carry(told, 1, write)
    assert topic.heard() == []
    runs = [Alerting(told, task.ledger_of(told)) for _ in range(4)]
    with ThreadPoolExecutor(len(runs)) as pool:
        list(pool.map(lambda alerting: alerting.committed(batch, figures[0]), runs))
    assert is_brute_force(topic.heard())


def test_lines_that_do_not_add_up_fail_the_batch_and_are_told(site: Site, topic: Topic) -> None:
    told = site.job(start(site, OTHER), topic_arn=topic.arn)
    summary = job.carry(told, 1, lambda _: Returned("expected 3 rows, found 2", False, unconserved=True))
    ((batch, reason),) = summary.returned.items()
    assert reason == "expected 3 rows, found 2" and site.sink.batch(batch)[3] == reason
    ((subject, text),) = topic.heard()
    assert "conservation" in subject and f"batch {batch}: expected 3 rows, found 2" in text


def test_without_a_topic_the_log_tells(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    job.carry(site.job(start(site, guessing())), 1, task.run)
    alerts = [record for record in caplog.records if record.getMessage().startswith("alert: ")]
    assert len(alerts) == 1 and alerts[0].levelno == logging.WARNING and "brute_force" in alerts[0].getMessage()


def test_what_is_long_over_is_listed_and_told_to_nobody(
    site: Site, topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    old = {key: lines.replace(lines[:10], b"2020-01-01") for key, lines in guessing().items()}
    job.carry(site.job(start(site, old), topic_arn=topic.arn), 1, task.run)
    assert topic.heard() == [] and "alert, in no message: high brute_force" in caplog.text


def test_where_no_alerts_are_set_nothing_waits(site: Site, topic: Topic) -> None:
    told = site.job(start(site, guessing()), settings=NO_ALERTS, topic_arn=topic.arn)
    assert job.carry(told, 1, task.run).committed
    assert waiting(site) == [] and topic.heard() == []


def test_figures_wait_for_a_commit_and_go_with_a_batch_that_is_none(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    ((batch, _),) = told = start(site, OTHER)
    unknown, damaged = "0" * 64, start(site, guessing())
    job.carry(site.job(damaged, settings=NO_ALERTS), 1, task.run)
    for each in (batch, unknown, damaged[0][0]):
        objects.store_text(site.lake, figures_path(each), "{}" if each != damaged[0][0] else "[")
    objects.store_text(site.lake, "figures/notes.txt", "somebody's")
    Alerting(site.job(told), site.ledger).end()
    assert waiting(site) == sorted([figures_path(batch), "figures/notes.txt"])
    assert "expected its figures" in caplog.text
