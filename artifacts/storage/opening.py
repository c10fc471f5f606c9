"""Opening: from the address that a user typed to a store that is known to be one."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import compress
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import unquote

from artifacts.content import Digest
from artifacts.errors import (
    AlreadyExistsError,
    InvalidNameError,
    InvalidSettingError,
    NotAStoreError,
    ObjectNotFoundError,
    StoreNotFoundError,
    UnsupportedStoreError,
)
from artifacts.names import check_folder
from artifacts.storage.chunks import CHUNK_SIZES, ChunkSizes
from artifacts.storage.claiming import delete_abandoned
from artifacts.storage.connect import check_url
from artifacts.storage.local import LocalStore
from artifacts.storage.memory import MemoryStore
from artifacts.storage.remote import RemoteStore
from artifacts.storage.store import ObjectStore

_KEY = "store.json"
_FORMAT = 1
_MAX_BYTES = 512
_SIZES = ("least_chunk", "mean_chunk", "most_chunk")
_ID = re.compile(r"[0-9a-f]{32}")
_RANDOM = 24  # digits of an id; the others check them
_PROBE = "probe"
_RACERS = [b"%d" % n for n in range(8)]
_RACES = [(2, 1)] + 4 * [(len(_RACERS), len(_RACERS))]  # writers, at once: in turn, then together
_START_TIMEOUT_S = 60
_TRIES = 3  # of which one has a winner, unless the answers to all winners get lost
_PASSWORD = re.compile(r"[^/]*:[^/]*@")
_memory_stores: dict[str, MemoryStore] = {}  # to share by name is what their URL is for


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """Which store this is, wherever it is copied to, and the format that it is written in."""

    id: str
    format: int
    chunks: ChunkSizes = CHUNK_SIZES
    data: bytes = field(default=b"", compare=False, repr=False)  # as it lies in the store


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is: a folder's path (`~` is expanded), file://, memory:// or a bucket's URL.

    `options` are for the bucket's filesystem and may hold credentials; with `single_writer` the
    bucket need not let each name be created once only, and two writers may harm each other.
    """

    url: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    single_writer: bool = False


def place_at(address: str | Address) -> ObjectStore:
    """The place that an address means, be it a store or not. Raises InvalidSettingError."""
    return _resolve(address if isinstance(address, Address) else Address(address))


def check_address(address: Address) -> None:
    """Whether `place_at` may find a place, without a client being loaded or anything asked.

    Raises InvalidSettingError.
    """
    scheme, separator, _ = address.url.partition("://")
    if separator and scheme.lower() not in _SCHEMES:
        _check_shown(address.url)
        check_url(address.url)
    else:
        place_at(address)


def open_store(address: str | Address, *, create: bool = False) -> ObjectStore:
    """The store at an address.

    With `create`, an absent or empty place becomes one.

    Raises StoreNotFoundError, NotAStoreError, UnsupportedStoreError, InvalidSettingError.
    """
    return opened(place_at(address), create=create)


def opened(store: ObjectStore, *, create: bool = False) -> ObjectStore:
    """As `open_store`, of a place."""
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
        store.create(_KEY, _encode(_new_id(), CHUNK_SIZES))
    return identify(store)


def identify(store: ObjectStore) -> StoreIdentity:
    """Raises StoreNotFoundError, NotAStoreError."""
    return _parse(_read(store), store.url)


def begin_writing(store: ObjectStore, identity: StoreIdentity | None = None) -> StoreIdentity:
    """Once in each writing session: see to it that the store refuses to create twice.

    `identity` is what was read just now, if anything was. What killed writers left behind in its
    spool is deleted.

    Raises UnsupportedStoreError, StoreNotFoundError, NotAStoreError.
    """
    identity = identity or identify(store)
    if _creates(store, _KEY, identity.data):
        raise UnsupportedStoreError(store.url, f"it let {_KEY} be created a second time")
    if isinstance(store, LocalStore):
        store.rely_on(_KEY)
    if not isinstance(store, MemoryStore):  # whose spool goes with it
        delete_abandoned(str(store.spool()))
    return identity


