"""Lost: logs that were there once, as other logs, objects or the collector's fences tell.

A log that lost its end looks like one that is younger; but what it named, or who fenced it, is
there still. Who deletes what nothing names must know of that first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

from artifacts.catalog.directory import Listing
from artifacts.catalog.generations import LOG
from artifacts.catalog.logs import Logs
from artifacts.storage import BLOBS, LAYOUTS, MANIFESTS, PAGES, ObjectStore, is_old

_ROOT = "logs/directory/root"
_OBJECTS = (MANIFESTS, LAYOUTS, PAGES, BLOBS)
_YOUNG = timedelta(days=1)


def lost_logs(logs: Logs) -> Iterator[tuple[str, str]]:
    """Key of each log that is gone or lost its end, and what tells.

    Raises BrokenLogError, UnknownEventError, StorageError.
    """
    store = logs.store
    # looked for before what names them is read: whoever begins a log has it listed first
    directories, collections, runs = (
        {*_ids(store, kind)} for kind in ("directory", "collection", "run")
    )
    projects = logs.all_projects().state
    if nameless := (directories | runs).difference(projects.ids, ["root"]):
        yield _ROOT, f"it names no project {min(nameless)}, of which there are logs"
        return  # what that listed would all seem lost
    if not projects.ids and _has_objects(store, logs.clock() - _YOUNG):
        yield _ROOT, "it names no project, and there are objects, of a commit at least that died"
    swept, listed, epochs = logs.generations.refresh().state.swept, set[str](), {projects.fence}
    for name, project in projects.names.items():
        state = logs.directory(project.id).refresh().state
        listed.update(state.ids)
        epochs |= {state.fence, *(listing.epoch for listing in state.names.values())}
        if project.epoch < swept and state.fence < swept:
            yield f"logs/directory/{project.id}", _unfenced(name, swept)
        for collection, listing in state.names.items():
            if _lost_its_fence(logs, listing, swept):
                yield f"logs/collection/{listing.id}", _unfenced(f"{name}/{collection}", swept)
    for gone in {*projects.ids}.difference(each.id for each in projects.names.values()):
        listed.update(logs.directory(gone).refresh().state.ids)
    if max(epochs) > logs.generations.refresh().state.epoch:
        yield f"logs/{LOG}", f"there are fences of generation {max(epochs)}, which it has not"
    for id_ in sorted(collections - listed):
        yield f"logs/collection/{id_}", "no project lists it: the log of its project lost its end"


def _ids(store: ObjectStore, kind: str) -> Iterator[str]:
    """Of a kind's logs; of runs those of their projects."""
    return (folder.split("/")[2] for folder in store.folders(f"logs/{kind}/"))


def _has_objects(store: ObjectStore, before: datetime) -> bool:
    """Any that was not left just now, by whoever made the store and died."""
    keys = chain.from_iterable(store.list(f"{kind}/") for kind in _OBJECTS)
    return any(is_old(store, key, before) for key in keys)


def _lost_its_fence(logs: Logs, listing: Listing, swept: int) -> bool:
    """Whether a log takes commits again that a collector of garbage had ended."""
    if listing.epoch >= swept:
        return False
    state = logs.fold(listing.id).refresh().state
    return state.fence < swept and not state.is_deleted


def _unfenced(name: str, epoch: int) -> str:
    return f"{name} has no fence {epoch}: its log lost its end, or is gone"
