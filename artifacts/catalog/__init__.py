"""Catalog: names to versions, and everything that happens to them."""

from artifacts.catalog.catalog import Catalog, Facts
from artifacts.catalog.collection import CollectionState, id_of
from artifacts.catalog.delivery import AS_EVER, Manner, deliver
from artifacts.catalog.distributed import Distributed
from artifacts.catalog.draft import Draft
from artifacts.catalog.expectation import Expectation, expectation
from artifacts.catalog.fsck import Checkup, Finding, fsck
from artifacts.catalog.gc import GRACE, Collecting, Collector, collect
from artifacts.catalog.incremental import commit_over_latest
from artifacts.catalog.lineage import Lineage, RunNode, VersionNode
from artifacts.catalog.links import Shown
from artifacts.catalog.mending import CopiesSource, FolderSource, Source, StoreSource, checkup, mend
from artifacts.catalog.mirror import Mirrored, has_runs, mirror
from artifacts.catalog.others import SCHEME, Others, row_of, uri_of
from artifacts.catalog.proof import Proof, prove
from artifacts.catalog.reindex import Reindexing, reindex
from artifacts.catalog.repack import BELOW, Repacking, repack
from artifacts.catalog.report import Problem, Report
from artifacts.catalog.retention import FOR_EVER, Rule
from artifacts.catalog.run import HISTORY, RunFile, RunState
from artifacts.catalog.segment import Segment
from artifacts.catalog.session import Session
from artifacts.catalog.showing import showing
from artifacts.catalog.usage import RunFacts, run_key
from artifacts.catalog.verify import verify_store, verify_version
from artifacts.catalog.version import Version

__all__ = [
    "AS_EVER",
    "BELOW",
    "FOR_EVER",
    "GRACE",
    "HISTORY",
    "SCHEME",
    "Catalog",
    "Checkup",
    "Collecting",
    "CollectionState",
    "Collector",
    "CopiesSource",
    "Distributed",
    "Draft",
    "Expectation",
    "Facts",
    "Finding",
    "FolderSource",
    "Lineage",
    "Manner",
    "Mirrored",
    "Others",
    "Problem",
    "Proof",
    "Reindexing",
    "Repacking",
    "Report",
    "Rule",
    "RunFacts",
    "RunFile",
    "RunNode",
    "RunState",
    "Segment",
    "Session",
    "Shown",
    "Source",
    "StoreSource",
    "Version",
    "VersionNode",
    "checkup",
    "collect",
    "commit_over_latest",
    "deliver",
    "expectation",
    "fsck",
    "has_runs",
    "id_of",
    "mend",
    "mirror",
    "prove",
    "reindex",
    "repack",
    "row_of",
    "run_key",
    "showing",
    "uri_of",
    "verify_store",
    "verify_version",
]
