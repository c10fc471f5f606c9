"""Paged: a long answer that is read as it is asked for, and a position in it."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar, overload

from artifacts.errors import InvalidError

T = TypeVar("T")
_PER_PAGE = 50


class Paged(Sequence[T]):
    """A sequence that `next` goes through, too. Source: W&B SDK 0.19.8, `Paginator`."""

    _at = 0

    @property
    @abstractmethod
    def more(self) -> bool:
        """Whether there is something left that was not read yet."""

    @property
    def length(self) -> int | None:
        """How many there are."""
        return len(self)

    @property
    def cursor(self) -> str | None:
        """Where `next` is: None before the first."""
        return str(self._at) if self._at else None

    def __next__(self) -> T:
        """Raises StopIteration after the last."""
        try:
            found = self[self._at]
        except IndexError:
            raise StopIteration from None
        self._at += 1
        return found

    def next(self) -> T:
        """As the function `next` would."""
        return self.__next__()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return any(True for _ in self)


class Listed(Paged[T], Generic[T]):
    """What an iterator gives, `per_page` at a time. `count` tells how many, without reading all.

    What was read is kept; whoever wants later news asks anew. Raises InvalidError for pages of
    less than one.
    """

    def __init__(
        self,
        items: Callable[[], Iterable[T]],
        per_page: int | None = _PER_PAGE,
        count: Callable[[], int] | None = None,
    ) -> None:
        self._per_page = _PER_PAGE if per_page is None else per_page
        if self._per_page < 1:
            raise InvalidError(f"per_page is {per_page}, expected at least 1")
        self._items = items
        self._count = count
        self._length: int | None = None
        self._objects: list[T] = []
        self._left: Iterator[T] | None = None
        self._more = True

    @property
    def more(self) -> bool:
        return self._more

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        last = index.stop if isinstance(index, slice) else index
        starts = index.start if isinstance(index, slice) else 0
        is_from_end = last is None or last < 0 or (starts or 0) < 0
        self._read(sys.maxsize if is_from_end else last + 1)
        return self._objects[index]

    def __iter__(self) -> Iterator[T]:
        at = 0
        while self._read(at + 1):
            yield self._objects[at]
            at += 1

    def __len__(self) -> int:
        if self._length is None:
            if self._count is None:
                self._read(sys.maxsize)
            self._length = self._count() if self._count else len(self._objects)
        return self._length

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _read(self, count: int) -> bool:
        """Whether there are so many, of which whole pages are read."""
        if self._left is None:
            self._left = iter(self._items())
        while self._more and len(self._objects) < count:
            page = [*islice(self._left, self._per_page)]
            self._objects += page
            self._more = len(page) == self._per_page
        return len(self._objects) >= count
