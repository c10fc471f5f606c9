"""Contracts to inherit and faults to inject. Shipped, so that plug-in stores can use them."""

from artifacts.testing.contract import StoreContract
from artifacts.testing.faults import (
    CountingStore,
    FailingStore,
    KillingStore,
    Request,
    SlowStore,
    TimelineStore,
)

__all__ = [
    "CountingStore",
    "FailingStore",
    "KillingStore",
    "Request",
    "SlowStore",
    "StoreContract",
    "TimelineStore",
]
