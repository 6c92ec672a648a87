"""A task of a compaction: a partition's next generation. It runs on an executor.

Files that are small become few, by the core; the others are copied within S3. All of it lies where no reader is sent
before the ledger's layout is switched. Invariant: what is made, and under which keys, depends on the files that go in
and headrig's version alone; so a run that was cut short is gone on with by the next one.

Memory: the files that become one, as they are stored, twice the plain size of one column, and the file they make.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headrig_etl import objects, task
from headrig_etl._core import footer, generation_of, location_of, merge, plan
from headrig_etl.types import LakeFile, Made, Part, Place

TAIL_BYTES = 64 * 1024
"""Of a file, what is read for its footer; nearly every one has less."""
FOOTER_END_BYTES = 8
"""A Parquet file ends with its footer's length and its magic number."""

log = logging.getLogger("headrig.generation")


@dataclass(frozen=True)
class Maker:
    """Makes generations in a lake; `region` is the driver's, since executors need not be told one."""

    lake: Place
    region: str | None = None

    def make(self, part: Part) -> Made:
        """The partition's next generation, or none where it is well as it is. What is wrong with a file leaves the
        partition as it is; what is wrong with S3 raises what boto3 raises, or `LakeRefused`."""
        task.enter(self.region)
        try:
            groups = plan(self._candidates(part))
            if not groups:
                return Made(part.partition)
            return self._make(part, groups)
        except ValueError as error:
            log.error("%s is left as it is: %s", part.partition, error)
            return Made(part.partition, left=str(error))

    def _candidates(self, part: Part) -> list[tuple[str, int, int, int]]:
        table = part.partition.partition("/")[0]
        return [(name, *self._footer(table, part, name, size)) for name, size, _, is_ours in part.files if is_ours]

    def _footer(self, table: str, part: Part, name: str, size: int) -> tuple[int, int, int]:
        path = f"{part.location}/{name}"
        tail = objects.read_file(self.lake, path, TAIL_BYTES)
        length = int.from_bytes(tail[-FOOTER_END_BYTES : -FOOTER_END_BYTES // 2], "little") + FOOTER_END_BYTES
        if len(tail) < length <= size:
            tail = objects.read_file(self.lake, path, length)
        try:
            return footer(table, tail, size)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def _make(self, part: Part, groups: list[tuple[str, str, list[str]]]) -> Made:
        generation = generation_of(part.location, [(name, tag) for name, _, tag, _ in part.files])
        folder = location_of(generation, part.partition)
        there = {found.path for found in objects.list_objects(self.lake, f"{folder}/")}
        merged = {name for _, _, inputs in groups for name in inputs}
        kept = [name for name, *_ in part.files if name not in merged]
        rows = 0
        for id_, name, inputs in groups:
            target = f"{folder}/{name}"
            if target not in there:
                rows += self._merge(part, id_, inputs, target)
        for name in kept:
            if f"{folder}/{name}" not in there:
                objects.copy(self.lake, f"{part.location}/{name}", f"{folder}/{name}")
        return Made(part.partition, generation, len(part.files), len(groups) + len(kept), rows)

    def _merge(self, part: Part, id_: str, inputs: list[str], target: str) -> int:
        table = part.partition.partition("/")[0]
        try:
            content, rows = merge(
                table, id_, [objects.read_file(self.lake, f"{part.location}/{name}") for name in inputs]
            )
        except ValueError as error:
            raise ValueError(f"{part.location}: {error}") from error
        file = LakeFile(target, rows, len(content), hashlib.sha256(content).hexdigest())
        with tempfile.TemporaryDirectory(prefix="headrig-") as staging:
            local = Path(staging) / "file"
            local.write_bytes(content)
            del content
            # The key is of these very files and this version: what is there with other bytes is no work of ours.
            objects.store_file(self.lake, file, local, lambda: None)
        return rows
