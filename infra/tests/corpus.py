"""Real log files, dealt out to hosts: what each has at first, what grows, and what is rotated.

The corpora have a few dozen files; large ones are cut between lines, so that there are as many as are asked for, each
with lines of its own. Every file ends with a whole line. Knows nothing of what ships them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

CORPORA = Path(__file__).parents[3] / "shared/corpora"
LOGS = (".log", ".json", ".0")
WHOLE_BYTES_MAX = 20_000
"""Smaller files stay whole."""
SOURCES = ("system", "web")
GROWING, ROTATED = 4, 5
"""Of a host's files: how many grow while they are read, how many are moved away and begun anew."""
SLICES = 3


def pieces(count: int) -> list[bytes]:
    """So many files out of the corpora, all different."""
    files = [path.read_bytes() for path in sorted(CORPORA.rglob("*")) if path.suffix in LOGS]
    files = [content if content.endswith(b"\n") else content + b"\n" for content in files if content]
    small = [content for content in files if len(content) <= WHOLE_BYTES_MAX]
    large = [content for content in files if len(content) > WHOLE_BYTES_MAX]
    # As many cuts as are wanted, given to the files by their sizes.
    wanted, total = count - len(small), sum(map(len, large))
    shares = [max(1, wanted * len(content) // total) for content in large]
    shares[max(range(len(large)), key=lambda at: len(large[at]))] += wanted - sum(shares)
    cut = [piece for content, share in zip(large, shares, strict=True) for piece in slices(content, share)]
    assert len(set(small + cut)) == count, "every file has lines of its own"
    # The small ones among the others.
    step = count / len(small)
    for at, content in enumerate(small):
        cut.insert(int(at * step), content)
    return cut


def slices(content: bytes, count: int) -> list[bytes]:
    """`content` cut between lines into so many parts of about as many lines."""
    lines = content.splitlines(keepends=True)
    marks = [len(lines) * at // count for at in range(count + 1)]
    return [b"".join(lines[begin:end]) for begin, end in pairwise(marks)]


@dataclass
class Host:
    """A host's logs: the files as they are in the end, and what is still to come."""

    name: str
    folder: Path
    files: list[bytes]
    to_come: list[list[tuple[str, Path, bytes]]] = field(default_factory=list)

    def begin(self) -> None:
        """Puts in place what is there before anybody reads, and plans the rest."""
        growing, pairs = self.files[:GROWING], self.files[GROWING : GROWING + 2 * ROTATED]
        steps: list[list[tuple[str, Path, bytes]]] = [[] for _ in range(SLICES - 1)]
        for at, content in enumerate(growing):
            path = self.path(f"growing-{at}.log", at)
            first, *rest = slices(content, SLICES)
            write(path, first)
            for step, part in zip(steps, rest, strict=True):
                step.append(("append", path, part))
        for at, (old, new) in enumerate(zip(pairs[::2], pairs[1::2], strict=True)):
            path = self.path(f"rotated-{at}.log", at)
            write(path, old)
            steps[at % len(steps)].append(("rotate", path, new))
        for at, content in enumerate(self.files[GROWING + 2 * ROTATED :]):
            write(self.path(f"standing-{at}.log", at), content)
        self.to_come = steps

    def path(self, name: str, at: int) -> Path:
        """Where a file lies: in one of the sources' folders."""
        return self.folder / SOURCES[at % len(SOURCES)] / name

    def go_on(self) -> None:
        """Has some files grow and some be rotated."""
        for what, path, content in self.to_come.pop(0):
            if what == "rotate":
                path.rename(path.with_name(path.name + ".1"))
            write(path, content)


def write(path: Path, content: bytes) -> None:
    """Appends to a file, which is made where it is not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(content)


def deal(names: list[str], files: list[bytes], folder: Path) -> Iterator[Host]:
    """Hosts with a share of the files each."""
    for at, name in enumerate(names):
        yield Host(name, folder / name, files[at :: len(names)])
