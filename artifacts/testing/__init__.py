"""Contracts to inherit and faults to inject. Shipped, so that plug-in stores can use them."""

from artifacts.testing.contract import StoreContract
from artifacts.testing.faults import (
    CountingStore,
    EchoingStore,
    FailingStore,
    KillingStore,
    Request,
    SlowStore,
    TimelineStore,
)
from artifacts.testing.forking import GatedStore, is_true_in_child
from artifacts.testing.idle import wait_until_idle
from artifacts.testing.proxy import Exchange, Proxy, longest_chain
from artifacts.testing.schedule import Fault, Schedule, always, calm, seeded, strike

__all__ = [
    "CountingStore",
    "EchoingStore",
    "Exchange",
    "FailingStore",
    "Fault",
    "GatedStore",
    "KillingStore",
    "Proxy",
    "Request",
    "Schedule",
    "SlowStore",
    "StoreContract",
    "TimelineStore",
    "always",
    "calm",
    "is_true_in_child",
    "longest_chain",
    "seeded",
    "strike",
    "wait_until_idle",
]
