"""Collection: what very many versions, and very many collections, take, inside one process.

`python -m benchmarks.collection VERSIONS`, in an empty folder, prints the figures as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from artifacts.catalog import Catalog, Draft
from artifacts.names import ArtifactName
from artifacts.query import Api

_TIMES = 20
_PROJECT = ("default", "bench")
_MANY_COLLECTIONS = "many"  # a project
_PAGE = 50


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

    def commit_each(self, names: Iterable[str]) -> None:
        """A version of one small file in each collection."""
        catalog = Catalog.open(str(self._store), create=True)
        for name in names:
            draft = Draft(name, "dataset", catalog.intake(self._cache))
            draft.add_bytes(b"the same", "file.txt")
            catalog.commit(draft, _PROJECT[0], _MANY_COLLECTIONS)

    def list_versions(self, name: str) -> None:
        """The first page."""
        found = self._api().artifacts("dataset", f"{_PROJECT[1]}/{name}")
        assert len([each.name for each in found[:_PAGE]]) == _PAGE

    def list_collections(self) -> None:
        """The first page."""
        found = self._api().artifact_collections(_MANY_COLLECTIONS, "dataset")
        assert len([each.name for each in found[:_PAGE]]) == _PAGE

    def _api(self) -> Api:
        return Api({"entity": _PROJECT[0]}, store=self._store)

    def resolve(self, name: str) -> None:
        """The newest version, by its alias."""
        Catalog.open(str(self._store)).resolve(ArtifactName(*_PROJECT, name, "latest"))


def figures(subject: Subject, versions: int) -> dict[str, float]:
    """Seconds."""
    subject.commit("many", versions)
    subject.commit_each(f"c{number:06}" for number in range(versions))
    times = range(_TIMES)
    pairs = [  # in turn, as a disk that is busy is so for both
        (_taken_s(partial(subject.commit, "many")), _taken_s(partial(subject.commit, name)))
        for name in (f"new-{number}" for number in range(_TIMES))
    ]
    return {
        "resolve_s": median(_taken_s(partial(subject.resolve, "many")) for _ in range(_TIMES)),
        "commit_s": median(into_many_s - into_new_s for into_many_s, into_new_s in pairs),
        "versions_s": median(_taken_s(partial(subject.list_versions, "many")) for _ in times),
        "collections_s": median(_taken_s(subject.list_collections) for _ in times),
    }


def _taken_s(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    os.mkdir("store")
    print(json.dumps(figures(Subject(Path("store").absolute()), int(sys.argv[1]))))
