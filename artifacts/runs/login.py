"""Login: what opens a store, kept from within a program, as `art login` does it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from artifacts.catalog import Session
from artifacts.credentials import Credentials
from artifacts.errors import StoreNotFoundError
from artifacts.settings import Settings

_PAIRS: Mapping[str, tuple[str, str]] = {
    "s3": ("key", "secret"),
    "s3a": ("key", "secret"),
    **dict.fromkeys(("az", "abfs", "abfss", "adl"), ("account_name", "account_key")),
}
_NO_STORES = ("http", "https")  # W&B's own hosts
_log = logging.getLogger(__name__)


def login(
    anonymous: Literal["must", "allow", "never"] | None = None,
    key: str | None = None,
    relogin: bool | None = None,
    host: str | None = None,
    force: bool | None = None,
    timeout: int | None = None,
    verify: bool = False,
) -> bool:
    """Keep what opens a store, if there is any need for it; True.

    `host` is the URL of a store, otherwise it is that of the settings. `key` is `<id>:<secret>`,
    or a JSON object of options for fsspec's filesystem. There are no accounts, so a key of W&B's,
    its host and the rest are taken and change nothing. With `verify` the store is asked, and what
    is wrong is raised: StorageError, NotAStoreError.
    """
    settings = Settings.load()
    if host and host.partition("://")[0] not in _NO_STORES:
        settings = replace(settings, store=host)
    if key and (options := _options_of(settings.store, key)):
        place = Credentials(settings.credentials_path).keep(settings.store, options)
        _log.info("what opens %s is kept in %s", settings.store, place)
    if verify:
        _ask(settings)
    return True


def _options_of(store: str, key: str) -> dict[str, Any]:
    """Nothing for a key that is none of the store's, or for a store that needs none."""
    names = _PAIRS.get(store.partition("://")[0])
    try:
        told = json.loads(key)
    except ValueError:
        told = None
    if isinstance(told, dict):
        return told if "://" in store else {}
    id_, colon, secret = key.partition(":")
    return {names[0]: id_, names[1]: secret} if names and colon else {}


def _ask(settings: Settings) -> None:
    try:
        _ = Session(settings).catalog.identity
    except StoreNotFoundError:
        _log.info("no store is at %s yet; the first write makes one", settings.store)
