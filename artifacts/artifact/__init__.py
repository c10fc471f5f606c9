"""Artifact: W&B's members of it, each a line or two over a draft or a version."""

from artifacts.artifact.active import current_session, use_session
from artifacts.artifact.arguments import StrPath
from artifacts.artifact.artifact import Artifact
from artifacts.artifact.collection import ASKED, ArtifactCollection, Artifacts, told_of
from artifacts.artifact.entry import ArtifactManifest, ArtifactManifestEntry
from artifacts.artifact.files import ArtifactFiles, File
from artifacts.artifact.filters import Filter, check_filter, matches
from artifacts.artifact.lasting import ArtifactTTL
from artifacts.artifact.paged import Listed, Paged

__all__ = [
    "ASKED",
    "Artifact",
    "ArtifactCollection",
    "ArtifactFiles",
    "ArtifactManifest",
    "ArtifactManifestEntry",
    "ArtifactTTL",
    "Artifacts",
    "File",
    "Filter",
    "Listed",
    "Paged",
    "StrPath",
    "check_filter",
    "current_session",
    "matches",
    "told_of",
    "use_session",
]
