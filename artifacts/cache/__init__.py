"""Cache: the copy on this machine, of files going into the store and coming out of it."""

from artifacts.cache.audit import Changed, Findings, audit, digest_of, files_below
from artifacts.cache.cached import CachedStore, cached, uncached
from artifacts.cache.checkout import Checkout, Outcome, Part
from artifacts.cache.copies import Copies, key_of
from artifacts.cache.digests import clear_digests, digests_size
from artifacts.cache.intake import Intake
from artifacts.cache.placement import CUT_BYTES
from artifacts.cache.receipt import (
    RECEIPT,
    Delivery,
    Expected,
    Receipt,
    check_not_ours,
    expected_files,
    is_ours,
)
from artifacts.cache.tree import Tree
from artifacts.cache.verify import Verdict, verify_copies

__all__ = [
    "CUT_BYTES",
    "RECEIPT",
    "CachedStore",
    "Changed",
    "Checkout",
    "Copies",
    "Delivery",
    "Expected",
    "Findings",
    "Intake",
    "Outcome",
    "Part",
    "Receipt",
    "Tree",
    "Verdict",
    "audit",
    "cached",
    "check_not_ours",
    "clear_digests",
    "digest_of",
    "digests_size",
    "expected_files",
    "files_below",
    "is_ours",
    "key_of",
    "uncached",
    "verify_copies",
]
