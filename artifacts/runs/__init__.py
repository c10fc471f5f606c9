"""Runs: what a program logs."""

from artifacts.runs.run import (
    Run,
    active_run,
    finish,
    init,
    link_model,
    log_artifact,
    log_model,
    use_artifact,
    use_model,
)

__all__ = [
    "Run",
    "active_run",
    "finish",
    "init",
    "link_model",
    "log_artifact",
    "log_model",
    "use_artifact",
    "use_model",
]
