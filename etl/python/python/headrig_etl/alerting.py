"""Alerts behind commits: what a batch brought waits beside the lake until it was taken in.

A batch's figures are stored before the batch is committed and removed when they were taken in: whatever stops the run
between the two, the next run takes them in. What an incident is, and that of all runs one tells of it, the core sees
to. Invariant: once a batch is committed nothing here fails it; what goes wrong is logged and done again later.
"""

from __future__ import annotations

import logging
import re
import threading
from itertools import islice

from headrig_etl import objects
from headrig_etl._core import Ledger, Settings, take_in
from headrig_etl.types import Job

FOLDER = "figures"
NAME = re.compile(rf"{FOLDER}/([0-9a-f]{{64}})\.json")
WAITING_MAX = 1_000
"""Batches whose figures an end of a run looks at; more wait for the next run."""
COMMITTED, SPLIT = "committed", "split"

log = logging.getLogger("headrig.alerts")


def figures_path(batch: str) -> str:
    """Where a batch's figures wait; the name begins as the batch's files do."""
    return f"{FOLDER}/{batch}.json"


class Alerting:
    """The alerts of a run. Its methods do nothing where no alerts are set."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        self._lake, self._topic, self._ledger = job.lake, job.topic_arn, ledger
        self._settings = Settings.parse(job.settings)
        # One state: threads that keep it at the same time would only wait for each other in DynamoDB.
        self._lock = threading.Lock()

    def committing(self, batch: str, figures: str | None) -> None:
        """Keeps a batch's figures, before it is committed. Raises as `objects.store_text`."""
        if self._settings.has_alerts and figures is not None:
            objects.store_text(self._lake, figures_path(batch), figures)

    def committed(self, batch: str, figures: str | None) -> None:
        """Takes in what a batch brought, now that it is committed."""
        if figures is not None and self._took_in(f"batch {batch}", batches=[(batch, figures)]):
            self._forget(batch)

    def unconserved(self, batch: str, reason: str) -> None:
        """Lines in and rows out of a batch do not add up."""
        self._took_in(f"batch {batch}", unconserved=[(batch, reason)])

    def end(self) -> None:
        """Takes in what dead runs left, and looks whether a source fell silent; the end of a run."""
        if not self._settings.has_alerts:
            return
        try:
            for path in islice(objects.list_paths(self._lake, f"{FOLDER}/"), WAITING_MAX):
                if named := NAME.fullmatch(path):
                    self._take_waiting(named[1])
        except Exception as error:
            log.warning("figures that wait for their alerts cannot be read: %s; the next run tries again", error)
        self._took_in("the end of the run")

    def _take_waiting(self, batch: str) -> None:
        phase = self._ledger.phase(batch)
        if phase == COMMITTED:
            self.committed(batch, objects.read_text(self._lake, figures_path(batch)))
        elif phase in (None, SPLIT):
            self._forget(batch)

    def _took_in(
        self, what: str, batches: list[tuple[str, str]] | None = None, unconserved: list[tuple[str, str]] | None = None
    ) -> bool:
        """Whether it is done with, so that it need not be tried again."""
        if not self._settings.has_alerts:
            return False
        told: list[str] = []

        def tell(subject: str, text: str) -> None:
            told.extend(text.splitlines())
            self._tell(subject, text)

        try:
            with self._lock:
                fresh = take_in(self._ledger, self._settings, tell, batches or [], unconserved or [])
        except ValueError as error:
            log.error("%s brings no alert: %s", what, error)
            return True
        except Exception as error:
            log.error("alerts of %s are not told yet: %s; it is tried again with the next batch", what, error)
            return False
        for line in fresh:
            if line not in told:
                # What is long over, and what is too much for one message.
                log.info("alert, in no message: %s", line)
        return True

    def _tell(self, subject: str, text: str) -> None:
        for line in text.splitlines():
            log.warning("alert: %s", line)
        if self._topic:
            objects.client("sns").publish(TopicArn=self._topic, Subject=subject, Message=text)

    def _forget(self, batch: str) -> None:
        try:
            objects.remove(self._lake, figures_path(batch))
        except Exception as error:
            # The state knows the batch, so that taking it in once more does nothing.
            log.warning("batch %s: its figures stay: %s", batch, error)
