"""Catalog: names to versions, and everything that happens to them."""

from artifacts.catalog.catalog import Catalog
from artifacts.catalog.collection import CollectionState, id_of
from artifacts.catalog.commit import Facts
from artifacts.catalog.delivery import AS_EVER, Manner, deliver
from artifacts.catalog.distributed import Distributed
from artifacts.catalog.draft import Draft
from artifacts.catalog.expectation import Expectation, expectation
from artifacts.catalog.fields import MAX_SECONDS
from artifacts.catalog.handover import Handover, Meeting, find_version
from artifacts.catalog.incremental import commit_over_latest
from artifacts.catalog.lineage import Lineage, RunNode, VersionNode
from artifacts.catalog.links import Shown
from artifacts.catalog.others import SCHEME, Others, row_of, uri_of
from artifacts.catalog.proof import Proof, prove
from artifacts.catalog.retention import FOR_EVER, Rule
from artifacts.catalog.run import HISTORY, RunFile, RunState
from artifacts.catalog.segment import Segment
from artifacts.catalog.session import Session
from artifacts.catalog.showing import showing
from artifacts.catalog.usage import RunFacts, run_key
from artifacts.catalog.version import Version

__all__ = [
    "AS_EVER",
    "FOR_EVER",
    "HISTORY",
    "MAX_SECONDS",
    "SCHEME",
    "Catalog",
    "CollectionState",
    "Distributed",
    "Draft",
    "Expectation",
    "Facts",
    "Handover",
    "Lineage",
    "Manner",
    "Meeting",
    "Others",
    "Proof",
    "Rule",
    "RunFacts",
    "RunFile",
    "RunNode",
    "RunState",
    "Segment",
    "Session",
    "Shown",
    "Version",
    "VersionNode",
    "commit_over_latest",
    "deliver",
    "expectation",
    "find_version",
    "id_of",
    "prove",
    "row_of",
    "run_key",
    "showing",
    "uri_of",
]