def _resolve(address: Address) -> ObjectStore:
    url = address.url
    if not url or "\0" in url:
        raise InvalidSettingError("store", url, "name a folder or a URL")
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _at_path(url)
    if make := _SCHEMES.get(scheme.lower()):
        return make(rest)
    _check_shown(url)
    store = RemoteStore(url, address.options, single_writer=address.single_writer)
    store.connect()
    return store


def _check_shown(url: str) -> None:
    scheme, _, rest = url.partition("://")
    if _PASSWORD.match(rest):
        reason = "a URL is shown and written down: give the password in storage_options"
        raise InvalidSettingError("store", f"{scheme}://…", reason)


def _at_path(path: str) -> LocalStore:
    try:
        return LocalStore(Path(check_folder(path)).expanduser())
    except InvalidNameError as error:
        raise InvalidSettingError("store", error.name, error.reason) from None
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
    return StoreIdentity(store_id, found, _parse_sizes(fields, url), data)


def _parse_sizes(fields: Mapping[str, Any], url: str) -> ChunkSizes:
    """Those of today where none are named. Powers of two, so that damage to one shows."""
    if not fields.keys() & {*_SIZES}:
        return CHUNK_SIZES
    found: list[Any] = [fields.get(name) for name in _SIZES]
    try:
        return ChunkSizes(*found)
    except ValueError as error:
        raise NotAStoreError(url, f"in {_KEY} {error}") from None


def _encode(store_id: str, sizes: ChunkSizes) -> bytes:
    named = zip(_SIZES, (sizes.least, sizes.mean, sizes.most), strict=True)
    fields = {"format": _FORMAT, "id": store_id, **dict(named)}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def _new_id() -> str:
    return _checked_id(secrets.token_hex(16))


def _checked_id(text: str) -> str:
    """The text with its last digits such that they tell whether the others were damaged."""
    random = text[:_RANDOM]
    return random + Digest.of(random.encode()).hex()[: len(text) - _RANDOM]


def _stranger(store: ObjectStore) -> str | None:
    """The name of something that is not there while a store is being made."""
    names = store.root_names() if isinstance(store, LocalStore | RemoteStore) else store.list()
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
    """Raises UnsupportedStoreError unless each key can be created once only.

    All races are run at once, each for a key of its own, as a store may be far away.
    """
    folder = f"{_PROBE}/{secrets.token_hex(16)}"
    places = [f"{folder}/{number}" for number in range(len(_RACES))]
    try:
        with ThreadPoolExecutor(len(_RACES)) as pool:
            outcomes = [*pool.map(partial(_one_wins, store), places, *zip(*_RACES, strict=True))]
    finally:
        with ThreadPoolExecutor(len(_RACES)) as pool:
            [*pool.map(store.delete, store.list(f"{folder}/"))]
    for (writers, at_once), has_one_winner in zip(_RACES, outcomes, strict=True):
        if not has_one_winner:
            racers = f"of {writers} writers, {at_once} at once"
            reason = f"{racers}, not exactly one could create a name"
            raise UnsupportedStoreError(store.url, reason + _advice(store))


def _advice(store: ObjectStore) -> str:
    if not isinstance(store, RemoteStore):
        return ""
    return "; use another server, or single_writer where nobody else will ever write to it"


def _one_wins(store: ObjectStore, folder: str, writers: int, at_once: int) -> bool:
    for number in range(_TRIES):
        key = f"{folder}/{number}"
        if winners := _race(store, key, _RACERS[:writers], at_once):
            return len(winners) == 1 and store.read(key) == winners[0]
    return False


def _race(store: ObjectStore, key: str, racers: Sequence[bytes], at_once: int) -> list[bytes]:
    """What those wrote who were told that they created the key."""
    start = Barrier(at_once, timeout=_START_TIMEOUT_S)

    def race(data: bytes) -> bool:
        start.wait()
        return _creates(store, key, data)

    with ThreadPoolExecutor(at_once) as pool:
        return list(compress(racers, pool.map(race, racers)))


def _creates(store: ObjectStore, key: str, data: bytes) -> bool:
    try:
        store.create(key, data)
    except AlreadyExistsError:
        return False
    return True
