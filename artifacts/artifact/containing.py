"""Containing: the entries of an artifact, asked for all at once or one by one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from artifacts.artifact.arguments import StrPath, as_path
from artifacts.artifact.downloading import Downloading
from artifacts.artifact.entry import ArtifactManifest, ArtifactManifestEntry
from artifacts.artifact.files import ArtifactFiles
from artifacts.content import Entry, Manifest
from artifacts.errors import EntryNotFoundError, UsageError

MEDIA = tuple(
    f".{kind}.json"
    for kind in (
        *("audio-file", "bokeh-file", "bounding-box", "classes", "graph-file", "html-file"),
        *("image-file", "joined-table", "mask", "molecule-file", "object3D-file"),
        *("partitioned-table", "plotly-file", "table", "video-file"),
    )
)
"""How the files end in which W&B keeps media objects."""


class Containing(Downloading):
    """What is in an artifact, logged or not."""

    @property
    def digest(self) -> str:
        """BLAKE3 of the manifest, 64 hex digits: equal files give equal digests, everywhere."""
        return (self._version or self._drafted()).digest.hex()

    @property
    def size(self) -> int:
        """Bytes of all files, duplicates counted each time."""
        return self._version.row.size if self._version else self._drafted().size

    @property
    def file_count(self) -> int:
        """Entries. Raises ArtifactNotLoggedError."""
        return self._logged("file_count").row.entries

    @property
    def manifest(self) -> ArtifactManifest:
        """Every entry, of a draft as it is now: of a million ask `files` or `get_entry` instead."""
        if self._version is None:
            return self._manifest_of(self._drafted(), self._draft.entries() if self._draft else ())
        if self._kept_manifest is None:
            self._kept_manifest = self._manifest_of(self._version.manifest, self._version.entries())
        return self._kept_manifest

    def _manifest_of(self, manifest: Manifest, entries: Iterable[Entry]) -> ArtifactManifest:
        return ArtifactManifest(manifest, {entry.path: self._public(entry) for entry in entries})

    def _drafted(self) -> Manifest:
        """The manifest that the draft would be committed with."""
        return self._draft.manifest() if self._draft else Manifest()

    def get_entry(self, name: StrPath) -> ArtifactManifestEntry:
        """The entry at a path, or that of the media object of that name. Raises KeyError."""
        path = as_path(name)
        for each in (path, *(path + ending for ending in MEDIA)):
            with suppress(EntryNotFoundError):
                return self._entry_at(each)
        raise EntryNotFoundError(path)

    def _entry_at(self, path: str) -> ArtifactManifestEntry:
        if self._version:
            return self._public(self._version.entry(path))
        if self._draft is None:
            raise EntryNotFoundError(path)
        return self._public(self._draft.entry(path))

    def get_path(self, name: StrPath) -> ArtifactManifestEntry:
        """W&B's older name for `get_entry`. Raises KeyError."""
        return self.get_entry(name)

    def get(self, name: str) -> object | None:
        """The media object that was added under `name`; None if there is none.

        Raises ArtifactNotLoggedError; UsageError for one that there is, as media come with a
        later version: its file is had with `get_entry(name).download()`.
        """
        self._logged("get")
        try:
            path = self.get_entry(name).path
        except EntryNotFoundError:
            return None
        if path.endswith(MEDIA):
            reason = "media objects come with a later version"
            raise UsageError(f"{reason}: use get_entry({path!r}).download()")
        return None

    def __getitem__(self, name: str) -> object | None:
        """As `get`."""
        return self.get(name)

    def files(self, names: list[str] | None = None, per_page: int = 50) -> ArtifactFiles:
        """The files, or those with these paths, in path order, read as they are asked for.

        Raises ArtifactNotLoggedError, KeyError for a path that there is not. `per_page` is a
        hint that is not needed here.
        """
        version = self._logged("files")
        return ArtifactFiles(self, version, None if names is None else [*map(as_path, names)])

    def _public(self, entry: Entry) -> ArtifactManifestEntry:
        return ArtifactManifestEntry(entry, self)
