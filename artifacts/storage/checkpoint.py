"""Checkpoint: a cache of what a log adds up to. Losing or damaging one never harms.

One small head for each log, and immutable pages of rows that are read only when asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from artifacts.content import Digest
from artifacts.errors import ArtifactsError, IntegrityError
from artifacts.storage import codec
from artifacts.storage.frame import Frame
from artifacts.storage.log import FOLD_VERSION, Log, Tail
from artifacts.storage.store import ObjectStore

Row: TypeAlias = dict[str, Any]
_ROWS_A_PAGE = 256
_MOST = 2**28  # bytes of one page of rows


class Rows:
    """A long list of JSON rows, of which only the touched pages are in memory.

    A page that is missing or damaged in the store is made anew by `recover`, which folds the
    whole log: slower, never wrong. Raises ValueError for pages that cannot be so many rows.
    """

    def __init__(
        self,
        checkpoints: Checkpoints | None = None,
        pages: list[str] | None = None,
        length: int = 0,
    ) -> None:
        self._checkpoints = checkpoints
        self._names: list[str | None] = [*(pages or [])]
        self._pages: dict[int, list[Row]] = {}
        self._length = length
        if len(self._names) != -(-length // _ROWS_A_PAGE):
            raise ValueError(f"{len(self._names)} pages of {length} rows")
        self.recover: Callable[[], Rows] = Rows

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Row:
        return self._page(index // _ROWS_A_PAGE)[index % _ROWS_A_PAGE]

    def __iter__(self) -> Iterator[Row]:
        return map(self.__getitem__, range(len(self)))

    def __setitem__(self, index: int, row: Row) -> None:
        number, place = divmod(index, _ROWS_A_PAGE)
        self._page(number)[place] = row
        self._names[number] = None

    def append(self, row: Row) -> None:
        number = self._length // _ROWS_A_PAGE
        if number == len(self._names):
            self._names.append(None)
            self._pages[number] = []
        self._page(number).append(row)
        self._names[number] = None
        self._length += 1

    def save(self, checkpoints: Checkpoints) -> list[str]:
        """Write the pages that changed; the names of all of them."""
        for number, name in enumerate(self._names):
            if name is None:
                self._names[number] = checkpoints.put_rows(self._pages[number])
        return [name for name in self._names if name is not None]

    def _page(self, number: int) -> list[Row]:
        if number not in self._pages:
            self._pages[number] = self._read(number)
        return self._pages[number]

    def _read(self, number: int) -> list[Row]:
        name = self._names[number]
        if self._checkpoints is not None and name is not None:
            try:
                return self._checkpoints.get_rows(name)
            except ArtifactsError:
                pass  # a cache: what it held is folded again
        whole = self.recover()
        start = number * _ROWS_A_PAGE
        return [whole[i] for i in range(start, min(start + _ROWS_A_PAGE, self._length))]


class Checkpoints:
    """Best effort on both sides: `load` may find nothing, `save` may fail unnoticed."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def load(self, log: Log) -> tuple[Tail, Mapping[str, Any]] | None:
        """The newest head that belongs to the log as it is now, and where the log goes on."""
        key = _key(log)
        try:
            header = Frame.decode(self.store.read(key), key).header
            tail = Tail(int(header["number"]), Digest.parse(header["previous"]))
            if header["log"] != log.name or header["fold"] != FOLD_VERSION or tail.number < 1:
                return None
            if log.read(tail.number - 1).digest != tail.previous:
                return None
            return tail, header["head"]
        except (ArtifactsError, ValueError, KeyError, TypeError):
            return None

    def save(self, log: Log, tail: Tail, head: Callable[[Checkpoints], Mapping[str, Any]]) -> None:
        """`head` may write rows. Neither they nor the head are needed by anybody."""
        header = {
            "log": log.name,
            "number": tail.number,
            "previous": tail.previous.hex(),
            "fold": FOLD_VERSION,
        }
        try:
            self.store.write(_key(log), Frame({**header, "head": head(self)}).encode())
        except ArtifactsError:
            pass  # the next one will do

    def put_rows(self, rows: list[Row]) -> str:
        data = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
        digest = Digest.of(data)
        self.store.write(_rows_key(digest), codec.encode(data))
        return digest.hex()

    def get_rows(self, name: str) -> list[Row]:
        """Raises ObjectNotFoundError, IntegrityError."""
        digest = Digest.parse(name)
        key = _rows_key(digest)
        data = codec.decode(self.store.read(key), _MOST, key)
        if Digest.of(data) != digest:
            raise IntegrityError(key)
        rows: list[Row] = json.loads(data)
        return rows


def _key(log: Log) -> str:
    return f"cache/heads/{log.name}"


def _rows_key(digest: Digest) -> str:
    return f"cache/rows/{digest.hex()[:2]}/{digest.hex()}"
