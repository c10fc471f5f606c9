"""Upkeep: a whole store verified, mended, collected, repacked and copied.

Each job is entered by its own module: a command loads the one that it does. That of `art verify`,
which needs none for a folder, is found behind this door when it is called.
"""

from artifacts.door import lazily

TYPE_CHECKING = False  # as in `artifacts`
if TYPE_CHECKING:
    from artifacts.catalog.upkeep.report import Report
    from artifacts.catalog.upkeep.verify import kind_of, verify_store, verify_version
else:
    __getattr__ = lazily(
        __name__, {"report": "Report", "verify": "kind_of verify_store verify_version"}
    )

__all__ = ["Report", "kind_of", "verify_store", "verify_version"]
