"""Named: what an artifact is called, where it is and where it was logged."""

from __future__ import annotations

from artifacts.artifact.held import Held


class Named(Held):
    """Names of an artifact. Most are known only once it is logged."""

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
