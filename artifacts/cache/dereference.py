"""Dereference: what references lead to, put into files of a folder, each one checked."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Protocol

from msgspec import Struct, field

from artifacts.cache.delivered import Expected, Had, known_content
from artifacts.content import Digest, Entry
from artifacts.errors import ArtifactsError, MissingReferenceError, StorageError
from artifacts.storage import PerProcess, Places, Recorded, Tell, fetch

_AT_ONCE = 16
_log = logging.getLogger(__name__)


class Fetch(Protocol):
    """How the bytes of references of one scheme are had."""

    def __call__(self, recorded: Recorded, target: str, tell: Tell) -> tuple[Digest, int]:
        """Digest and length of what is in the new file `target` now.

        Raises MissingReferenceError, ChangedReferenceError, StorageError.
        """


class References(Struct):
    """`delivered` is what the folder has of them, by path, or should have; `had` what it had.

    Those that lead to nothing are an error each, or with `may_lack` a warning, and not missed:
    `lacked` are these, with the sizes that they had.
    """

    places: Places
    others: Mapping[str, Fetch] = field(default_factory=dict)  # by scheme
    had: Mapping[str, Had] = field(default_factory=dict)
    may_lack: bool = False
    delivered: dict[str, Expected] = field(default_factory=dict)
    lacked: dict[str, int] = field(default_factory=dict)
    _pool: PerProcess[ThreadPoolExecutor] = field(
        default_factory=lambda: PerProcess(
            partial(ThreadPoolExecutor, _AT_ONCE, thread_name_prefix="art-refer")
        )
    )

    def is_right(self, entry: Entry, found: Digest | None) -> bool:
        """Whether a file is what the reference leads to, as far as can be told without asking."""
        detail = entry.detail
        if detail is None:
            return False
        known = known_content(entry)
        if known is not None and found == known[0]:
            self.delivered[entry.path] = known
            return True
        had = self.had.get(entry.path)
        if had is None or had.entry != entry.digest:
            return False
        self.delivered[entry.path] = had.content  # if it was edited since, the receipt shows it
        is_told = detail.etag is not None or detail.version is not None
        return is_told and found == had.content[0]

    def fetch_all(
        self, wanted: Sequence[tuple[Entry, str]], tell: Tell
    ) -> Iterable[tuple[Entry, ArtifactsError | bool]]:
        """Of each reference and the file it goes to: whether it is there, or why it is not."""
        outcomes = self._pool.mine.map(lambda each: self._fetch(each[0], each[1], tell), wanted)
        return zip((entry for entry, _ in wanted), outcomes, strict=True)

    def _fetch(self, entry: Entry, target: str, tell: Tell) -> ArtifactsError | bool:
        assert entry.detail is not None
        recorded = Recorded(entry.path, entry.digest, entry.size, entry.detail)
        get = self.others.get(recorded.uri.partition("://")[0], partial(fetch, self.places))
        try:
            self.delivered[entry.path] = get(recorded, target, tell)
        except ArtifactsError as error:
            with suppress(OSError):
                os.unlink(target)
            if isinstance(error, MissingReferenceError) and self.may_lack:
                _log.warning("%s", error)
                self.lacked[entry.path] = entry.size or 0
                return False
            self.miss(entry)
            return error
        except OSError as error:
            self.miss(entry)
            return StorageError(entry.path, error.strerror or str(error))
        self.lacked.pop(entry.path, None)  # it may have lacked at the first attempt
        return True

    def miss(self, entry: Entry) -> None:
        """Whoever verifies the folder is told that it is not there, if it is known what it is."""
        had, known = self.had.get(entry.path), known_content(entry)
        if had is not None and had.entry == entry.digest:
            self.delivered[entry.path] = had.content
        elif known is not None:
            self.delivered[entry.path] = known
