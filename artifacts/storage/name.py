"""Name: what an immutable object is called, by its kind, its digest and its epoch."""

from __future__ import annotations

import re
from typing import Self

from msgspec import Struct

from artifacts.content import Digest
from artifacts.errors import MalformedError

BLOBS = "blobs"
CHUNKS = "chunks"
CONDEMNED = "condemned"
LAYOUTS = "layouts"
MANIFESTS = "manifests"
PAGES = "pages"
KINDS = frozenset((BLOBS, CHUNKS, CONDEMNED, LAYOUTS, MANIFESTS, PAGES))
MAX_EPOCH = 10**9 - 1
_TEXT = re.compile(rf"({'|'.join(sorted(KINDS))})/([0-9a-f]{{64}})(?:\.([1-9][0-9]{{0,8}}))?")


class Name(Struct, frozen=True):
    """Epoch 0 is the plain name; a later one marks content put anew after a collection."""

    kind: str
    digest: Digest
    epoch: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS or not 0 <= self.epoch <= MAX_EPOCH:
            raise MalformedError(f"name of {self.kind}", f"its epoch is {self.epoch}")

    @property
    def key(self) -> str:
        """blobs/ab/abcd…: 256 folders keep any one directory small."""
        digest = self.digest.hex()
        return f"{self.kind}/{digest[:2]}/{digest}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return f".{self.epoch}" if self.epoch else ""

    def __str__(self) -> str:
        """As events and layouts write it: blobs/abcd…[.epoch]."""
        return f"{self.kind}/{self.digest.hex()}{self._suffix}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises MalformedError."""
        if not (match := _TEXT.fullmatch(text)):
            raise MalformedError(f"name {text!r}", "expected kind/digest[.epoch]")
        return cls(match[1], Digest(bytes.fromhex(match[2])), int(match[3] or 0))

    @classmethod
    def of_key(cls, key: str) -> Self | None:
        """The name that a store's key stands for, if it stands for one."""
        kind, _, rest = key.partition("/")
        fan, _, text = rest.partition("/")
        match = _TEXT.fullmatch(f"{kind}/{text}")
        return cls.parse(match[0]) if match and text[:2] == fan else None
