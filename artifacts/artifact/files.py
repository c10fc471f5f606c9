"""ArtifactFiles: the files of a logged artifact, in path order, made only as they are asked for."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator, Sequence
from io import BufferedReader
from typing import TYPE_CHECKING, overload

from artifacts.artifact.entry import ArtifactManifestEntry

if TYPE_CHECKING:
    from artifacts.artifact.artifact import Artifact


class File:
    """One file of a logged artifact. Source: W&B SDK 0.19.8, `wandb.apis.public.File`."""

    def __init__(self, entry: ArtifactManifestEntry) -> None:
        self._entry = entry

    @property
    def name(self) -> str:
        """Path in the artifact."""
        return self._entry.path

    @property
    def size(self) -> int:
        """Bytes."""
        return self._entry.size or 0

    @property
    def digest(self) -> str:
        """BLAKE3 of the file's bytes, 64 hex digits."""
        return self._entry.digest

    @property
    def mimetype(self) -> str:
        """As its ending suggests."""
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    def download(
        self, root: str = ".", replace: bool = False, exist_ok: bool = False
    ) -> BufferedReader:
        """Put the file below `root` and open it for reading.

        Raises ValueError for one that is there already, unless `exist_ok` or `replace`.
        """
        target = os.path.join(root, *self.name.split("/"))
        if os.path.exists(target) and not (replace or exist_ok):
            raise ValueError(f"{target} exists: pass exist_ok=True to keep it, replace=True not to")
        if replace and os.path.exists(target):
            os.unlink(target)
        return open(self._entry.download(root), "rb")  # the caller's to close

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.mimetype}) {self.size}B>"


class ArtifactFiles(Sequence[File]):
    """Source: W&B SDK 0.19.8, `wandb.apis.public.ArtifactFiles`."""

    def __init__(self, artifact: Artifact, entries: Sequence[ArtifactManifestEntry]) -> None:
        self._artifact = artifact
        self._entries = entries

    @property
    def path(self) -> list[str]:
        """Entity, project and name of the artifact."""
        return [self._artifact.entity, self._artifact.project, self._artifact.name]

    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice) -> list[File]: ...
    def __getitem__(self, index: int | slice) -> File | list[File]:
        if isinstance(index, slice):
            return [File(entry) for entry in self._entries[index]]
        return File(self._entries[index])

    def __iter__(self) -> Iterator[File]:
        return map(File, self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<ArtifactFiles {'/'.join(self.path)} ({len(self)})>"
