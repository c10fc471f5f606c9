"""RemoteStore keeps the contract on every server that it is meant for."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers.fleet import STORES, Fleet

from artifacts.storage import ObjectStore
from artifacts.storage.remote import RemoteStore
from artifacts.testing import StoreContract


@pytest.mark.parametrize("name", STORES)
class TestRemoteStore(StoreContract):
    many = 1_100  # more than S3 lists in one answer

    @pytest.fixture
    def store(self, name: str, fleet: Fleet, tmp_path: Path) -> ObjectStore:
        server = fleet.server(name)
        return RemoteStore(server.place(), server.options, spool=tmp_path / "spool")
