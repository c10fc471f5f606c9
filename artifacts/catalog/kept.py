"""Kept: what was read of a project's runs, in the store's cache from one question to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from msgspec import Struct

from artifacts.errors import ArtifactsError
from artifacts.storage import Frame, ObjectStore, decode, encode

T = TypeVar("T")
_MOST = 2**30  # bytes of what is kept of one project
_WORTH = 8  # runs whose logs were read: from so many on, writing down what they said pays


class Kept(Struct, Generic[T], frozen=True):
    """What is known of each run, by its key, in one file for each project, of a kind and edition.

    Losing or damaging it never harms.
    """

    kind: str
    edition: int
    content: str
    """What its object is called."""
    parse: Callable[[bytes], dict[str, T]]
    """Raises ValueError, LookupError, TypeError or AttributeError for what it cannot read."""
    dump: Callable[[Mapping[str, T]], bytes]

    def load(self, store: ObjectStore, project: str) -> dict[str, T]:
        """Nothing, if nothing of use is there."""
        key = self._key(project)
        try:
            frame = Frame.decode(store.read(key), key)
            if frame.header[self.kind] != self.edition or frame.header["project"] != project:
                return {}
            return self.parse(decode(frame.objects[self.content], _MOST, key))
        except (ArtifactsError, ValueError, LookupError, TypeError, AttributeError):
            return {}

    def save(self, store: ObjectStore, project: str, known: Mapping[str, T], news: int) -> None:
        """Best effort, if so many are new that it pays: the logs have all of it."""
        if news < _WORTH:
            return
        data = self.dump(known)
        header = {self.kind: self.edition, "project": project}
        try:
            store.write(self._key(project), Frame(header, {self.content: encode(data)}).encode())
        except ArtifactsError:
            pass  # who only reads, too, gets an answer

    def _key(self, project: str) -> str:
        return f"cache/{self.kind}/{project}"
