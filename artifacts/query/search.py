"""Search: versions of any collection of a project, by what is said of them."""

from __future__ import annotations

from collections.abc import Iterator

from artifacts.artifact import Artifact, Artifacts, Filter, Listed, check_filter
from artifacts.catalog import Session
from artifacts.errors import ArtifactNotFoundError
from artifacts.names import CollectionName


def find(
    session: Session,
    entity: str,
    project: str,
    filters: Filter,
    type_name: str | None = None,
    per_page: int | None = 50,
) -> Listed[Artifact]:
    """Those that match, collection by collection, in each newest first. Raises InvalidError."""
    check_filter(filters)

    def found() -> Iterator[Artifact]:
        for name, type_ in session.catalog.collections(entity, project):
            if type_name in (None, type_):
                home = CollectionName(entity, project, name)
                try:
                    yield from Artifacts(session, home, Artifact.of_version, filters=filters)
                except ArtifactNotFoundError:
                    pass  # deleted meanwhile, or without a version yet

    return Listed(found, per_page)
