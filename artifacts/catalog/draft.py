"""Draft: an artifact that is still being put together; becomes a version by a commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Literal, TypeAlias

from artifacts.cache import Intake, Tree, check_not_ours
from artifacts.catalog.others import is_of_others, led_over
from artifacts.catalog.version import Version
from artifacts.content import (
    Detail,
    Digest,
    Entry,
    Kind,
    Manifest,
    Row,
    build,
    check_path,
    check_paths,
)
from artifacts.errors import EntryNotFoundError, InvalidPathError
from artifacts.names import check_collection_name, check_type
from artifacts.progress import Progress, Silent
from artifacts.storage import Epoch

_CHECKED = 4096  # paths that are looked at together

Clash: TypeAlias = Literal["refuse", "merge", "replace"]
"""What becomes of other content at a path that is added."""


class Draft:
    """Rows by path, and where their bytes lie. Any number of threads may add."""

    def __init__(
        self, name: str, type: str, intake: Intake, rows: Mapping[str, Row] | None = None
    ) -> None:  # W&B's word
        self.name = check_collection_name(name)
        self.type = check_type(type)
        self.intake = intake
        with intake.lock:
            self.rows: dict[str, Row] = dict(rows or {})
        self._has_folders = False

    @property
    def lock(self) -> RLock:
        """That of its intake, which other drafts may share."""
        return self.intake.lock

    def add_tree(
        self,
        tree: Tree,
        prefix: str,
        progress: Progress,
        *,
        is_immutable: bool = False,
        executor: Executor | None = None,
        clash: Clash = "refuse",
    ) -> int:
        """Every file of a folder, or none if one cannot be versioned; how many they were.

        What has other content at one of their paths is refused; or they "merge", and take its
        place; or they "replace" all that was below `prefix`. An executor's workers, which must
        see the same disk, read what nothing is known of first. Raises InvalidPathError,
        UnsupportedFileError, FileChangedError.
        """
        with self.lock:
            found = self.intake.add_tree(
                tree, prefix, progress, is_immutable=is_immutable, executor=executor
            )
            rows: dict[str, Row] = {path: (digest, size, None) for path, digest, size in found}
            for path, detail in tree.details.items():
                digest, size = detail.derive() or rows[prefix + path][:2]
                rows[prefix + path] = (digest, size, detail)
            if prefix:
                check_paths([*rows])  # the tree knows nothing of what stands before its paths
            if clash == "refuse":
                for path in rows.keys() & self.rows.keys():
                    self._refuse_change(path, rows[path][0])
            if clash == "replace":
                self.rows = {
                    path: row for path, row in self.rows.items() if not path.startswith(prefix)
                }
            self.rows.update(rows)
            if tree.details or self._has_folders:
                self._fill_folders()
            return len(rows)

    def add_file(
        self, source: Path, path: str, *, is_immutable: bool = False, overwrite: bool = False
    ) -> Entry:
        """Raises InvalidPathError, also for a path that has other content already."""
        check_path(path)
        with self.lock:
            digest, size = self.intake.add_file(str(source), path, is_immutable=is_immutable)
            return self.add_entry(Entry(path, digest, size), overwrite=overwrite)

    def add_bytes(self, data: bytes, path: str, *, overwrite: bool = False) -> Entry:
        check_path(path)
        with self.lock:
            digest = self.intake.add_bytes(data)
            return self.add_entry(Entry(path, digest, len(data)), overwrite=overwrite)

    def add_entry(self, entry: Entry, *, overwrite: bool = False) -> Entry:
        check_not_ours([entry.path])
        with self.lock:
            if not overwrite:
                self._refuse_change(entry.path, entry.digest)
            self.rows[entry.path] = entry.row
            if self._has_folders:
                self._fill_folders()
            return entry

    def add_rows(self, found: Iterable[tuple[str, Row]]) -> list[str]:
        """All of them, whose bytes lie elsewhere, or none; their paths.

        Raises InvalidPathError, also for a path that has other content already.
        """
        with self.lock:
            rows: dict[str, Row] = {}
            iterator = iter(found)
            while some := [*islice(iterator, _CHECKED)]:
                paths = [path for path, _ in some]
                check_paths(paths)
                check_not_ours(paths)
                for path, row in some:
                    self._refuse_change(path, row[0])
                    rows[path] = row
            self.rows.update(rows)
            if self._has_folders:
                self._fill_folders()
            return [*rows]

    def remove(self, path: str) -> None:
        """An entry, or all below a folder. Raises EntryNotFoundError."""
        with self.lock:
            below = [each for each in self.rows if each == path or each.startswith(f"{path}/")]
            if not below:
                raise EntryNotFoundError(path)
            for each in below:
                del self.rows[each]

    def entry(self, path: str) -> Entry:
        """Raises EntryNotFoundError."""
        try:
            digest, size, detail = self.rows[path]
        except KeyError:
            raise EntryNotFoundError(path) from None
        return Entry(path, Digest(digest), size, detail)

    def entries(self) -> list[Entry]:
        return [self.entry(path) for path in sorted(self.rows)]

    def digests(self) -> set[bytes]:
        """Of all entries' content."""
        return {row[0] for row in self.rows.values()}

    def manifest(self) -> Manifest:
        """As it would be committed now. Raises InvalidPathError for a file that is a folder."""
        with self.lock:
            return Manifest(tuple(row for row, _, _ in build(self.rows)))

    def adopt(self, version: Version) -> None:
        """Begin with a version's entries, whose bytes stay where they are."""
        with self.lock:
            for position, page, wanted in version.pages():
                layout = version.page_layout(position, page)
                for index in wanted:
                    entry = page[index]
                    self.rows[entry.path] = entry.row
                    if spans := layout.spans(page, index):
                        self.intake.adopt(entry.digest, spans)
            self._fill_folders()

    def lay_over(self, other: Draft) -> set[str]:
        """Take the entries of a draft that shares the intake; paths that had another content."""
        with self.lock:
            both = self.rows.keys() & other.rows.keys()
            changed = {path for path in both if self.rows[path] != other.rows[path]}
            self.rows.update(other.rows)
            self._fill_folders()
            return changed

    def renew(self, epoch: Epoch) -> None:
        """Before it is committed, look again at what exists, under an epoch read just now."""
        with self.lock:
            self.intake.renew(epoch)

    def moved(
        self, to: Draft, twins: Mapping[str, str] | None = None, progress: Progress | None = None
    ) -> Draft:
        """`to`, with these entries, and their bytes in its store too.

        References to versions of this store lead to their twins there, by ids. Raises
        InvalidPathError for one without a twin.
        """
        progress = progress or Silent()
        with self.lock:
            self.intake.close(self.digests)
            for path, (digest, size, detail) in self.rows.items():
                there = detail
                if detail is not None and is_of_others(detail):
                    there = self._led_over(path, detail, twins or {})
                elif size and (detail is None or detail.kind is Kind.FILE):
                    content = self.intake.read(digest, size, path)
                    to.intake.add_stream(Digest(digest), size, content, path)
                to.rows[path] = (digest, size, there)
                progress.advance(size or 0)
            return to

    def _led_over(self, path: str, detail: Detail, twins: Mapping[str, str]) -> Detail:
        found = led_over(detail, twins)
        if found is None:
            reason = f"refers to an artifact of {self.intake.store.url}, and of no other"
            raise InvalidPathError(path, f"{reason} store: add its file instead")
        return found

    def _fill_folders(self) -> None:
        """A folder is an entry only while it is empty."""
        empty = {path for path, row in self.rows.items() if row[2] and row[2].kind is Kind.FOLDER}
        self._has_folders = bool(empty)
        if empty:
            for path in [*self.rows]:
                while path := path.rpartition("/")[0]:
                    if path in empty:
                        del self.rows[path]
                        empty.remove(path)

    def _refuse_change(self, path: str, digest: bytes) -> None:
        there = self.rows.get(path)
        if there is not None and there[0] != digest:
            raise InvalidPathError(
                path, "is in the artifact with other content; Cannot add the same path twice"
            )
