"""Cache: the copy on this machine, of files going into the store and coming out of it."""

from artifacts.door import lazily

TYPE_CHECKING = False  # as in `artifacts`
if TYPE_CHECKING:
    from artifacts.cache.auditing import Changed, Findings, audit, digest_of, files_below
    from artifacts.cache.caching import CachedStore, cached, uncached
    from artifacts.cache.checked import Checked, checked_key
    from artifacts.cache.checkout import Checkout, Outcome, Part
    from artifacts.cache.copies import PART_BYTES, Copies, key_of
    from artifacts.cache.delivered import (
        Delivered,
        Expected,
        Had,
        expected_details,
        expected_files,
        known_content,
    )
    from artifacts.cache.dereference import Fetch, References
    from artifacts.cache.digests import clear_digests, digests_size
    from artifacts.cache.ignore import IGNORE_FILE, Ignore, Patterns
    from artifacts.cache.intake import Intake
    from artifacts.cache.placement import CUT_BYTES
    from artifacts.cache.receipt import RECEIPT, Receipt, check_not_ours, is_ours
    from artifacts.cache.referring import MOST_OBJECTS, Referred, Wish, refer
    from artifacts.cache.renewal import Renewal
    from artifacts.cache.tree import FILES_ONLY, Keep, Tree
    from artifacts.cache.verify import Verdict, verify_copies
else:
    __getattr__ = lazily(
        __name__,
        {
            "auditing": "Changed Findings audit digest_of files_below",
            "caching": "CachedStore cached uncached",
            "checked": "Checked checked_key",
            "checkout": "Checkout Outcome Part",
            "copies": "PART_BYTES Copies key_of",
            "delivered": "Delivered Expected Had expected_details expected_files known_content",
            "dereference": "Fetch References",
            "digests": "clear_digests digests_size",
            "ignore": "IGNORE_FILE Ignore Patterns",
            "intake": "Intake",
            "placement": "CUT_BYTES",
            "receipt": "RECEIPT Receipt check_not_ours is_ours",
            "referring": "MOST_OBJECTS Referred Wish refer",
            "renewal": "Renewal",
            "tree": "FILES_ONLY Keep Tree",
            "verify": "Verdict verify_copies",
        },
    )

__all__ = [
    "CUT_BYTES",
    "FILES_ONLY",
    "IGNORE_FILE",
    "MOST_OBJECTS",
    "PART_BYTES",
    "RECEIPT",
    "CachedStore",
    "Changed",
    "Checked",
    "Checkout",
    "Copies",
    "Delivered",
    "Expected",
    "Fetch",
    "Findings",
    "Had",
    "Ignore",
    "Intake",
    "Keep",
    "Outcome",
    "Part",
    "Patterns",
    "Receipt",
    "References",
    "Referred",
    "Renewal",
    "Tree",
    "Verdict",
    "Wish",
    "audit",
    "cached",
    "check_not_ours",
    "checked_key",
    "clear_digests",
    "digest_of",
    "digests_size",
    "expected_details",
    "expected_files",
    "files_below",
    "is_ours",
    "key_of",
    "known_content",
    "refer",
    "uncached",
    "verify_copies",
]
