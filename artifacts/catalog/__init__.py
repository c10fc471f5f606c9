"""Catalog: names to versions, and everything that happens to them."""

from artifacts.catalog.catalog import Catalog, Facts
from artifacts.catalog.delivery import AS_EVER, Manner, deliver
from artifacts.catalog.draft import Draft
from artifacts.catalog.session import Session
from artifacts.catalog.verify import Problem, Report, verify_store, verify_version
from artifacts.catalog.version import Version

__all__ = [
    "AS_EVER",
    "Catalog",
    "Draft",
    "Facts",
    "Manner",
    "Problem",
    "Report",
    "Session",
    "Version",
    "deliver",
    "verify_store",
    "verify_version",
]
