"""docs/operations/runbook.md: an entry for each alarm of the template, and none for alarms that are no more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/operations/runbook.md"
OTHERS = {"after-an-alarm"}


def entries() -> dict[str, str]:
    """Texts of the page by what a link to them says."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {title.lower().replace(" ", "-"): text for title, text in zip(parts[::2], parts[1::2], strict=True)}


def linked() -> set[str]:
    """What alarms link to."""
    return set(re.findall(r"docs/operations/runbook\.md#([a-z-]+)", (ROOT / "infra/template.yaml").read_text()))


def test_every_alarm_has_an_entry_and_every_entry_an_alarm() -> None:
    assert len(linked()) > 10
    assert entries().keys() - OTHERS == linked()


@pytest.mark.parametrize("anchor", sorted(linked()))
def test_an_entry_says_what_it_means_where_to_look_and_what_to_do(anchor: str) -> None:
    text = entries()[anchor]
    assert "*Means*" in text and ("*Look*" in text or "*Look and do*" in text)
    assert any(word in text for word in ("*Do*", "*Look and do*", "| what to do |"))


def test_links_within_the_page_lead_somewhere() -> None:
    within = set(re.findall(r"\]\(#([a-z-]+)\)", PAGE.read_text()))
    assert within and within <= entries().keys()
