"""Artifacts: versioned datasets and models, addressed by their content, in a store that you own.

Names are resolved when they are first used, so that importing this costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifacts.artifact import Artifact as Artifact
    from artifacts.artifact import ArtifactTTL as ArtifactTTL
    from artifacts.errors import ArtifactsError as ArtifactsError
    from artifacts.errors import ArtifactsError as Error
    from artifacts.errors import CommError as CommError
    from artifacts.errors import UsageError as UsageError
    from artifacts.query import Api as Api
    from artifacts.runs import Run as Run
    from artifacts.runs import finish as finish
    from artifacts.runs import init as init
    from artifacts.runs import link_model as link_model
    from artifacts.runs import log_artifact as log_artifact
    from artifacts.runs import log_model as log_model
    from artifacts.runs import use_artifact as use_artifact
    from artifacts.runs import use_model as use_model
    from artifacts.settings import Settings as Settings

    run: Run | None

__version__ = "0.1.0"

_HOMES = {
    "Api": "artifacts.query",
    "Artifact": "artifacts.artifact",
    "ArtifactTTL": "artifacts.artifact",
    "ArtifactsError": "artifacts.errors",
    "CommError": "artifacts.errors",
    "Error": "artifacts.errors",
    "Run": "artifacts.runs",
    "Settings": "artifacts.settings",
    "UsageError": "artifacts.errors",
    "finish": "artifacts.runs",
    "init": "artifacts.runs",
    "link_model": "artifacts.runs",
    "log_artifact": "artifacts.runs",
    "log_model": "artifacts.runs",
    "use_artifact": "artifacts.runs",
    "use_model": "artifacts.runs",
}
_RENAMED = {"Error": "ArtifactsError"}

__all__ = [
    "Api",
    "Artifact",
    "ArtifactTTL",
    "ArtifactsError",
    "CommError",
    "Error",
    "Run",
    "Settings",
    "UsageError",
    "__version__",
    "finish",
    "init",
    "link_model",
    "log_artifact",
    "log_model",
    "use_artifact",
    "use_model",
]


def __getattr__(name: str) -> object:
    if name == "run":  # never kept: it changes with every init and finish
        return importlib.import_module("artifacts.runs").active_run()
    if name not in _HOMES:
        raise AttributeError(f"module 'artifacts' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOMES[name]), _RENAMED.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "run"]
