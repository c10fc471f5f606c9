"""Upkeep: a whole store verified, mended, collected, repacked and copied."""

from artifacts.catalog.upkeep.fsck import Checkup, Finding, fsck
from artifacts.catalog.upkeep.gc import GRACE, Collecting, Collector, collect
from artifacts.catalog.upkeep.mending import (
    CopiesSource,
    FolderSource,
    Source,
    StoreSource,
    checkup,
    mend,
)
from artifacts.catalog.upkeep.mirror import Mirrored, has_runs, mirror
from artifacts.catalog.upkeep.reindex import Reindexing, reindex
from artifacts.catalog.upkeep.repack import BELOW, Repacking, repack
from artifacts.catalog.upkeep.report import Problem, Report
from artifacts.catalog.upkeep.verify import verify_store, verify_version

__all__ = [
    "BELOW",
    "GRACE",
    "Checkup",
    "Collecting",
    "Collector",
    "CopiesSource",
    "Finding",
    "FolderSource",
    "Mirrored",
    "Problem",
    "Reindexing",
    "Repacking",
    "Report",
    "Source",
    "StoreSource",
    "checkup",
    "collect",
    "fsck",
    "has_runs",
    "mend",
    "mirror",
    "reindex",
    "repack",
    "verify_store",
    "verify_version",
]
