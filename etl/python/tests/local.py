"""Logs, and what `headrig local` makes of them: chunks, batches and a lake to hold the job's against."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

SOURCES = 12
LINES = 400
DAY_SECONDS = 86_400


@dataclass
class LocalLake:
    """A lake that `headrig local` made."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> LocalLake:
        """Writes logs of `SOURCES` sources below `folder` and runs `headrig local` over them."""
        logs = folder / "in"
        logs.mkdir()
        config = []
        for number in range(SOURCES):
            (logs / f"s{number:02}.log").write_text("".join(_lines(number)))
            config.append(f'[[source]]\nname = "s{number:02}"\ninclude = ["**/s{number:02}.log"]\n')
        (folder / "config.toml").write_text('host = "web-1"\n' + "".join(config))
        lake = folder / "lake"
        subprocess.run(
            [headrig(), "local", logs, "--lake", lake, "--config", folder / "config.toml", "--json"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return cls(lake)

    @cached_property
    def batches(self) -> list[dict[str, bytes]]:
        """The members of each batch, by key."""
        ledger = sqlite3.connect(f"file:{self.folder}/.headrig/ledger.db?mode=ro", uri=True)
        rows = ledger.execute("SELECT batch, key FROM files ORDER BY batch, key").fetchall()
        ledger.close()
        found: dict[bytes, dict[str, bytes]] = {}
        for batch, key in rows:
            found.setdefault(batch, {})[key] = (self.folder / ".headrig/bucket" / key).read_bytes()
        return list(found.values())

    @cached_property
    def chunks(self) -> dict[str, bytes]:
        """All chunks, by key."""
        return {key: content for batch in self.batches for key, content in batch.items()}

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The lake's files, by path."""
        found = (path for table in ("logs", "metrics") for path in (self.folder / table).rglob("*.parquet"))
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in sorted(found)}


def headrig() -> Path:
    """The program; the test is skipped where it is not built."""
    built = Path(__file__).parents[3] / "target/debug/headrig"
    program = Path(os.environ.get("HEADRIG_BIN", built))
    if not program.exists():
        pytest.skip(f"{program} is not built; `cargo xtask test` does that")
    return program


def _lines(number: int) -> list[str]:
    """A log of one kind: access, authentication, or application; two days, all levels."""
    dice = random.Random(number)
    make = (_access, _auth, _application)[number % 3]
    lines = []
    for at in range(LINES):
        second = at * 2 * DAY_SECONDS // LINES
        lines.append(make(dice, 21 + second // DAY_SECONDS, second % DAY_SECONDS, number, at))
    return lines


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def _access(dice: random.Random, day: int, second: int, number: int, at: int) -> str:
    status = dice.choice([200, 200, 200, 304, 404, 500])
    return (
        f"10.0.{number}.{dice.randrange(256)} - - [{day}/Sep/2026:{_clock(second)} +0000] "
        f'"GET /items/{at}?q={dice.randrange(10**6)} HTTP/1.1" {status} {dice.randrange(90_000)} "-" "curl/8.5"\n'
    )


def _auth(dice: random.Random, day: int, second: int, number: int, at: int) -> str:
    what = dice.choice(
        ["Failed password for invalid user bob", "Accepted publickey for alice", "Failed password for root"]
    )
    port = 1024 + dice.randrange(60_000)
    return (
        f"2026-09-{day}T{_clock(second)}.{at:06}+00:00 web-1 sshd[{number * 1000 + at}]: "
        f"{what} from 192.0.2.{dice.randrange(256)} port {port} ssh2\n"
    )


def _application(dice: random.Random, day: int, second: int, number: int, at: int) -> str:
    level = dice.choice(["INFO", "INFO", "WARN", "ERROR", "DEBUG"])
    trace = "\tat app.Main(Main.java:7)\n" if level == "ERROR" else ""
    return f"2026-09-{day} {_clock(second)},{at:03} {level} [main] app.Worker{number} - did {at}\n{trace}"
