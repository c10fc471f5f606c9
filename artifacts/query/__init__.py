"""Query: questions to a store, asked without a run."""

from artifacts.query.api import Api
from artifacts.query.registries import Collections, Registries, Registry, Versions
from artifacts.query.search import find
from artifacts.query.types import ArtifactCollections, ArtifactType, ArtifactTypes

__all__ = [
    "Api",
    "ArtifactCollections",
    "ArtifactType",
    "ArtifactTypes",
    "Collections",
    "Registries",
    "Registry",
    "Versions",
    "find",
]
