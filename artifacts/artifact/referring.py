"""Referring: entries whose bytes stay where they are, in a bucket, on the web, on a disk."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import overload

from artifacts.artifact.adding import Adding
from artifacts.artifact.arguments import StrPath, as_path
from artifacts.artifact.entry import ArtifactManifestEntry
from artifacts.cache import MOST_OBJECTS, Wish, refer
from artifacts.catalog import SCHEME, Others


class Referring(Adding):
    """What W&B calls external files."""

    def add_reference(
        self,
        uri: ArtifactManifestEntry | str,
        name: StrPath | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
        *,
        executor: Executor | None = None,
    ) -> Sequence[ArtifactManifestEntry]:
        """Add what lies at a uri, without its bytes, which are never uploaded; the new entries.

        A folder or prefix adds every object below it, under `name` if it is given; a single
        object is called `name`, or as it is where it lies. What is recorded shows any later
        change: of files their digest, of objects size, etag and, where a bucket keeps versions,
        the version, which is then the one that is downloaded; where the far side tells neither,
        as some web servers, the digest of the bytes, which are read. An executor's workers, who
        must reach the same places, read them.

        Without `checksum` nothing is read or asked and the uri alone is the entry's identity;
        only local folders are walked. An entry of a logged artifact may be given as well.

        Raises ValueError for a uri that leads nowhere or holds credentials (those belong in the
        setting `reference_options`), for more than `max_objects` objects, by default 10,000,000,
        or a path with other content, and then adds nothing; FileNotFoundError where nothing is;
        TypeError for what is neither uri nor entry.
        """
        draft = self._open_for("add_reference")
        path = None if name is None else as_path(name)
        text = _uri_of(uri)
        if text.startswith(f"{SCHEME}://"):
            there, row = Others(self._the_session.catalog.store).row(text)
            return _Added(self, draft.add_rows([(path or there.rpartition("/")[2], row)]))
        most = MOST_OBJECTS if max_objects is None else max_objects
        with self._the_session.progress("referring to") as progress:
            wish = Wish(text, path or None, checksum, most)
            session = self._the_session
            found = refer(wish, session.places, progress, executor, session.cache)
            return _Added(self, draft.add_rows(found))


def _uri_of(uri: ArtifactManifestEntry | str) -> str:
    """Raises TypeError, of who does not check types."""
    text = uri.ref_url() if isinstance(uri, ArtifactManifestEntry) else uri
    if not isinstance(text, str):
        raise TypeError(f"add_reference wants a uri or an entry, not {text!r}")
    return text


class _Added(Sequence[ArtifactManifestEntry]):
    """Entries that are made when they are asked for: there may be millions."""

    def __init__(self, artifact: Adding, paths: Sequence[str]) -> None:
        self._artifact, self._paths = artifact, paths

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> ArtifactManifestEntry: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ArtifactManifestEntry]: ...
    def __getitem__(
        self, index: int | slice
    ) -> ArtifactManifestEntry | Sequence[ArtifactManifestEntry]:
        if isinstance(index, slice):
            return _Added(self._artifact, self._paths[index])
        return self._artifact.get_entry(self._paths[index])
