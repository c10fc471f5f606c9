"""Artifact: W&B's members of it, each a line or two over a draft or a version."""

from artifacts.artifact.active import current_session, use_session
from artifacts.artifact.arguments import StrPath
from artifacts.artifact.artifact import Artifact
from artifacts.artifact.entry import ArtifactManifest, ArtifactManifestEntry
from artifacts.artifact.files import ArtifactFiles, File

__all__ = [
    "Artifact",
    "ArtifactFiles",
    "ArtifactManifest",
    "ArtifactManifestEntry",
    "File",
    "StrPath",
    "current_session",
    "use_session",
]
