"""Runs: what a program logs."""

from artifacts.runs.active import active_run
from artifacts.runs.alerts import AlertLevel
from artifacts.runs.config import Config
from artifacts.runs.delivery.recovery import Synced, folders_below, left_in, settle, sync
from artifacts.runs.heartbeat import Standing
from artifacts.runs.init import init
from artifacts.runs.journal.hold import is_held
from artifacts.runs.journal.pending import Pending, left_by_dead
from artifacts.runs.listing.brief import Brief
from artifacts.runs.listing.briefs import Briefs
from artifacts.runs.listing.finding import FoundRun, find_run
from artifacts.runs.listing.removal import OldRuns, delete_run
from artifacts.runs.login import login
from artifacts.runs.metrics import Metric
from artifacts.runs.module import (
    active_config,
    active_summary,
    alert,
    define_metric,
    finish,
    join,
    link_model,
    log,
    log_artifact,
    log_model,
    mark_preempting,
    require,
    restore,
    save,
    setup,
    teardown,
    termerror,
    termlog,
    termwarn,
    unwatch,
    use_artifact,
    use_model,
    watch,
)
from artifacts.runs.rows.exporting import Export, ExportFormat
from artifacts.runs.rows.following import Following, Told
from artifacts.runs.rows.segments import PARQUET
from artifacts.runs.rows.tidying import tidy
from artifacts.runs.run import Run
from artifacts.runs.summary import Summary
from artifacts.runs.told import RunStatus
from artifacts.runs.values import spelled
from artifacts.runs.words import generate_id

__all__ = [
    "PARQUET",
    "AlertLevel",
    "Brief",
    "Briefs",
    "Config",
    "Export",
    "ExportFormat",
    "Following",
    "FoundRun",
    "Metric",
    "OldRuns",
    "Pending",
    "Run",
    "RunStatus",
    "Standing",
    "Summary",
    "Synced",
    "Told",
    "active_config",
    "active_run",
    "active_summary",
    "alert",
    "define_metric",
    "delete_run",
    "find_run",
    "finish",
    "folders_below",
    "generate_id",
    "init",
    "is_held",
    "join",
    "left_by_dead",
    "left_in",
    "link_model",
    "log",
    "log_artifact",
    "log_model",
    "login",
    "mark_preempting",
    "require",
    "restore",
    "save",
    "settle",
    "setup",
    "spelled",
    "sync",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "tidy",
    "unwatch",
    "use_artifact",
    "use_model",
    "watch",
]
