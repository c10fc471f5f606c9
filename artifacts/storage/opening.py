"""Opening: from the address that a user typed to a store that is known to be one."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from threading import Barrier
from urllib.parse import unquote

from artifacts.content import Digest
from artifacts.errors import (
    AlreadyExistsError,
    InvalidSettingError,
    NotAStoreError,
    ObjectNotFoundError,
    StoreNotFoundError,
    UnsupportedStoreError,
)
from artifacts.storage.claim import delete_abandoned
from artifacts.storage.local import LocalStore
from artifacts.storage.memory import MemoryStore
from artifacts.storage.store import ObjectStore

_KEY = "store.json"
_FORMAT = 1
_MAX_BYTES = 512
_ID = re.compile(r"[0-9a-f]{32}")
_RANDOM = 24  # digits of an id; the others check them
_PROBE = "probe"
_RACERS = [b"%d" % n for n in range(8)]
_AT_ONCE = [1] + 4 * [len(_RACERS)]  # in turn, then four races
_START_TIMEOUT_S = 60
_memory_stores: dict[str, MemoryStore] = {}  # to share by name is what their URL is for


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """Which store this is, wherever it is copied to, and the format that it is written in."""

    id: str
    format: int


def open_store(url: str, *, create: bool = False) -> ObjectStore:
    """The store at a folder's path (`~` is expanded), a file:// or a memory:// URL.

    With `create`, an absent or empty place becomes one.

    Raises StoreNotFoundError, NotAStoreError, UnsupportedStoreError, InvalidSettingError.
    """
    store = _resolve(url)
    try:
        identify(store)
    except StoreNotFoundError:
        if not create:
            _refuse_stranger(store)
            raise
        initialize(store)
    return store


def initialize(store: ObjectStore) -> StoreIdentity:
    """Make a store of an empty place that lets each key be created once only.

    Of many that do so at once, all get the same one.

    Raises NotAStoreError if something else is there, UnsupportedStoreError.
    """
    if stranger := _stranger(store):
        return _identify_beside(store, stranger)
    _probe(store)
    with suppress(AlreadyExistsError):  # made meanwhile: theirs is as good
        store.create(_KEY, b'{"format":%d,"id":"%s"}\n' % (_FORMAT, _new_id().encode()))
    return identify(store)


def identify(store: ObjectStore) -> StoreIdentity:
    """Raises StoreNotFoundError, NotAStoreError."""
    return _parse(_read(store), store.url)


def begin_writing(store: ObjectStore) -> StoreIdentity:
    """Once in each writing session: see to it that the store refuses to create twice.

    What killed writers left behind in its spool is deleted.

    Raises UnsupportedStoreError, StoreNotFoundError, NotAStoreError.
    """
    data = _read(store)
    identity = _parse(data, store.url)
    if _creates(store, _KEY, data):
        raise UnsupportedStoreError(store.url, f"it let {_KEY} be created a second time")
    if isinstance(store, LocalStore):
        delete_abandoned(str(store.spool))
    return identity


def _resolve(url: str) -> ObjectStore:
    """The place that an address means, be it a store or not."""
    if not url or "\0" in url:
        raise InvalidSettingError("store", url, "name a folder or a URL")
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _at_path(url)
    if make := _SCHEMES.get(scheme.lower()):
        return make(rest)
    # the rest may hold a password
    reason = "only folders, file:// and memory:// yet; remote stores are the next version's extras"
    raise InvalidSettingError("store", f"{scheme}://…", reason)


def _at_path(path: str) -> LocalStore:
    try:
        return LocalStore(Path(path).expanduser())
    except RuntimeError as error:
        raise InvalidSettingError("store", path, str(error)) from error


def _at_file_url(rest: str) -> LocalStore:
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise InvalidSettingError("store", f"file://{rest}", "want file:///folder, three slashes")
    return LocalStore(Path(unquote(slash + path)))


def _in_memory(name: str) -> MemoryStore:
    return _memory_stores.setdefault(name, MemoryStore(name))


_SCHEMES: Mapping[str, Callable[[str], ObjectStore]] = {"file": _at_file_url, "memory": _in_memory}


def _read(store: ObjectStore) -> bytes:
    try:
        return store.read(_KEY, 0, _MAX_BYTES)
    except ObjectNotFoundError:
        raise StoreNotFoundError(store.url) from None


def _parse(data: bytes, url: str) -> StoreIdentity:
    """Looks at the format first, as another may have other fields. `true` is no number."""
    try:
        fields = json.loads(data)
    except ValueError as error:
        raise NotAStoreError(url, f"{_KEY} is not JSON") from error
    if not isinstance(fields, dict) or type(found := fields.get("format")) is not int:
        raise NotAStoreError(url, f"{_KEY} names no format")
    if found != _FORMAT:
        raise NotAStoreError(url, f"its format is {found}, this software knows {_FORMAT}")
    if not isinstance(store_id := fields.get("id"), str) or not _ID.fullmatch(store_id):
        raise NotAStoreError(url, f"{_KEY} has no id of 32 hex digits")
    if store_id != _checked_id(store_id):
        raise NotAStoreError(url, f"the id in {_KEY} was changed; restore it from a copy")
    return StoreIdentity(store_id, found)


def _new_id() -> str:
    return _checked_id(uuid.uuid4().hex)


def _checked_id(text: str) -> str:
    """The text with its last digits such that they tell whether the others were damaged."""
    random = text[:_RANDOM]
    return random + Digest.of(random.encode()).hex()[: len(text) - _RANDOM]


def _stranger(store: ObjectStore) -> str | None:
    """The name of something that is not there while a store is being made."""
    names = store.root_names() if isinstance(store, LocalStore) else store.list()
    return next((name for name in names if name.split("/")[0] not in (_KEY, _PROBE)), None)


def _refuse_stranger(store: ObjectStore) -> None:
    """Raises NotAStoreError for a place that holds something else, and so never was a store."""
    stranger = _stranger(store)
    if stranger and not _is_store(store):  # it may have become one meanwhile
        raise NotAStoreError(store.url, f"it holds {stranger} and no {_KEY}; name another folder")


def _is_store(store: ObjectStore) -> bool:
    try:
        identify(store)
    except StoreNotFoundError:
        return False
    return True


def _identify_beside(store: ObjectStore, stranger: str) -> StoreIdentity:
    """The stranger may belong to a store that was made meanwhile."""
    try:
        return identify(store)
    except StoreNotFoundError:
        reason = f"not empty ({stranger}) and has no {_KEY}; name an empty folder"
        raise NotAStoreError(store.url, reason) from None


def _probe(store: ObjectStore) -> None:
    """Raises UnsupportedStoreError unless each key can be created once only."""
    folder = f"{_PROBE}/{uuid.uuid4().hex}"
    races = {f"{folder}/{number}": at_once for number, at_once in enumerate(_AT_ONCE)}
    try:
        for key, at_once in races.items():
            if not _one_wins(store, key, at_once):
                racers = f"of {len(_RACERS)} writers, {at_once} at once"
                reason = f"{racers}, not exactly one could create a name"
                raise UnsupportedStoreError(store.url, reason)
    finally:
        for key in races:
            store.delete(key)


def _one_wins(store: ObjectStore, key: str, at_once: int) -> bool:
    start = Barrier(at_once, timeout=_START_TIMEOUT_S)

    def race(data: bytes) -> bool:
        start.wait()
        return _creates(store, key, data)

    with ThreadPoolExecutor(at_once) as pool:
        winners = list(compress(_RACERS, pool.map(race, _RACERS)))
    return len(winners) == 1 and store.read(key) == winners[0]


def _creates(store: ObjectStore, key: str, data: bytes) -> bool:
    try:
        store.create(key, data)
    except AlreadyExistsError:
        return False
    return True
