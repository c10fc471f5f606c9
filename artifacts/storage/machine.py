"""MachineHeads: what this machine knows of a store's logs, so that only their ends are asked for.

Hints: whoever uses one compares it with the log. Any number of processes may write and read.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from artifacts.content import Digest
from artifacts.errors import ArtifactsError
from artifacts.storage.checkpoint import Head

_MOST = 2**24  # bytes of one head that are worth keeping


class MachineHeads:
    """A file for each log of one store, in a folder of this machine."""

    def __init__(self, cache: Path, url: str) -> None:
        self._folder = cache / "heads" / Digest.of(url.encode()).hex()[:32]

    def load(self, log: str) -> Head | None:
        """The head that was saved last; there may be none."""
        try:
            return Head.decode(self._path(log).read_bytes(), log)
        except (OSError, ArtifactsError, ValueError, KeyError, TypeError):
            return None

    def save(self, head: Head) -> None:
        """Best effort: what cannot be written is not needed."""
        path = self._path(head.log)
        beside = path.with_name(f"{path.name}~{secrets.token_hex(4)}")
        data = head.encode()
        if len(data) > _MOST:
            return
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                beside.write_bytes(data)
                os.replace(beside, path)
            finally:
                beside.unlink(missing_ok=True)

    def _path(self, log: str) -> Path:
        return self._folder / log.replace("/", "-")
