"""Query: read-only questions to a store."""

from artifacts.query.api import Api
from artifacts.query.types import ArtifactCollections, ArtifactType, ArtifactTypes

__all__ = ["Api", "ArtifactCollections", "ArtifactType", "ArtifactTypes"]
