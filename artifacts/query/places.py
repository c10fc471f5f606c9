"""Places: entities and projects, as users write them where a server would look them up."""

from __future__ import annotations

from artifacts.errors import InvalidNameError
from artifacts.names import CollectionName, check_entity, check_project
from artifacts.settings import Settings


def place_of(path: str | None, settings: Settings) -> tuple[str, str]:
    """Entity and project of `[entity/]project`; the settings' for what is left out.

    Raises InvalidNameError.
    """
    if not path:
        return settings.entity, settings.project
    entity, slash, project = path.rpartition("/")
    if "/" in entity or (slash and not entity):
        raise InvalidNameError(path, "expected [entity/]project")
    return check_entity(entity or settings.entity), check_project(project)


def collection_of(path: str, settings: Settings) -> CollectionName:
    """Of `[[entity/]project/]name`. Raises InvalidNameError."""
    return CollectionName.parse(path, entity=settings.entity, project=settings.project)
