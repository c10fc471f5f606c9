"""Collection: what a collection of very many versions takes, measured inside one process.

`python -m benchmarks.collection VERSIONS`, in an empty folder, prints the figures as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from artifacts.catalog import Catalog, Draft
from artifacts.names import ArtifactName

_TIMES = 20
_PROJECT = ("default", "bench")


class Subject:
    """A store; each question to it is asked as a new process would."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._cache = store.with_name("cache")
        self._contents = count()

    def commit(self, name: str, times: int = 1) -> None:
        """New versions of one small file."""
        catalog = Catalog.open(str(self._store), create=True)
        for number, _ in zip(self._contents, range(times), strict=False):
            draft = Draft(name, "dataset", catalog.intake(self._cache))
            draft.add_bytes(b"%d" % number, "file.txt")
            catalog.commit(draft, *_PROJECT)

    def resolve(self, name: str) -> None:
        """The newest version, by its alias."""
        Catalog.open(str(self._store)).resolve(ArtifactName(*_PROJECT, name, "latest"))


def figures(subject: Subject, versions: int) -> dict[str, float]:
    """Seconds."""
    subject.commit("many", versions)
    pairs = [  # in turn, as a disk that is busy is so for both
        (_taken_s(partial(subject.commit, "many")), _taken_s(partial(subject.commit, name)))
        for name in (f"new-{number}" for number in range(_TIMES))
    ]
    return {
        "resolve_s": median(_taken_s(partial(subject.resolve, "many")) for _ in range(_TIMES)),
        "commit_s": median(into_many_s - into_new_s for into_many_s, into_new_s in pairs),
    }


def _taken_s(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    os.mkdir("store")
    print(json.dumps(figures(Subject(Path("store").absolute()), int(sys.argv[1]))))
