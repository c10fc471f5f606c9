"""Artifact: what users hold. W&B's one name for two things: a draft, and a version."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
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
from artifacts.artifact.entry import ArtifactManifest, ArtifactManifestEntry
from artifacts.artifact.facts import changes, facts_of, without
from artifacts.artifact.files import ArtifactFiles
from artifacts.artifact.folder import delete_strangers
from artifacts.artifact.sources import Sources
from artifacts.cache import audit
from artifacts.catalog import AS_EVER, Draft, Facts, Manner, Session, Version, deliver
from artifacts.content import Entry, Manifest, check_path
from artifacts.errors import (
    ArtifactFinalizedError,
    ArtifactNotLoggedError,
    EntryNotFoundError,
    InvalidError,
    InvalidNameError,
    UsageError,
    VerificationError,
)
from artifacts.metadata import check_metadata, check_text
from artifacts.names import (
    LATEST,
    CollectionName,
    check_aliases,
    check_collection_name,
    check_tags,
    check_type,
)
from artifacts.settings import Settings
from artifacts.storage import claimed

_active: list[tuple[Session, Callable[[Artifact], object]]] = []
"""The active run, if there is one: W&B's artifacts know it without being told."""


def current_session() -> Session:
    """That of the active run, or one of the settings as they are."""
    return _active[-1][0] if _active else Session(Settings.load())


@contextmanager
def use_session(session: Session, log: Callable[[Artifact], object]) -> Iterator[None]:
    """Until the end, artifacts that are told of no other session belong to this one.

    What is saved without being logged is logged by `log`.
    """
    _active.append((session, log))
    try:
        yield
    finally:
        _active.remove((session, log))


