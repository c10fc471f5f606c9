"""ArtifactFiles: the files of a logged artifact, in path order, made only as they are asked for."""

from __future__ import annotations

import mimetypes
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TextIO, overload

from artifacts.artifact.entry import ArtifactManifestEntry, Parent
from artifacts.artifact.paged import Paged
from artifacts.catalog import Version
from artifacts.content import Entry, Page
from artifacts.errors import InvalidError


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
        self,
        root: str = ".",
        replace: bool = False,
        exist_ok: bool = False,
        api: object = None,
    ) -> TextIO:
        """Put the file below `root` and open it there, for reading, as UTF-8.

        What is there already is kept as it is with `exist_ok`, and made anew with `replace`. Raises
        InvalidError, a ValueError, for it without either, and for replacing what is neither a file
        nor a link. `api` means nothing here.
        """
        target = os.path.join(root, *self.name.split("/"))
        if not os.path.lexists(target):
            target = self._entry.download(root)
        elif replace:
            if not (os.path.islink(target) or os.path.isfile(target)):
                raise InvalidError(f"{target} is no file, so it stays: download to another root")
            os.unlink(target)
            target = self._entry.download(root)
        elif not exist_ok:
            raise InvalidError(
                f"{target} exists: pass exist_ok=True to keep it, replace=True not to"
            )
        return open(target, encoding="utf-8")  # the caller's to close

    def __repr__(self) -> str:
        return f"<File {self.name} ({self.mimetype}) {self.size}B>"


class ArtifactFiles(Paged[File]):
    """All files of a version, or those at `paths`. Source: W&B, `wandb.apis.public`.

    Holds no more of the version than the page that was asked for last. Raises KeyError for a
    path that there is not.
    """

    def __init__(
        self, artifact: Parent, version: Version, paths: Sequence[str] | None = None
    ) -> None:
        self._artifact = artifact
        self._version = version
        self._chosen = None if paths is None else [*map(version.entry, sorted({*paths}))]
        self._ends = [*accumulate(row.entries for row in version.manifest.rows)]
        self._kept: tuple[int, Page] | None = None

    @property
    def path(self) -> list[str]:
        """Entity, project and name of the artifact."""
        return [self._artifact.entity, self._artifact.project, self._artifact.name]

    @property
    def more(self) -> bool:
        """Whether `next` has one left."""
        return self._at < len(self)

    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice) -> list[File]: ...
    def __getitem__(self, index: int | slice) -> File | list[File]:
        if isinstance(index, slice):
            return [self._file(self._entry(i)) for i in range(*index.indices(len(self)))]
        return self._file(self._entry(range(len(self))[index]))

    def __iter__(self) -> Iterator[File]:
        chosen = self._version.entries() if self._chosen is None else self._chosen
        return map(self._file, chosen)

    def __len__(self) -> int:
        return len(self._version.manifest) if self._chosen is None else len(self._chosen)

    def __repr__(self) -> str:
        return f"<ArtifactFiles {'/'.join(self.path)} ({len(self)})>"

    def _file(self, entry: Entry) -> File:
        return File(ArtifactManifestEntry(entry, self._artifact))

    def _entry(self, index: int) -> Entry:
        if self._chosen is not None:
            return self._chosen[index]
        position = bisect_right(self._ends, index)
        if self._kept is None or self._kept[0] != position:
            self._kept = (position, self._version.page(position))
        page = self._kept[1]
        return page[index - self._ends[position] + len(page)]
