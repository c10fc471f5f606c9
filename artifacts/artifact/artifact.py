"""Artifact: what users hold. W&B's one name for two things: a draft, and a version."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

from artifacts.artifact.entry import ArtifactManifest, ArtifactManifestEntry
from artifacts.artifact.files import ArtifactFiles
from artifacts.cache import Expected, Tree, audit, expected_files, files_below
from artifacts.catalog import Draft, Facts, Session, Version, deliver
from artifacts.content import Digest, Entry, Manifest
from artifacts.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    EntryNotFoundError,
    InvalidError,
    VerificationError,
)
from artifacts.metadata import check_metadata
from artifacts.names import check_aliases, check_collection_name, check_tags, check_type
from artifacts.settings import Settings

StrPath: TypeAlias = "str | os.PathLike[str]"
Policy: TypeAlias = Literal["mutable", "immutable"]

_sessions: list[Session] = []
"""The active run's session, if there is one: W&B's artifacts know it without being told."""


def current_session() -> Session:
    """That of the active run, or one of the settings as they are."""
    return _sessions[-1] if _sessions else Session(Settings.load())


@contextmanager
def use_session(session: Session) -> Iterator[None]:
    """Until the end, artifacts that are told of no other session belong to this one."""
    _sessions.append(session)
    try:
        yield
    finally:
        _sessions.remove(session)


class Artifact:
    """A named, typed set of files, put together freely, then logged and never changed again.

    `description` is Markdown; `metadata` a dict of at most 100 keys. Raises ValueError for a bad
    name, type or metadata. Source: W&B SDK 0.19.8.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
    ) -> None:
        self._name = check_collection_name(name)
        self._type = check_type(type)
        self._description = description
        self._metadata = check_metadata(metadata)
        self._incremental = incremental
        self._use_as = use_as
        self._session: Session | None = None
        self._draft: Draft | None = None
        self._version: Version | None = None
        self._is_final = False
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._local_names: dict[str, str] = {}

    @classmethod
    def of_version(cls, version: Version, session: Session) -> Artifact:
        """A logged artifact."""
        artifact = cls(version.collection_name.collection, version.type)
        artifact._session = session
        artifact._become(version)
        return artifact

    def _become(self, version: Version) -> None:
        self._version, self._draft, self._is_final = version, None, True
        self._description = version.row.description
        self._metadata = dict(version.row.metadata)
        self._aliases, self._tags = version.aliases, [*version.row.tags]

    # What it is called

    @property
    def id(self) -> str | None:
        """Names this version in its store for ever; None before it is logged."""
        if self._version is None:
            return None
        return f"{self._version.collection.log.name.rpartition('/')[2]}-{self._version.row.number}"

    @property
    def name(self) -> str:
        """`collection:v3`; before logging the collection alone."""
        return self._version.name if self._version else self._name

    @property
    def type(self) -> str:
        """The collection's type."""
        return self._type

    @property
    def entity(self) -> str:
        """Raises ArtifactNotLoggedError."""
        return self._logged("entity").collection_name.entity

    @property
    def project(self) -> str:
        """Raises ArtifactNotLoggedError."""
        return self._logged("project").collection_name.project

    @property
    def version(self) -> str:
        """`v3`. Raises ArtifactNotLoggedError."""
        return f"v{self._logged('version').row.number}"

    @property
    def qualified_name(self) -> str:
        """`entity/project/collection:v3`. Raises ArtifactNotLoggedError."""
        return self._logged("qualified_name").qualified_name

    @property
    def source_entity(self) -> str:
        """Entity of the collection that the version was logged to."""
        return self.entity

    @property
    def source_project(self) -> str:
        """Project of the collection that the version was logged to."""
        return self.project

    @property
    def source_name(self) -> str:
        """Name in the collection that it was logged to."""
        return self.name

    @property
    def source_qualified_name(self) -> str:
        """Qualified name in the collection that it was logged to."""
        return self.qualified_name

    @property
    def source_version(self) -> str:
        """Version in the collection that it was logged to."""
        return self.version

    # What is said of it

    @property
    def description(self) -> str | None:
        """Markdown. Changed at any time, of a logged artifact by `save`."""
        return self._description

    @description.setter
    def description(self, description: str | None) -> None:
        self._description = description

    @property
    def metadata(self) -> dict[str, Any]:
        """JSON, at most 100 keys. Changed at any time, of a logged artifact by `save`."""
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, Any]) -> None:
        self._metadata = check_metadata(metadata)

    @property
    def aliases(self) -> list[str]:
        """Names that stand for this version now; change the list, then `save`."""
        self._logged("aliases")
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: list[str]) -> None:
        self._logged("aliases")
        self._aliases = [*check_aliases(aliases)]

    @property
    def tags(self) -> list[str]:
        """Labels of this version; change the list, then `save`."""
        self._logged("tags")
        return self._tags

    @tags.setter
    def tags(self, tags: list[str]) -> None:
        self._logged("tags")
        self._tags = [*check_tags(tags)]

    @property
    def incremental(self) -> bool:
        """Whether its entries are laid over those of the latest version."""
        return self._incremental

    @property
    def use_as(self) -> str | None:
        """The name under which a run's configuration knows it."""
        return self._use_as

    @property
    def state(self) -> str:
        """PENDING or COMMITTED."""
        return "COMMITTED" if self._version else "PENDING"

    @property
    def created_at(self) -> str:
        """ISO 8601, UTC. Raises ArtifactNotLoggedError."""
        return self._logged("created_at").row.created

    @property
    def updated_at(self) -> str:
        """ISO 8601, UTC. Raises ArtifactNotLoggedError."""
        return self._logged("updated_at").row.updated

    @property
    def commit_hash(self) -> str:
        """The manifest's digest: what a store keeps the content under."""
        return self._logged("commit_hash").digest.hex()

    # What it contains

    @property
    def digest(self) -> str:
        """BLAKE3 of the manifest, 64 hex digits: equal files give equal digests, everywhere."""
        return self._manifest.digest.hex()

    @property
    def size(self) -> int:
        """Bytes of all files, duplicates counted each time."""
        return self._manifest.size

    @property
    def file_count(self) -> int:
        """Entries. Raises ArtifactNotLoggedError."""
        return len(self._logged("file_count").manifest)

    @property
    def manifest(self) -> ArtifactManifest:
        """Every entry: for a million of them ask `files` or `get_entry` instead."""
        entries = {entry.path: self._public(entry) for entry in self._entries()}
        return ArtifactManifest(self._manifest, entries)

    @property
    def _manifest(self) -> Manifest:
        return self._version.manifest if self._version else self._the_draft.manifest()

    def _entries(self) -> Iterator[Entry]:
        if self._version:
            return self._version.entries()
        return iter(self._draft.entries() if self._draft else ())

    def get_entry(self, name: StrPath) -> ArtifactManifestEntry:
        """Raises KeyError."""
        path = _path(name)
        if self._version:
            return self._public(self._version.entry(path))
        if self._draft is None:
            raise EntryNotFoundError(path)
        return self._public(self._draft.entry(path))

    def get_path(self, name: StrPath) -> ArtifactManifestEntry:
        """W&B's older name for `get_entry`. Raises KeyError."""
        return self.get_entry(name)

    def files(self, names: list[str] | None = None, per_page: int = 50) -> ArtifactFiles:
        """The files, or those with these paths, in path order. Raises ArtifactNotLoggedError."""
        version = self._logged("files")
        entries = version.entries() if names is None else map(version.entry, sorted(names))
        return ArtifactFiles(self, [self._public(entry) for entry in entries])

    def _public(self, entry: Entry) -> ArtifactManifestEntry:
        return ArtifactManifestEntry(entry, self)

    # Putting it together

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
        at once; with "immutable" they are read when the artifact is logged. Raises ValueError if
        it is no file, if the policy is neither, or if the path has other content already.
        """
        draft = self._open_for("add_file")
        is_immutable = _is_immutable(policy)
        if not os.path.isfile(local_path):
            raise InvalidError(f"Path is not a file: {str(local_path)!r}")
        path = _path(name or os.path.basename(local_path))
        if is_tmp:
            path = _temporary(path, Path(local_path))
        entry = draft.add_file(
            Path(local_path), path, is_immutable=is_immutable, overwrite=overwrite
        )
        self._local_names[os.fspath(local_path)] = path
        return ArtifactManifestEntry(entry, self, os.fspath(local_path))

    def add_dir(
        self,
        local_path: str,
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
    ) -> None:
        """Add every file below a folder, under `name` if it is given; links are followed.

        Raises ValueError if it is no folder, or holds a FIFO, a socket, a device, a dangling or
        a circular link; then nothing of it is added. Policies as for `add_file`.
        """
        draft = self._open_for("add_dir")
        is_immutable = _is_immutable(policy)
        if not os.path.isdir(local_path):
            raise InvalidError(f"Path is not a directory: {str(local_path)!r}")
        prefix = f"{_path(name)}/" if name else ""
        with self._the_session.progress("reading") as progress:
            tree = Tree(os.fspath(local_path))
            draft.add_tree(tree, prefix, progress, is_immutable=is_immutable)

    @contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None
    ) -> Iterator[IO[Any]]:
        """A file to be written, which is added when it is closed; not if an error ends it.

        Raises ValueError, with mode "x", if the path is there already.
        """
        draft = self._open_for("new_file")
        path = _path(name)
        if "x" in mode and path in draft.rows:
            raise InvalidError(f"File with name {name!r} already exists: write it with mode 'w'")
        folder = Path(tempfile.mkdtemp(prefix="new-file-", dir=draft.intake.store.spool))
        try:
            with (folder / "content").open(mode.replace("x", "w"), encoding=encoding) as file:
                yield file
            draft.add_file(folder / "content", path, overwrite=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def remove(self, item: StrPath | ArtifactManifestEntry) -> None:
        """Take out an entry, or all below a folder. Raises FileNotFoundError."""
        draft = self._open_for("remove")
        path = item.path if isinstance(item, ArtifactManifestEntry) else _path(item)
        try:
            draft.remove(path)
        except EntryNotFoundError:
            raise FileNotFoundError(f"No such file or directory: {path}") from None

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """The path under which `add_file` added a local file; None if it did not."""
        return self._local_names.get(os.fspath(local_path))

    def finalize(self) -> None:
        """No entry can be added or removed from now on."""
        self._is_final = True

    def new_draft(self) -> Artifact:
        """A draft with the same entries, description and metadata; only changes will cost.

        Raises ArtifactNotLoggedError.
        """
        version = self._logged("new_draft")
        draft = Artifact(self._name, self._type, self._description, dict(self._metadata))
        draft._session = self._the_session
        draft._the_draft.adopt(version)
        return draft

    # Logging it

    def save(self, project: str | None = None, settings: Settings | None = None) -> None:
        """Log a draft without a run; of a logged artifact, save what is said of it.

        Aliases, tags, description and metadata of a logged artifact become as they are here.
        """
        if settings is not None or (project and self.is_draft()):
            base = settings or self._the_session.settings
            self._session = Session(base.within(project=project))
        if self.is_draft():
            self.log(self._the_session, Facts())
        else:
            self._save_facts()

    def log(self, session: Session, facts: Facts) -> None:
        """Commit the draft; for runs, which add aliases, tags and their own name."""
        facts = Facts(facts.aliases, facts.tags, self._description, self._metadata, facts.run)
        self.finalize()
        draft = self._the_draft
        if draft.intake.store.url != session.writable.store.url:
            draft = draft.moved(session.draft(self._name, self._type))
        settings = session.settings
        version = session.writable.commit(draft, settings.entity, settings.project, facts)
        self._session = session
        self._become(version)

    def _save_facts(self) -> None:
        version = self._logged("save")
        changes: list[dict[str, Any]] = []
        row, number = version.row, version.row.number
        before = {
            "description": row.description,
            "metadata": dict(row.metadata),
            "tags": [*row.tags],
        }
        after = {
            "description": self._description,
            "metadata": check_metadata(self._metadata),
            "tags": [*check_tags(self._tags)],
        }
        if facts := {key: value for key, value in after.items() if value != before[key]}:
            changes.append({"kind": "updated", "version": number, **facts})
        old, new = version.aliases, check_aliases(self._aliases)
        for kind, aliases in (
            ("aliased", [a for a in new if a not in old]),
            ("unaliased", [a for a in old if a not in new]),
        ):
            changes += [{"kind": kind, "alias": a, "version": number} for a in aliases]
        if changes:
            self._the_session.writable.change(version, changes)
            self._become(version)

    def wait(self, timeout: int | None = None) -> Artifact:
        """The artifact itself: logging returns when it is committed.

        Raises ArtifactNotLoggedError.
        """
        self._logged("wait")
        return self

    # Getting it back

    def download(
        self,
        root: StrPath | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: StrPath | None = None,
    ) -> str:
        """Put the files whose path starts with `path_prefix` below `root`; that folder.

        By default below `artifacts/<name>`. Every byte is checked first. Files that are right
        already are kept. Raises LocalChangesError for those that were edited, after delivering
        all others; DigestMismatchError or MissingBlobError for damage, likewise.
        """
        version = self._logged("download")
        folder = self._folder(root)
        self._deliver(version, folder, prefix=_prefix(path_prefix))
        return os.fspath(folder)

    def checkout(self, root: str | None = None) -> str:
        """Make a folder hold exactly this artifact: whatever else is in it is deleted.

        By default `artifacts/<collection>`. Raises as `download`, but overwrites edited files.
        """
        version = self._logged("checkout")
        folder = Path(root or self._the_session.settings.artifact_dir / self._name)
        if folder.is_dir():
            ours = {entry.path for entry in version.entries()}
            for path, on_disk in files_below(os.fspath(folder)):
                if path not in ours:
                    os.unlink(on_disk)
        self._deliver(version, folder, force=True)
        return os.fspath(folder)

    def verify(self, root: str | None = None) -> None:
        """Compare a folder, by default where `download` puts it, with this artifact.

        Raises ValueError (VerificationError) that lists every missing, changed and unexpected
        file with its expected and found digest.
        """
        version = self._logged("verify")
        folder = self._folder(root)
        expected: dict[str, Expected] = {}
        for _, page, _ in version.pages():
            expected |= expected_files(page)
        with self._the_session.progress("verifying", version.row.size) as progress:
            findings = audit(folder, expected, progress)
        if not findings.is_clean:
            raise VerificationError(os.fspath(folder), findings.lines())

    def file(self, root: str | None = None) -> str:
        """Download the only file there is, and where it lies. Raises ValueError if it is not."""
        version = self._logged("file")
        if len(version.manifest) != 1:
            raise InvalidError(
                f"{self.name} has {len(version.manifest)} files: name one with get_entry"
            )
        [entry] = version.entries()
        return os.path.join(self.download(root), *entry.path.split("/"))

    def _deliver(
        self, version: Version, folder: Path, prefix: str = "", *, force: bool = False
    ) -> None:
        with self._the_session.progress("downloading", version.row.size) as progress:
            deliver(version, folder, prefix, force=force, progress=progress)

    def _folder(self, root: StrPath | None) -> Path:
        if root is not None:
            return Path(root)
        name = self.name.replace(":", "-") if os.name == "nt" else self.name
        return self._the_session.settings.artifact_dir / name

    # What it stands on

    @property
    def _the_session(self) -> Session:
        if self._session is None:
            self._session = current_session()
        return self._session

    @property
    def _the_draft(self) -> Draft:
        if self._draft is None:
            self._draft = self._the_session.draft(self._name, self._type)
        return self._draft

    def _open_for(self, method: str) -> Draft:
        if self._is_final:
            raise ArtifactFinalizedError(f"Artifact.{method}")
        return self._the_draft

    def _logged(self, attribute: str) -> Version:
        if self._version is None:
            raise ArtifactNotLoggedError(f"Artifact.{attribute}")
        return self._version

    def __repr__(self) -> str:
        return f"<Artifact {self._version.qualified_name if self._version else self._name}>"


def _path(name: StrPath) -> str:
    """As W&B: './a//b' is 'a/b'; what else is wrong with it, the draft says."""
    text = os.fspath(name)
    if os.name == "nt":
        text = text.replace("\\", "/")
    lead = "/" if text.startswith("/") else ""
    return lead + "/".join(part for part in text.split("/") if part not in ("", "."))


def _prefix(path_prefix: StrPath | None) -> str:
    return os.fspath(path_prefix) if path_prefix is not None else ""


def _is_immutable(policy: Policy | None) -> bool:
    if policy not in (None, "mutable", "immutable"):
        allowed = "Policy may only be `mutable` or `immutable`."
        raise InvalidError(f"Invalid policy {policy!r}. {allowed}")
    return policy == "immutable"


def _temporary(path: str, source: Path) -> str:
    """W&B's is_tmp: the name up to its first dot becomes the start of the content's digest."""
    folder, _, name = path.rpartition("/")
    _, dot, ending = name.partition(".")
    digest = Digest.of(source.read_bytes()).hex()[:20]
    return f"{folder}/{digest}{dot}{ending}" if folder else f"{digest}{dot}{ending}"
