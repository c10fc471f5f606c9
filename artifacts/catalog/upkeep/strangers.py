"""Strangers: keys that a store has no use for, and caches that nobody will believe."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from artifacts.catalog.upkeep.leftovers import rows_in_use
from artifacts.catalog.upkeep.report import reason_at
from artifacts.content import Digest
from artifacts.errors import ArtifactsError
from artifacts.storage import Checkpoints, ChunkLists, FileStore, Frame, Name, ObjectStore

_DIGEST = 32  # bytes
_UNFINISHED = "tmp~"  # a folder
_ID = "[0-9a-f]{32}"
_KNOWN = re.compile(
    r"store\.json"
    rf"|logs/(directory/root|directory/{_ID}|collection/{_ID}|run/{_ID}/{_ID}|gc/root)/[0-9]{{12,}}"
    rf"|cache/heads/(directory/root|(directory|collection)/{_ID}|gc/root)"
    rf"|cache/(rows|index|chunks)/[0-9a-f]{{2}}/[0-9a-f]{{64}}(\.[1-9][0-9]{{0,8}})?"
    rf"|cache/index/head|cache/(lineage|runs)/{_ID}|cache/heartbeats/{_ID}/{_ID}"
)
_EVENTS = 64  # so long a log has a checkpoint


def is_known(key: str) -> bool:
    """Whether a store of this format has such keys."""
    return bool(_KNOWN.fullmatch(key)) or Name.of_key(key) is not None


def strangers(store: ObjectStore) -> Iterator[str]:
    """Keys, and on a disk paths of files, that are no store's."""
    yield from (key for key in _keys(store) if not is_known(key))


def _keys(store: ObjectStore) -> Iterator[str]:
    """On a disk also those that no store would give."""
    if not isinstance(store, FileStore):
        yield from store.list()
        return
    root = store.path("store.json").parent
    for folder, names, files in os.walk(root):
        if folder == os.fspath(root):
            names[:] = [each for each in names if each != _UNFINISHED]
        yield from (Path(folder, each).relative_to(root).as_posix() for each in files)


def cache_faults(store: ObjectStore) -> Iterator[tuple[str, str]]:
    """Keys of caches that are damaged or missing, and what is wrong. Nobody is harmed by any."""
    rows = {*store.list("cache/rows/")}
    for key in store.list("cache/"):
        try:
            _check(store, key)
        except (ArtifactsError, ValueError, KeyError, TypeError) as error:
            yield key, f"{reason_at(key, error)}; whoever needs it reads the logs instead"
    for key in sorted(rows_in_use(store) - rows):
        yield (
            key,
            "a checkpoint names it, and it is missing; whoever needs it reads the log instead",
        )
    yield from _unfolded(store)


def _check(store: ObjectStore, key: str) -> None:
    """Raises ArtifactsError, ValueError, KeyError, TypeError."""
    if not is_known(key):
        return
    folder = key.split("/")[1]
    if folder in ("heads", "lineage", "runs") or key == "cache/index/head":
        Frame.decode(store.read(key), key)
    elif folder == "heartbeats":
        float(json.loads(store.read(key))["time"])
    elif folder == "rows":
        Checkpoints(store).get_rows(key.rpartition("/")[2])
    else:
        data = store.read(key)
        before = b""
        if folder == "chunks":
            blob = Name.of_key(f"blobs/{key.removeprefix('cache/chunks/')}")
            assert blob is not None  # since the key is known
            before = blob.digest
        if Digest.of(before + data[_DIGEST:]) != data[:_DIGEST]:
            raise ValueError("its digest is not that of its content")
        if folder == "chunks" and blob and not ChunkLists(store).get(blob):
            raise ValueError("it is no list of chunks")


def _unfolded(store: ObjectStore) -> Iterator[tuple[str, str]]:
    """Long logs without a checkpoint."""
    for kind in ("directory", "collection"):
        ends: dict[str, int] = {}
        for key in store.list(f"logs/{kind}/"):
            log = key.removeprefix("logs/").rpartition("/")[0]
            ends[log] = ends.get(log, 0) + 1
        there = {*store.list(f"cache/heads/{kind}/")}
        for log, events in ends.items():
            if events >= _EVENTS and f"cache/heads/{log}" not in there:
                yield f"cache/heads/{log}", f"{events} events, and no checkpoint of them"
