"""Described: what is said of an artifact beside its content, most of which may be changed."""

from __future__ import annotations

from typing import Any

from artifacts.artifact.named import Named
from artifacts.metadata import check_metadata, check_text
from artifacts.names import check_aliases, check_tags


class Described(Named):
    """Facts about an artifact. What is changed of a logged one is recorded by `save`."""

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
        ArtifactNotLoggedError; once saved ValueError for one with / or :, or like v3. None is
        refused with TypeError: [] takes all of them away.
        """
        self._logged("aliases")
        return self._aliases

    @aliases.setter
    def aliases(self, aliases: list[str]) -> None:
        self._logged("aliases")
        _refuse_none(aliases, "aliases")
        self._aliases = [*check_aliases(aliases)]

    @property
    def tags(self) -> list[str]:
        """Labels of this version; change the list, then `save`.

        Raises ArtifactNotLoggedError; once saved ValueError for what is more than words. None is
        refused with TypeError: [] takes all of them away.
        """
        self._logged("tags")
        return self._tags

    @tags.setter
    def tags(self, tags: list[str]) -> None:
        self._logged("tags")
        _refuse_none(tags, "tags")
        self._tags = [*check_tags(tags)]

    @property
    def incremental(self) -> bool:
        """Of a draft, whether its entries will be laid over those of the latest version."""
        return self._is_incremental

    @property
    def distributed_id(self) -> str | None:
        """What the writers of a distributed artifact call it among themselves."""
        return self._distributed_id

    @distributed_id.setter
    def distributed_id(self, distributed_id: str | None) -> None:
        self._distributed_id = check_text(distributed_id, "distributed_id")

    @property
    def use_as(self) -> str | None:
        """The name under which the run that uses it knows it."""
        return self._use_as

    @property
    def state(self) -> str:
        """PENDING, COMMITTED, or DELETED once this artifact knows it."""
        if self._version is None:
            return "PENDING"
        return "DELETED" if self._version.row.dropped else "COMMITTED"

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


def _refuse_none(texts: list[str] | None, what: str) -> None:
    """Of who does not check types. Raises TypeError."""
    if texts is None:
        raise TypeError(f"{what} must be a list of str, not None; [] takes all {what} away")
