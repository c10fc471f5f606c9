"""Catalog: names to versions, and everything that happens to them."""

from artifacts.door import lazily

TYPE_CHECKING = False  # as in `artifacts`
if TYPE_CHECKING:
    from artifacts.catalog.catalog import Catalog
    from artifacts.catalog.collection import CollectionState, id_of
    from artifacts.catalog.commit import Facts
    from artifacts.catalog.distributed import Distributed
    from artifacts.catalog.downloading import AS_EVER, Manner, download, download_most
    from artifacts.catalog.draft import Draft
    from artifacts.catalog.ends import ends_if_cheaper, has_event, runs_there
    from artifacts.catalog.expecting import Expectation, expectation
    from artifacts.catalog.fields import MAX_SECONDS
    from artifacts.catalog.handover import Handover, Meeting, OfflineLink, find_version
    from artifacts.catalog.incremental import commit_over_latest
    from artifacts.catalog.kept import Kept
    from artifacts.catalog.lineage import Lineage, RunNode, VersionNode
    from artifacts.catalog.links import Shown
    from artifacts.catalog.others import SCHEME, Others, uri_of
    from artifacts.catalog.proof import Proof, prove
    from artifacts.catalog.retention import FOR_EVER, Rule
    from artifacts.catalog.run import HISTORY, RunFile, RunState
    from artifacts.catalog.segment import Segment
    from artifacts.catalog.session import Session
    from artifacts.catalog.showings import showing
    from artifacts.catalog.usage import RunFacts, run_key
    from artifacts.catalog.version import Version
else:
    __getattr__ = lazily(
        __name__,
        {
            "catalog": "Catalog",
            "collection": "CollectionState id_of",
            "commit": "Facts",
            "distributed": "Distributed",
            "downloading": "AS_EVER Manner download download_most",
            "draft": "Draft",
            "ends": "ends_if_cheaper has_event runs_there",
            "expecting": "Expectation expectation",
            "fields": "MAX_SECONDS",
            "handover": "Handover Meeting OfflineLink find_version",
            "incremental": "commit_over_latest",
            "kept": "Kept",
            "lineage": "Lineage RunNode VersionNode",
            "links": "Shown",
            "others": "SCHEME Others uri_of",
            "proof": "Proof prove",
            "retention": "FOR_EVER Rule",
            "run": "HISTORY RunFile RunState",
            "segment": "Segment",
            "session": "Session",
            "showings": "showing",
            "usage": "RunFacts run_key",
            "version": "Version",
        },
    )

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
    "Kept",
    "Lineage",
    "Manner",
    "Meeting",
    "OfflineLink",
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
    "download",
    "download_most",
    "ends_if_cheaper",
    "expectation",
    "find_version",
    "has_event",
    "id_of",
    "prove",
    "run_key",
    "runs_there",
    "showing",
    "uri_of",
]
