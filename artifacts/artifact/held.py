"""Held: what an artifact stands for: a draft or a version, and the session that either is of."""

from __future__ import annotations

from typing import Any, Self

from artifacts.artifact.active import current_session
from artifacts.artifact.entry import ArtifactManifest
from artifacts.artifact.facts import facts_of
from artifacts.artifact.sources import Sources
from artifacts.catalog import Draft, Facts, Session, Version
from artifacts.errors import ArtifactFinalizedError, ArtifactNotLoggedError
from artifacts.metadata import check_metadata, check_text
from artifacts.names import CollectionName, check_collection_name, check_type


class Held:
    """The state of an artifact; what may be asked and done of it is in the classes above."""

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
        self._is_incremental = incremental
        self._use_as = use_as
        self._distributed_id: str | None = None
        self._session: Session | None = None
        self._draft: Draft | None = None
        self._version: Version | None = None
        self._home: CollectionName | None = None  # where it was logged, or what it is a draft of
        self._is_final = False
        self._aliases: list[str] = []
        self._tags: list[str] = []
        self._ttl: int | None = None  # seconds, 0 for ever; None is inherited
        self._saved = Facts()
        self._kept_manifest: ArtifactManifest | None = None
        self._sources = Sources()

    @classmethod
    def of_version(cls, version: Version, session: Session) -> Self:
        """A logged artifact."""
        artifact = cls(version.collection_name.collection, version.type)
        artifact._session = session
        artifact._become(version)
        return artifact

    def _become(self, version: Version) -> None:
        self._version, self._draft, self._is_final = version, None, True
        self._is_incremental = False
        self._home = version.collection_name
        self._saved, now = facts_of(version), facts_of(version)
        self._description, self._metadata = now.description, dict(now.metadata)
        self._aliases, self._tags = [*now.aliases], [*now.tags]
        self._ttl = now.ttl

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
        self._refuse_final(method)
        return self._the_draft

    def _refuse_final(self, method: str) -> None:
        if self._is_final:
            raise ArtifactFinalizedError(f"Artifact.{method}")

    def _logged(self, attribute: str) -> Version:
        if self._version is None:
            raise ArtifactNotLoggedError(f"Artifact.{attribute}")
        return self._version
