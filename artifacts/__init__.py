"""Artifacts: versioned datasets and models, addressed by their content, in a store that you own.

Names are resolved when they are first used, so that importing this costs next to nothing.
"""

import importlib

TYPE_CHECKING = False  # to import typing would cost more than all else here
if TYPE_CHECKING:
    from artifacts import errors as errors
    from artifacts import sdk as sdk
    from artifacts import util as util
    from artifacts.artifact import Artifact as Artifact
    from artifacts.artifact import ArtifactTTL as ArtifactTTL
    from artifacts.errors import ArtifactsError as ArtifactsError
    from artifacts.errors import ArtifactsError as Error
    from artifacts.errors import CommError as CommError
    from artifacts.errors import UsageError as UsageError
    from artifacts.query import Api as Api
    from artifacts.runs import AlertLevel as AlertLevel
    from artifacts.runs import Config as Config
    from artifacts.runs import Run as Run
    from artifacts.runs import Summary as Summary
    from artifacts.runs import alert as alert
    from artifacts.runs import define_metric as define_metric
    from artifacts.runs import finish as finish
    from artifacts.runs import init as init
    from artifacts.runs import join as join
    from artifacts.runs import link_model as link_model
    from artifacts.runs import log as log
    from artifacts.runs import log_artifact as log_artifact
    from artifacts.runs import log_model as log_model
    from artifacts.runs import login as login
    from artifacts.runs import mark_preempting as mark_preempting
    from artifacts.runs import require as require
    from artifacts.runs import restore as restore
    from artifacts.runs import save as save
    from artifacts.runs import setup as setup
    from artifacts.runs import teardown as teardown
    from artifacts.runs import termerror as termerror
    from artifacts.runs import termlog as termlog
    from artifacts.runs import termwarn as termwarn
    from artifacts.runs import unwatch as unwatch
    from artifacts.runs import use_artifact as use_artifact
    from artifacts.runs import use_model as use_model
    from artifacts.runs import watch as watch
    from artifacts.settings import Settings as Settings

    config: Config
    run: Run | None
    summary: Summary

__version__ = "0.1.0"

_HOMES = {
    "AlertLevel": "artifacts.runs",
    "Api": "artifacts.query",
    "Artifact": "artifacts.artifact",
    "ArtifactTTL": "artifacts.artifact",
    "ArtifactsError": "artifacts.errors",
    "CommError": "artifacts.errors",
    "Config": "artifacts.runs",
    "Error": "artifacts.errors",
    "Run": "artifacts.runs",
    "Settings": "artifacts.settings",
    "Summary": "artifacts.runs",
    "UsageError": "artifacts.errors",
    "alert": "artifacts.runs",
    "define_metric": "artifacts.runs",
    "finish": "artifacts.runs",
    "init": "artifacts.runs",
    "join": "artifacts.runs",
    "link_model": "artifacts.runs",
    "log": "artifacts.runs",
    "log_artifact": "artifacts.runs",
    "log_model": "artifacts.runs",
    "login": "artifacts.runs",
    "mark_preempting": "artifacts.runs",
    "require": "artifacts.runs",
    "restore": "artifacts.runs",
    "save": "artifacts.runs",
    "setup": "artifacts.runs",
    "teardown": "artifacts.runs",
    "termerror": "artifacts.runs",
    "termlog": "artifacts.runs",
    "termwarn": "artifacts.runs",
    "unwatch": "artifacts.runs",
    "use_artifact": "artifacts.runs",
    "use_model": "artifacts.runs",
    "watch": "artifacts.runs",
}
_LIVE = {"config": "active_config", "run": "active_run", "summary": "active_summary"}
_MODULES = frozenset(("errors", "sdk", "util"))
_MEDIA = frozenset(
    ("Audio", "Graph", "Histogram", "Html", "Image", "Molecule", "Object3D", "Plotly", "Table")
) | frozenset(("Video", "box3d", "data_types", "plot", "plot_table"))
_SWEEPS = frozenset(("agent", "controller", "sweep"))
_RENAMED = {"Error": "ArtifactsError"}

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "ArtifactTTL",
    "ArtifactsError",
    "CommError",
    "Config",
    "Error",
    "Run",
    "Settings",
    "Summary",
    "UsageError",
    "__version__",
    "alert",
    "define_metric",
    "finish",
    "init",
    "join",
    "link_model",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "mark_preempting",
    "require",
    "restore",
    "save",
    "setup",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "use_artifact",
    "use_model",
    "watch",
]


def __getattr__(name: str) -> object:
    if name in _LIVE:  # never kept: they change with every init and finish
        return getattr(importlib.import_module("artifacts.runs"), _LIVE[name])()
    if name in _MODULES:
        return importlib.import_module(f"artifacts.{name}")
    if name in _MEDIA:
        raise AttributeError(f"this version has no media objects yet, so no artifacts.{name}")
    if name in _SWEEPS:
        raise AttributeError(f"this version has no sweeps yet, so no artifacts.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'artifacts' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOMES[name]), _RENAMED.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *_LIVE, *_MODULES]
