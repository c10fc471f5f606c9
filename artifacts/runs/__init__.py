"""Runs: what a program logs."""

from artifacts.runs.run import Run, active_run, finish, init, log_artifact, use_artifact

__all__ = ["Run", "active_run", "finish", "init", "log_artifact", "use_artifact"]
