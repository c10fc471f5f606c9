"""Catalog: names to versions, and everything that happens to them."""

from artifacts.catalog.catalog import Catalog, Facts
from artifacts.catalog.delivery import AS_EVER, Manner, deliver
from artifacts.catalog.draft import Draft
from artifacts.catalog.reindex import Reindexing, reindex
from artifacts.catalog.repack import BELOW, Repacking, repack
from artifacts.catalog.session import Session
from artifacts.catalog.verify import Problem, Report, verify_store, verify_version
from artifacts.catalog.version import Version

__all__ = [
    "AS_EVER",
    "BELOW",
    "Catalog",
    "Draft",
    "Facts",
    "Manner",
    "Problem",
    "Reindexing",
    "Repacking",
    "Report",
    "Session",
    "Version",
    "deliver",
    "reindex",
    "repack",
    "verify_store",
    "verify_version",
]
