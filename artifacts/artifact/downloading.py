"""Downloading: an artifact's files put on this machine, and compared with what lies there."""

from __future__ import annotations

import logging
import os
from concurrent.futures import Executor
from pathlib import Path

from msgspec.structs import replace

from artifacts.artifact.arguments import StrPath
from artifacts.artifact.described import Described
from artifacts.artifact.folder import delete_strangers
from artifacts.cache import audit
from artifacts.catalog import AS_EVER, Manner, Version, download, expectation
from artifacts.errors import FolderNotFoundError, InvalidError, VerificationError

_log = logging.getLogger(__name__)


class Downloading(Described):
    """How the files of a logged artifact are had back."""

    def download(
        self,
        root: StrPath | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: StrPath | None = None,
        *,
        link: bool = False,
        outside_links: bool = False,
    ) -> str:
        """Put the files whose path starts with `path_prefix` below `root`; that folder.

        By default, and for an empty `root`, below `artifacts/<name>`. Every byte is checked first.
        Files that are right already are kept; those of another version that was there before make
        room, unless they were edited. What references lead to comes along, as it was when it was
        added: from a bucket that keeps versions in any case; else it has to be unchanged there.
        Raises LocalChangesError for edited ones that are in the way, after delivering all others;
        likewise ObstructedError for a folder where a file belongs, or the other way round,
        DigestMismatchError or MissingBlobError for damage, ChangedReferenceError (a ValueError),
        and MissingReferenceError (a FileNotFoundError),
        instead of which there is a warning with `allow_missing_references`.

        With `skip_cache` all is read from the store itself; a local store is its own cache. With
        `link`, files of 1 MiB and more are read-only hard links to copies in the cache, which has
        to lie on the same disk (UsageError); those that it has no room for are files as ever.
        Symbolic links that may lead out of the folder are an error each (ValueError) that names
        them, unless `outside_links` has them made.
        """
        version = self._logged("download")
        folder = self._folder(root)
        prefix = "" if path_prefix is None else os.fspath(path_prefix)
        manner = self._manner(link=link, skip_cache=skip_cache)
        manner = replace(
            manner,
            allow_missing_references=allow_missing_references,
            outside_links=outside_links,
        )
        self._download(version, folder, prefix, manner)
        return os.fspath(folder)

    def checkout(
        self, root: str | None = None, *, link: bool = False, outside_links: bool = False
    ) -> str:
        """Make a folder hold exactly this artifact: whatever else is in it is deleted.

        By default `artifacts/<collection>`. Edited files are overwritten, empty folders deleted.
        `link` and `outside_links` are as for `download`. Raises as `download` for damage.
        """
        version = self._logged("checkout")
        folder = Path(root or self._the_session.settings.artifact_dir / self._name)
        if folder.is_dir():
            delete_strangers(os.fspath(folder), {entry.path for entry in version.entries()})
        manner = replace(self._manner(link=link, force=True), outside_links=outside_links)
        self._download(version, folder, manner=manner)
        return os.fspath(folder)

    def verify(self, root: str | None = None, *, executor: Executor | None = None) -> None:
        """Compare a folder, by default where `download` puts it, with this artifact.

        An executor's workers, who must see the same disk, read the files. Raises ValueError
        (VerificationError) that lists every missing, changed and unexpected file with its
        expected and found digest; FileNotFoundError if there is no such folder. A reference of
        whose bytes nothing was ever known may be absent, as W&B compares none.
        """
        version = self._logged("verify")
        folder = self._folder(root)
        if not os.path.isdir(folder):
            raise FolderNotFoundError(os.fspath(folder))
        with self._the_session.progress("verifying", version.row.size) as progress:
            wanted = expectation(version, folder)
            if wanted.unproven:
                _log.warning(
                    "%d references are not verified: what they led to when they were "
                    "added is not known",
                    len(wanted.unproven),
                )
            findings = audit(
                folder,
                wanted.files,
                progress,
                executor=executor,
                unproven=[path for path in wanted.unproven if _is_there(folder, path)],
                details=version.details(),
            )
        if not findings.is_clean:
            raise VerificationError(os.fspath(folder), findings.lines())

    def file(self, root: str | None = None) -> str:
        """Download the only file there is; where it lies. Raises ValueError if it is not one."""
        version = self._logged("file")
        if version.row.entries != 1:
            raise InvalidError(f"{self.name} has {version.row.entries} files: name one: get_entry")
        [entry] = version.entries()
        return os.path.join(self.download(root), *entry.path.split("/"))

    def _download(
        self, version: Version, folder: Path, prefix: str = "", manner: Manner = AS_EVER
    ) -> None:
        with self._the_session.progress("downloading", version.row.size) as progress:
            download(version, folder, prefix, manner=manner, progress=progress)

    def _manner(self, *, link: bool, force: bool = False, skip_cache: bool | None = None) -> Manner:
        links = self._the_session.copies if link else None
        places = self._the_session.places
        return Manner(force=force, links=links, skip_cache=bool(skip_cache), places=places)

    def _download_entry(self, path: str, root: StrPath | None) -> str:
        version = self._logged("download")
        folder = self._folder(root)
        with self._the_session.progress("downloading", version.entry(path).size) as progress:
            manner = self._manner(link=False)
            download(version, folder, only=[path], manner=manner, progress=progress)
        return os.path.join(folder, *path.split("/"))

    def _folder(self, root: StrPath | None) -> Path:
        if root is not None and os.fspath(root):
            return Path(root)
        name = self.source_name.replace(":", "-") if os.name == "nt" else self.source_name
        return self._the_session.settings.artifact_dir / name


def _is_there(folder: str | os.PathLike[str], path: str) -> bool:
    return os.path.lexists(os.path.join(folder, *path.split("/")))
