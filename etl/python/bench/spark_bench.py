"""headrig's job against plain PySpark on the same access log: MB of log for each second of CPU, start-up apart.

`cargo xtask bench spark` runs it with a release wheel. Both jobs run under spark-submit with the same options and get
the same gzip files; ours by S3 from a stand-in and with ledger and catalog, the other from the local disk. The CPU
time is that of every process of a run: JVM, driver, workers. Each job runs on next to nothing, too: that is its
start-up, and taken off. Medians of the rounds; each round runs both.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).parent.parent / "tests"
sys.path.insert(0, str(TESTS))

import boto3  # noqa: E402
import duckdb  # noqa: E402

import conftest  # noqa: E402
import spark  # noqa: E402
from cloud import Site  # noqa: E402

MEGABYTE = 1_000_000
FILES = 5
SMALL_LINES = 100
RATIO_MIN = 3.0
RUN_SECONDS = 3_600
LOOK_SECONDS = 0.1
NOWHERE = "http://127.0.0.1:9"
"""Where plain PySpark would find AWS; it does not look."""
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "curl/8.5.0",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
)
STATUSES = (200,) * 16 + (304, 404, 404, 500)
DAYS, DAY_SECONDS = 2, 86_400
T0_DAY = 21


def log_of(lines: int, seed: int) -> bytes:
    """So many lines of a combined access log."""
    dice = random.Random(seed)
    made = []
    for at in range(lines):
        second = at * DAYS * DAY_SECONDS // lines
        day, clock = T0_DAY + second // DAY_SECONDS, second % DAY_SECONDS
        made.append(
            f"{dice.randrange(1, 224)}.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(256)} - - "
            f"[{day}/Sep/2026:{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02} +0000] "
            f'"GET /{dice.choice(("items", "users", "static/app", "api/v2/orders"))}/{dice.randrange(10**6)} HTTP/1.1" '
            f'{dice.choice(STATUSES)} {dice.randrange(200_000)} "https://example.org/{dice.randrange(1000)}" '
            f'"{dice.choice(AGENTS)}"\n'
        )
    return "".join(made).encode()


def cpu_of(process: subprocess.Popen[str]) -> float:
    """CPU seconds of a program under spark-submit and of all processes that it starts, which share its session.

    They are looked at while they live: the daemon of Spark's Python workers ignores their ends, and the kernel then
    adds their time to nobody's.
    """
    seen: dict[tuple[int, int], float] = {}
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(spark.end, process, RUN_SECONDS)
        while True:
            alive = _session(process.pid)
            seen |= alive
            if ended.done() and not alive:
                break
            time.sleep(LOOK_SECONDS)
    code, said = ended.result()
    assert code == 0, said
    return sum(seen.values())


def _session(leader: int) -> dict[tuple[int, int], float]:
    """The session's processes that are alive, each by its id and start, with its own CPU seconds."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name before the parenthesis may hold anything; behind it stand numbers, from the state, field 3, on.
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, session, user, system, begun = fields[0], *(int(fields[at]) for at in (3, 11, 12, 19))
        if session == leader and state != "Z":
            found[int(stat.parent.name), begun] = (user + system) / os.sysconf("SC_CLK_TCK")
    return found


def ours(endpoint: str, files: dict[str, bytes]) -> tuple[float, int]:
    """CPU seconds of a run of the job over these objects, one batch each, and its rows."""
    site = Site.make(endpoint)
    site.take_in({f"host=h/source=access/{name}": content for name, content in files.items()}, 1)
    started = site.sink.start()
    seconds = cpu_of(spark.Running(site, started, "bench", conf={}).process)
    counted = 0
    for path, content in site.files("batches/").items():
        if path.endswith("-manifest.json"):
            counted += sum(member["rows"] for member in json.loads(content)["members"])
    return seconds, counted


def plain(files: dict[str, bytes]) -> tuple[float, int]:
    """The same of plain PySpark."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        source.mkdir()
        for name, content in files.items():
            (source / name).write_bytes(content)
        program = Path(__file__).with_name("plain.py")
        seconds = cpu_of(spark.submit(program, [str(source), str(target)], NOWHERE, {}))
        with duckdb.connect() as connection:
            counted = connection.execute(f"SELECT count(*) FROM read_parquet('{target}/**/*.parquet')").fetchall()
    return seconds, counted[0][0]


def measure(endpoint: str, megabytes: int, rounds: int) -> bool:
    """Prints the table; whether ours is as much better as it shall be."""
    sample = len(log_of(10_000, 0)) / 10_000
    lines = int(megabytes * MEGABYTE / sample / FILES)
    logs = {f"{number}.log.gz": log_of(lines, number) for number in range(FILES)}
    raw = sum(map(len, logs.values())) / MEGABYTE
    big = {name: gzip.compress(content, 6) for name, content in logs.items()}
    small = {"0.log.gz": gzip.compress(log_of(SMALL_LINES, 0))}
    jobs: dict[str, Callable[[dict[str, bytes]], tuple[float, int]]] = {
        "headrig": lambda files: ours(endpoint, files),
        "regexp_extract": plain,
    }
    idle: dict[str, list[float]] = {name: [] for name in jobs}
    busy: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            idle[name].append(job(small)[0])
            seconds, rows = job(big)
            assert rows == lines * FILES, f"{name}: expected {lines * FILES} rows, found {rows}"
            busy[name].append(seconds)
    print(f"{raw:.0f} MB of access log in {FILES} gzip files, medians of {rounds} rounds, CPU seconds of all processes")
    print(f"{'job':<16}{'start-up':>10}{'whole run':>11}{'the rest':>10}{'MB/CPU-s':>10}")
    speed = {}
    for name in jobs:
        start, whole = statistics.median(idle[name]), statistics.median(busy[name])
        speed[name] = raw / (whole - start)
        print(f"{name:<16}{start:>10.1f}{whole:>11.1f}{whole - start:>10.1f}{speed[name]:>10.1f}")
    ratio = speed["headrig"] / speed["regexp_extract"]
    print(f"ratio {ratio:.1f}, expected at least {RATIO_MIN}")
    return ratio >= RATIO_MIN


def main() -> int:
    """Runs the bench; exit code 1 when the ratio is not reached."""
    parser = argparse.ArgumentParser(prog="cargo xtask bench spark", description=__doc__)
    parser.add_argument("--mb", type=int, default=200, help="megabytes of log")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    shutil.which("java") or parser.error("Spark needs Java 17")
    with conftest.running_ministack() as endpoint:
        boto3.setup_default_session()
        return 0 if measure(endpoint, told.mb, told.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
