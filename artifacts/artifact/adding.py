"""Adding: how an artifact is put together, until it is logged or finalized."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from artifacts.artifact.arguments import (
    Policy,
    StrPath,
    as_folder,
    as_path,
    is_immutable,
    is_new_only,
    temporary_name,
)
from artifacts.artifact.containing import Containing
from artifacts.artifact.entry import ArtifactManifestEntry
from artifacts.cache import Ignore, Keep, Patterns
from artifacts.content import check_path
from artifacts.errors import EntryNotFoundError, InvalidError, UsageError
from artifacts.storage import claimed


class Adding(Containing):
    """What changes the entries of a draft. Raises ArtifactFinalizedError afterwards."""

    def is_draft(self) -> bool:
        """Whether it is not logged yet."""
        return self._version is None

    def add_file(
        self,
        local_path: str,
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        overwrite: bool = False,
    ) -> ArtifactManifestEntry:
        """Add one file under `name`, by default its own.

        With policy "mutable" the bytes are taken now, and the file may be changed or deleted
        at once; with "immutable" they are read when the artifact is logged. With `is_tmp` the
        name up to its first dot becomes the start of the digest. With `overwrite` other content
        at the path is replaced. `skip_cache` changes nothing. Raises ValueError if it is no file,
        if the policy is neither, for a path out of the artifact, or one with other content.
        """
        draft = self._open_for("add_file")
        source = os.fspath(local_path)
        is_late = is_immutable(policy)
        if not os.path.isfile(source):
            raise InvalidError(f"Path is not a file: {source!r}")
        path = as_path(name or os.path.basename(source))
        if is_tmp:
            path = temporary_name(path, Path(source))
        entry = draft.add_file(Path(source), path, is_immutable=is_late, overwrite=overwrite)
        self._sources.add_file(source, path)
        return ArtifactManifestEntry(entry, self, source)

    def add_dir(
        self,
        local_path: str,
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        *,
        exclude: Patterns = None,
        include: Patterns = None,
        merge: bool = False,
        overwrite: bool = False,
        modes: bool = False,
        symlinks: bool = False,
        empty_folders: bool = False,
        executor: Executor | None = None,
    ) -> None:
        """Add every file below a folder, under `name` if it is given; links are followed.

        What a download left for its own use is passed over. Policies as for `add_file`. Left out
        is what `exclude` names, or an `.artignore` file in the folder or below it, in the words
        of git's; with `include` also every file that it does not name. At a path that is there
        with other content, `merge` puts what is added; `overwrite` takes out first whatever was
        below `name`. With `modes` permissions are entries' too, with `symlinks` links are
        recorded and not followed, with `empty_folders` these are kept: a download restores them.

        With an executor, its workers, who must see the same disk, read files that this machine
        does not know, and what the store has of them is not read here again. Raises ValueError
        if it is no folder, for a bad pattern, if a path has other content already, or if it holds
        a FIFO, a socket, a device, a dangling or a circular link; then nothing of it is added.
        """
        draft = self._open_for("add_dir")
        source = os.fspath(local_path)
        is_late = is_immutable(policy)
        if not os.path.isdir(source):
            raise InvalidError(f"Path is not a directory: {source!r}")
        prefix = as_folder(name)
        tree = self._the_session.tree(
            source, Ignore.of(exclude, include), Keep(modes, symlinks, empty_folders)
        )
        with self._the_session.progress("reading") as progress:
            draft.add_tree(
                tree,
                prefix,
                progress,
                is_immutable=is_late,
                executor=executor,
                clash="replace" if overwrite else "merge" if merge else "refuse",
            )
        self._sources.add_folder(source, prefix)

    @contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """A file to be written, which is added when it is closed; not if an error ends it.

        Mode "w" replaces what is at the path, "x" does not; text is UTF-8 unless `encoding` says
        otherwise. Raises ValueError, with mode "x" if the path is there already, and for a mode
        that is neither.
        """
        draft = self._open_for("new_file")
        path = check_path(as_path(name))
        is_new = is_new_only(mode)
        if is_new and path in draft.rows:
            raise InvalidError(f"File with name {name!r} already exists: write it with mode 'w'")
        if "b" not in mode:
            encoding = encoding or "utf-8"  # unlike the locale's, the same bytes on every machine
        folder = Path(tempfile.mkdtemp(prefix="new-file-", dir=draft.intake.store.spool()))
        try:
            with claimed(str(folder)):
                with (folder / "content").open(mode, encoding=encoding) as file:
                    yield file
                draft = self._open_for("new_file")
                draft.add_file(folder / "content", path, overwrite=not is_new)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def add(self, obj: object, name: StrPath, overwrite: bool = False) -> ArtifactManifestEntry:
        """Add a media object: these come with a later version.

        Raises UsageError, and ArtifactFinalizedError as every way to add does.
        """
        self._refuse_final("add")
        reason = f"a {type(obj).__name__} cannot be added: media objects come with a later version"
        raise UsageError(f"{reason}; write it to a file: new_file({os.fspath(name)!r})")

    def __setitem__(self, name: str, item: object) -> ArtifactManifestEntry:
        """As `add`."""
        return self.add(item, name)

    def remove(self, item: StrPath | ArtifactManifestEntry) -> None:
        """Take out an entry, or all below a folder. Raises FileNotFoundError."""
        draft = self._open_for("remove")
        path = item.path if isinstance(item, ArtifactManifestEntry) else as_path(item)
        try:
            draft.remove(path)
        except EntryNotFoundError:
            raise FileNotFoundError(f"No such file or directory: {path}") from None

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """The path under which a local file was added last; None if it is not in the artifact.

        `local_path` is as `add_file` was given it, or the folder as `add_dir` was and the rest.
        """
        name = self._sources.name_of(os.fspath(local_path))
        return name if name is not None and self._has(name) else None

    def _has(self, path: str) -> bool:
        try:
            self.get_entry(path)
        except EntryNotFoundError:
            return False
        return True

    def finalize(self) -> None:
        """No entry can be added or removed from now on."""
        self._is_final = True