class Artifact:
    """A named, typed set of files, put together freely, then logged and never changed again.

    `description` is Markdown; `metadata` a dict of at most 100 keys. Raises ValueError for a bad
    name or type or for metadata that JSON cannot hold, TypeError for what JSON has no form for.
    Source: W&B SDK 0.19.8.
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
        self._description = check_text(description, "description")
        self._metadata = check_metadata(metadata)
        if incremental:
            reason = "start from the latest version instead: Api().artifact(name).new_draft()"
            raise UsageError(f"incremental artifacts come with a later version; {reason}")
        self._use_as = use_as
        self._session: Session | None = None
        self._draft: Draft | None = None
        self._version: Version | None = None
        self._home: CollectionName | None = None  # where it was logged, or what it is a draft of
        self._is_final = False
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._saved = Facts()
        self._kept_manifest: ArtifactManifest | None = None
        self._sources = Sources()

    @classmethod
    def of_version(cls, version: Version, session: Session) -> Artifact:
        """A logged artifact."""
        artifact = cls(version.collection_name.collection, version.type)
        artifact._session = session
        artifact._become(version)
        return artifact

    def _become(self, version: Version) -> None:
        self._version, self._draft, self._is_final = version, None, True
        self._home = version.collection_name
        self._saved, now = facts_of(version), facts_of(version)
        self._description, self._metadata = now.description, dict(now.metadata)
        self._aliases, self._tags = [*now.aliases], [*now.tags]

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
        """Entity of the collection it was logged to. Raises ArtifactNotLoggedError."""
        return self._logged("source_entity").collection_name.entity

    @property
    def source_project(self) -> str:
        """Project of the collection it was logged to. Raises ArtifactNotLoggedError."""
        return self._logged("source_project").collection_name.project

    @property
    def source_name(self) -> str:
        """As `name`, in the collection that it was logged to."""
        return self.name

    @property
    def source_qualified_name(self) -> str:
        """As `qualified_name`, in the collection it was logged to."""
        return self._logged("source_qualified_name").qualified_name

    @property
    def source_version(self) -> str:
        """As `version`, in the collection it was logged to."""
        return f"v{self._logged('source_version').row.number}"

    # What is said of it

    @property
    def description(self) -> str | None:
        """Markdown. Changed at any time, of a logged artifact by `save`."""
        return self._description

    @description.setter
    def description(self, description: str | None) -> None:
        self._description = check_text(description, "description")

    @property
    def metadata(self) -> dict[str, Any]:
        """JSON, at most 100 keys. Changed at any time, of a logged artifact by `save`."""
        return self._metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, Any]) -> None:
        self._metadata = check_metadata(metadata)

    @property
    def aliases(self) -> list[str]:
        """Names that stand for this version; change the list, then `save`.

        Of one version of a collection at a time: saving an alias takes it from any other. Raises
        ArtifactNotLoggedError; once saved ValueError for one with / or :, or like v3.
        """
        self._logged("aliases")
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: list[str]) -> None:
        self._logged("aliases")
        self._aliases = [*check_aliases(aliases)]

    @property
    def tags(self) -> list[str]:
        """Labels of this version; change the list, then `save`.

        Raises ArtifactNotLoggedError; once saved ValueError for what is more than words.
        """
        self._logged("tags")
        return self._tags

    @tags.setter
    def tags(self, tags: list[str]) -> None:
        self._logged("tags")
        self._tags = [*check_tags(tags)]

    @property
    def incremental(self) -> bool:
        """Whether its entries are laid over those of the latest version: not in this version."""
        return False

    @property
    def use_as(self) -> str | None:
        """The name under which the run that uses it knows it."""
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
        """Raises KeyError."""
        path = as_path(name)
        if self._version:
            return self._public(self._version.entry(path))
        if self._draft is None:
            raise EntryNotFoundError(path)
        return self._public(self._draft.entry(path))

    def get_path(self, name: StrPath) -> ArtifactManifestEntry:
        """W&B's older name for `get_entry`. Raises KeyError."""
        return self.get_entry(name)

    def files(self, names: list[str] | None = None, per_page: int = 50) -> ArtifactFiles:
        """The files, or those with these paths, in path order, read as they are asked for.

        Raises ArtifactNotLoggedError, KeyError for a path that there is not. `per_page` is a
        hint that is not needed here.
        """
        version = self._logged("files")
        return ArtifactFiles(self, version, None if names is None else [*map(as_path, names)])

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
        executor: Executor | None = None,
    ) -> None:
        """Add every file below a folder, under `name` if it is given; links are followed.

        What a download left for its own use is passed over. Policies as for `add_file`. With an
        executor, its workers, who must see the same disk, read files that this machine does not
        know, and what the store has of them is not read here again. Raises
        ValueError if it is no folder, if a path has other content already, or if it holds a
        FIFO, a socket, a device, a dangling or a circular link; then nothing of it is added.
        """
        draft = self._open_for("add_dir")
        source = os.fspath(local_path)
        is_late = is_immutable(policy)
        if not os.path.isdir(source):
            raise InvalidError(f"Path is not a directory: {source!r}")
        prefix = as_folder(name)
        with self._the_session.progress("reading") as progress:
            tree = self._the_session.tree(source)
            draft.add_tree(tree, prefix, progress, is_immutable=is_late, executor=executor)
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

    def new_draft(self) -> Artifact:
        """A draft of the next version, with the same entries, description and metadata.

        Only what is changed in it will cost. Aliases and tags stay where they are. Raises
        ArtifactNotLoggedError.
        """
        version = self._logged("new_draft")
        home = version.collection_name
        draft = Artifact(self._name, self._type, self._description, self._metadata)
        draft._home = home
        settings = self._the_session.settings
        draft._session = Session(settings.within(home.entity, home.project))
        draft._the_draft.adopt(version)
        return draft

    # Logging it

    def save(self, project: str | None = None, settings: Settings | None = None) -> None:
        """Log a draft; of a logged artifact, save what is said of it.

        A draft is logged by the active run, and if there is none by nobody, into the project and
        the store that the arguments name. Of a logged artifact, whatever was changed here in its
        aliases, tags, description and metadata is recorded, and what others changed is kept.
        Raises ValueError for a bad alias, tag or metadata.
        """
        if not self.is_draft():
            self._save_facts()
        elif _active:
            _active[-1][1](self)
        else:
            base = settings or self._the_session.settings
            is_other = settings is not None or project is not None
            self.log(Session(base.within(project=project)) if is_other else self._the_session)

    def log(self, session: Session, facts: Facts | None = None) -> None:
        """Commit a draft, for whoever adds aliases, tags and a run to what it says of itself.

        What is logged already stays as it is, and takes the aliases and tags, and `latest`.
        Raises ValueError for a version, or its new draft, that belongs elsewhere.
        """
        facts = facts or Facts()
        self._refuse_move(session)
        if self._version is None:
            self._commit(session, facts)
        else:
            wanted = [*facts.aliases, LATEST]
            self._aliases = [*dict.fromkeys((*self._aliases, *wanted))]
            self._tags = [*dict.fromkeys((*self._tags, *facts.tags))]
            # they are to move here even from where they moved to since
            self._saved = replace(self._saved, aliases=without(self._saved.aliases, wanted))
            self._save_facts()

    def _commit(self, session: Session, facts: Facts) -> None:
        metadata = check_metadata(self._metadata)
        facts = replace(facts, description=self._description, metadata=metadata)
        was_final, self._is_final = self._is_final, True
        try:
            draft = self._the_draft
            if draft.intake.store.url != session.writable.store.url:
                draft = draft.moved(session.draft(self._name, self._type))
            to = session.settings
            version = session.writable.commit(draft, to.entity, to.project, facts)
        except BaseException:
            self._is_final = was_final  # so that what was wrong with it can be put right
            raise
        self._session = session
        self._become(version)

    def _refuse_move(self, session: Session) -> None:
        home, to = self._home, session.settings
        if home is not None and home.entity != to.entity:
            reason = f"it is owned by entity {home.entity!r}; it can't be moved to {to.entity!r}"
            raise InvalidNameError(self.name, reason)
        if home is not None and home.project != to.project:
            reason = f"it exists in project {home.project!r}; it can't be moved to {to.project!r}"
            raise InvalidNameError(self.name, reason)
        if self._version is not None and self._version.store.url != session.writable.store.url:
            reason = f"it lies in {self._version.store.url}: add its files to a new artifact"
            raise InvalidNameError(self.name, reason)

    def _save_facts(self) -> None:
        version = self._logged("save")
        after = Facts(
            aliases=check_aliases(self._aliases),
            tags=check_tags(self._tags),
            description=self._description,
            metadata=check_metadata(self._metadata),
        )
        version.refresh()
        if found := changes(self._saved, after, version):
            self._the_session.writable.change(version, found)
        self._become(version)

    def used_as(self, use_as: str) -> None:
        """From now on a run knows it under this name."""
        self._use_as = use_as

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
        *,
        link: bool = False,
    ) -> str:
        """Put the files whose path starts with `path_prefix` below `root`; that folder.

        By default below `artifacts/<name>`. Every byte is checked first. Files that are right
        already are kept; those of another version that was there before make room, unless they
        were edited. Raises LocalChangesError for edited ones that are in the way, after delivering
        all others; DigestMismatchError or MissingBlobError for damage, likewise.

        With `skip_cache` all is read from the store itself; a local store is its own cache. With
        `link`, files of 1 MiB and more are read-only hard links to copies in the cache, which has
        to lie on the same disk (UsageError); those that it has no room for are files as ever.
        """
        version = self._logged("download")
        folder = self._folder(root)
        prefix = "" if path_prefix is None else os.fspath(path_prefix)
        self._deliver(version, folder, prefix, self._manner(link=link, skip_cache=skip_cache))
        return os.fspath(folder)

    def checkout(self, root: str | None = None, *, link: bool = False) -> str:
        """Make a folder hold exactly this artifact: whatever else is in it is deleted.

        By default `artifacts/<collection>`. Edited files are overwritten, empty folders deleted.
        `link` is as for `download`. Raises as `download` for damage.
        """
        version = self._logged("checkout")
        folder = Path(root or self._the_session.settings.artifact_dir / self._name)
        if folder.is_dir():
            delete_strangers(os.fspath(folder), {entry.path for entry in version.entries()})
        self._deliver(version, folder, manner=self._manner(link=link, force=True))
        return os.fspath(folder)

    def verify(self, root: str | None = None, *, executor: Executor | None = None) -> None:
        """Compare a folder, by default where `download` puts it, with this artifact.

        An executor's workers, who must see the same disk, read the files. Raises ValueError
        (VerificationError) that lists every missing, changed and unexpected file with its
        expected and found digest; FileNotFoundError if there is no such folder.
        """
        version = self._logged("verify")
        folder = self._folder(root)
        with self._the_session.progress("verifying", version.row.size) as progress:
            findings = audit(folder, version.files(), progress, executor=executor)
        if not findings.is_clean:
            raise VerificationError(os.fspath(folder), findings.lines())

    def file(self, root: str | None = None) -> str:
        """Download the only file there is; where it lies. Raises ValueError if it is not one."""
        version = self._logged("file")
        if version.row.entries != 1:
            raise InvalidError(f"{self.name} has {version.row.entries} files: name one: get_entry")
        [entry] = version.entries()
        return os.path.join(self.download(root), *entry.path.split("/"))

    def _deliver(
        self, version: Version, folder: Path, prefix: str = "", manner: Manner = AS_EVER
    ) -> None:
        with self._the_session.progress("downloading", version.row.size) as progress:
            deliver(version, folder, prefix, manner=manner, progress=progress)

    def _manner(self, *, link: bool, force: bool = False, skip_cache: bool | None = None) -> Manner:
        links = self._the_session.copies if link else None
        return Manner(force=force, links=links, skip_cache=bool(skip_cache))

    def _download_entry(self, path: str, root: StrPath | None) -> str:
        version = self._logged("download")
        folder = self._folder(root)
        with self._the_session.progress("downloading", version.entry(path).size) as progress:
            deliver(version, folder, only=[path], progress=progress)
        return os.path.join(folder, *path.split("/"))

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
