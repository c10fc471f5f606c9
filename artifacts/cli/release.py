"""Release: which version of this software it is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

_DISTRIBUTION = "artifact-store"


def release() -> str:
    """What `art --version` tells."""
    try:
        return f"art {version(_DISTRIBUTION)}"
    except PackageNotFoundError:
        return "art, from a checkout that is not installed"
