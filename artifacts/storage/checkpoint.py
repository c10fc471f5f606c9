"""Checkpoint: a cache of what a log adds up to. Losing or damaging one never harms.

One small head for each log, and immutable pages of rows that are read only when asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Self, TypeAlias

from msgspec import Struct, field

from artifacts.content import Digest
from artifacts.errors import ArtifactsError, IntegrityError
from artifacts.storage import codec
from artifacts.storage.frame import Frame
from artifacts.storage.log import FOLD_VERSION, Log, Tail
from artifacts.storage.parallel import Parallel, PerProcess
from artifacts.storage.store import ObjectStore

Row: TypeAlias = dict[str, Any]
Put: TypeAlias = Callable[[list[Row]], str]
"""Stores a page of rows, and says its name."""
_EDITION = 10  # of heads: older ones may be spoiled, or lack what newer rules need
_ROWS_A_PAGE = 256
_MOST = 2**28  # bytes of one page of rows


class Head(Struct, frozen=True):
    """A state as JSON, how far the log was read for it, and the bytes of events before that."""

    log: str
    tail: Tail
    state: Mapping[str, Any]
    events: Mapping[int, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        header = {
            "log": self.log,
            "number": self.tail.number,
            "previous": self.tail.previous.hex(),
            "fold": FOLD_VERSION,
            "edition": _EDITION,
            "head": self.state,
        }
        return Frame(header, {str(key): data for key, data in self.events.items()}).encode()

    @classmethod
    def decode(cls, data: bytes, log: str) -> Self | None:
        """Of another log, edition or version of the rules, there is none.

        Raises ArtifactsError, ValueError, KeyError or TypeError for what `encode` never makes.
        """
        frame = Frame.decode(data, f"head of {log}")
        header = frame.header
        tail = Tail(int(header["number"]), Digest.parse(header["previous"]))
        versions = header["fold"], header.get("edition")
        if header["log"] != log or versions != (FOLD_VERSION, _EDITION) or tail.number < 1:
            return None
        events = {int(number): data for number, data in frame.objects.items()}
        return cls(log, tail, header["head"], events)


class Rows:
    """A long list of JSON rows, of which only the touched pages are in memory.

    A page that is missing or damaged in the store is made anew by `recover`, which folds the
    whole log: slower, never wrong.
    """

    def __init__(self) -> None:
        self._checkpoints: Checkpoints | None = None
        self._names: list[str | None] = []  # None for a page that no store has
        self._pages: dict[int, list[Row]] = {}
        self._expected: PerProcess[dict[int, Future[list[Row]]]] = PerProcess(dict)
        self._length = 0
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

    def expect(self, index: int) -> None:
        """Have a row under way when it is asked for, where that pays."""
        number = index // _ROWS_A_PAGE
        expected = self._expected.mine
        if self._checkpoints and number not in self._pages and number not in expected:
            name, parallel = self._names[number], self._checkpoints.parallel
            if name is not None and parallel is not None:
                expected[number] = parallel.begin(partial(self._checkpoints.get_rows, name))

    def save(self, put: Put | None = None) -> Mapping[str, Any]:
        """JSON from which `load` makes these rows again.

        The last page is within it, and without `put` each page that no store has.
        """
        last = len(self._names) - 1
        for number, name in enumerate(self._names[:-1]):
            if name is None and put is not None:
                self._names[number] = put(self._pages[number])
        names = [name if number < last else None for number, name in enumerate(self._names)]
        within = {number: self._page(number) for number, name in enumerate(names) if name is None}
        return {"length": self._length, "pages": names, "within": within}

    @classmethod
    def load(cls, saved: Mapping[str, Any], checkpoints: Checkpoints) -> Self:
        """Raises ValueError, KeyError or TypeError for what `save` never gives."""
        rows = cls()
        rows._checkpoints, rows._length = checkpoints, saved["length"]
        rows._names = [*saved["pages"]]
        rows._pages = {int(number): page for number, page in saved["within"].items()}
        if len(rows._names) != -(-rows._length // _ROWS_A_PAGE):
            raise ValueError(f"{len(rows._names)} pages of {rows._length} rows")
        for number, name in enumerate(rows._names):
            if name is None and len(rows._pages[number]) != rows._length_of(number):
                raise ValueError(f"page {number} has {len(rows._pages[number])} rows")
        return rows

    def _length_of(self, number: int) -> int:
        return min(_ROWS_A_PAGE, self._length - number * _ROWS_A_PAGE)

    def _page(self, number: int) -> list[Row]:
        page = self._pages.get(number)
        if page is None:  # and if another thread read it meanwhile, it may have changed it, too
            page = self._pages.setdefault(number, self._read(number))
        return page

    def _read(self, number: int) -> list[Row]:
        name, expected = self._names[number], self._expected.mine.pop(number, None)
        if self._checkpoints is not None and name is not None:
            try:
                page = expected.result() if expected else self._checkpoints.get_rows(name)
            except (ArtifactsError, ValueError):
                pass  # a cache: what it held is folded again
            else:
                if len(page) == self._length_of(number):
                    return page
        whole = self.recover()
        start = number * _ROWS_A_PAGE
        return [whole[i] for i in range(start, start + self._length_of(number))]


class Checkpoints:
    """Best effort on both sides: `load` may find nothing, `save` may fail unnoticed."""

    def __init__(self, store: ObjectStore, parallel: Parallel | None = None) -> None:
        self.store = store
        self.parallel = parallel
        self._unsent: dict[str, bytes] = {}

    def load(self, log: str) -> Head | None:
        """The newest head. Whoever uses it compares it with the log."""
        try:
            return Head.decode(self.store.read(_key(log)), log)
        except (ArtifactsError, ValueError, KeyError, TypeError):
            return None

    def save(self, log: Log, tail: Tail, state: Callable[[Put], Mapping[str, Any]]) -> None:
        """`state` may put rows. Neither they nor the head are needed by anybody.

        Where the store is far away nobody waits for it.
        """
        head = Head(log.name, tail, state(self._put))
        self._unsent[_key(log.name)] = head.encode()
        if self.parallel is None:
            self._send()
        else:
            self.parallel.begin(self._send)

    def _put(self, rows: list[Row]) -> str:
        data = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
        digest = Digest.of(data)
        self._unsent[_rows_key(digest)] = codec.encode(data)
        return digest.hex()

    def _send(self) -> None:
        """Rows before the head that names them."""
        try:
            for key in [*self._unsent]:
                self.store.write(key, self._unsent[key])
                del self._unsent[key]
        except (ArtifactsError, KeyError):
            pass  # the next one will do; or another thread sent it

    def get_rows(self, name: str) -> list[Row]:
        """Raises ObjectNotFoundError, IntegrityError."""
        digest = Digest.parse(name)
        key = _rows_key(digest)
        data = codec.decode(self.store.read(key), _MOST, key)
        if Digest.of(data) != digest:
            raise IntegrityError(key)
        rows: list[Row] = json.loads(data)
        return rows


def _key(log: str) -> str:
    return f"cache/heads/{log}"


def _rows_key(digest: Digest) -> str:
    return f"cache/rows/{digest.hex()[:2]}/{digest.hex()}"
