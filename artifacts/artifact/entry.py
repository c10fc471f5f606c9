"""ArtifactManifestEntry: one file of an artifact, as W&B's users see it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol

from artifacts.catalog import uri_of
from artifacts.content import Entry, Manifest
from artifacts.errors import ArtifactNotLoggedError, InvalidError


class Parent(Protocol):
    """What entries and files ask of the artifact that they belong to."""

    @property
    def id(self) -> str | None:
        """As Artifact.id."""

    @property
    def name(self) -> str:
        """As Artifact.name."""

    @property
    def entity(self) -> str:
        """As Artifact.entity."""

    @property
    def project(self) -> str:
        """As Artifact.project."""

    @property
    def qualified_name(self) -> str:
        """As Artifact.qualified_name."""

    def download(self, root: str | os.PathLike[str] | None = None) -> str:
        """As Artifact.download."""

    def _download_entry(self, path: str, root: str | os.PathLike[str] | None) -> str: ...


class ArtifactManifestEntry:
    """Path, digest and size of one file. Source: W&B SDK 0.19.8.

    `local_path` is where `add_file` found it, on this machine; None of any other entry.
    """

    skip_cache = False
    birth_artifact_id: str | None = None

    def __init__(self, entry: Entry, artifact: Parent, local_path: str | None = None) -> None:
        self._entry = entry
        self._artifact = artifact
        self.local_path = local_path

    @property
    def path(self) -> str:
        """Where in the artifact, '/'-separated."""
        return self._entry.path

    @property
    def name(self) -> str:
        """The same as `path`."""
        return self._entry.path

    @property
    def digest(self) -> str:
        """BLAKE3 of the file's bytes, 64 hex digits: what `b3sum` prints."""
        return self._entry.digest.hex()

    @property
    def size(self) -> int | None:
        """Bytes; None for a reference whose far side would not tell."""
        return self._entry.size

    @property
    def ref(self) -> str | None:
        """The uri of a reference; None for a file."""
        return self._entry.detail.uri if self._entry.detail else None

    @property
    def extra(self) -> dict[str, Any]:
        """What the far side of a reference told about it; of what lay here, what was kept beside.

        These are the `mode` of a file or an empty folder, and the `target` of a link.
        """
        detail = self._entry.detail
        facts: dict[str, Any] = {}
        if detail is not None:
            facts = {"etag": detail.etag, "versionID": detail.version}
            facts |= {"mode": detail.mode, "target": detail.target}
        return {key: value for key, value in facts.items() if value is not None}

    def download(self, root: str | None = None, skip_cache: bool | None = None) -> str:
        """Put this one file below `root`, by default where the artifact goes; its path there.

        As Artifact.download otherwise. Raises ArtifactNotLoggedError for an entry of a draft.
        """
        return self._artifact._download_entry(self.path, root)

    def ref_target(self) -> str:
        """The uri that a reference leads to. Raises ValueError for a file."""
        if self.ref is None:
            raise InvalidError(f"{self.path!r}: Only reference entries support ref_target().")
        return self.ref

    def ref_url(self) -> str:
        """What other artifacts of the store can refer to this entry by: see add_reference.

        Raises ArtifactNotLoggedError for an entry of a draft.
        """
        if (id_ := self._artifact.id) is None:
            raise ArtifactNotLoggedError("ArtifactManifestEntry.ref_url")
        return uri_of(id_, self.path)

    def parent_artifact(self) -> Parent:
        """The artifact that this is an entry of."""
        return self._artifact

    def to_json(self) -> dict[str, Any]:
        """As the W&B manifest writes an entry."""
        facts = {"digest": self.digest, "size": self.size, "ref": self.ref, "extra": self.extra}
        return {key: value for key, value in facts.items() if value not in (None, {})}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArtifactManifestEntry) and self._entry == other._entry

    def __hash__(self) -> int:
        return hash(self._entry)

    def __repr__(self) -> str:
        return f"<ArtifactManifestEntry {self.path} digest: {self.digest} size: {self.size}>"


class ArtifactManifest:
    """All entries of an artifact, as of when it was asked for. Source: W&B SDK 0.19.8."""

    def __init__(self, manifest: Manifest, entries: Mapping[str, ArtifactManifestEntry]) -> None:
        self._manifest = manifest
        self.entries = dict(entries)

    def digest(self) -> str:
        """The artifact's digest, 64 hex digits."""
        return self._manifest.digest.hex()

    def get_entry_by_path(self, path: str) -> ArtifactManifestEntry | None:
        """None if there is no such path."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[ArtifactManifestEntry]:
        """All entries below a folder, at any depth, in path order."""
        below = f"{directory.rstrip('/')}/"
        return [entry for path, entry in self.entries.items() if path.startswith(below)]

    @classmethod
    def version(cls) -> int:
        """Of the shape that `to_manifest_json` gives."""
        return 1

    def to_manifest_json(self) -> dict[str, Any]:
        """JSON in the shape of W&B's manifest, with our digests."""
        return {
            "version": self.version(),
            "storagePolicy": "art-store-v1",
            "storagePolicyConfig": {},
            "contents": {path: entry.to_json() for path, entry in self.entries.items()},
        }

    def __len__(self) -> int:
        return len(self.entries)
