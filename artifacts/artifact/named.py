"""Named: what an artifact is called, where it is and where it was logged."""

from __future__ import annotations

from typing import Any

from artifacts.artifact.collection import ArtifactCollection
from artifacts.artifact.held import Held
from artifacts.names import CollectionName


class Named(Held):
    """Names of an artifact. Most are known only once it is logged."""

    @property
    def id(self) -> str | None:
        """Names this version in its store for ever; None before it is logged."""
        if self._version is None:
            return None
        return self._version.id

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
        """Of the collection or portfolio that it was found in. Raises ArtifactNotLoggedError."""
        return self._logged("entity").found_in.entity

    @property
    def project(self) -> str:
        """As `entity`. Raises ArtifactNotLoggedError."""
        return self._logged("project").found_in.project

    @property
    def version(self) -> str:
        """`v3`, of a portfolio its own count. Raises ArtifactNotLoggedError."""
        return f"v{self._logged('version').number}"

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
        return self._version.source_name if self._version else self._name

    @property
    def source_qualified_name(self) -> str:
        """As `qualified_name`, in the collection it was logged to."""
        return self._logged("source_qualified_name").source_qualified_name

    @property
    def source_version(self) -> str:
        """As `version`, in the collection it was logged to."""
        return f"v{self._logged('source_version').row.number}"

    @property
    def collection(self) -> ArtifactCollection:
        """The one that it was had from. Raises ArtifactNotLoggedError."""
        return self._collection_called(self._logged("collection").found_in)

    @property
    def source_collection(self) -> ArtifactCollection:
        """The one that it was logged to. Raises ArtifactNotLoggedError."""
        return self._collection_called(self._logged("source_collection").collection_name)

    @property
    def url(self) -> str:
        """Its store's address, `#` and its qualified name. Raises ArtifactNotLoggedError."""
        version = self._logged("url")
        return f"{version.store.url}#{version.qualified_name}"

    def json_encode(self) -> dict[str, Any]:
        """How it is named where JSON refers to it. Raises ArtifactNotLoggedError.

        Source: W&B SDK 0.19.8, `artifact_to_json`.
        """
        self._logged("json_encode")
        return {
            "_type": "artifactVersion",
            "_version": "v0",
            "id": self.id,
            "version": self.source_version,
            "sequenceName": self.source_name.partition(":")[0],
            "usedAs": self._use_as,
        }

    def _collection_called(self, name: CollectionName) -> ArtifactCollection:
        return ArtifactCollection(self._the_session, name, self._type, type(self).of_version)
