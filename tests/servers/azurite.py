"""Azurite: Microsoft's emulator of its own blob storage."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import adlfs

from servers.server import HOST, NPM_INSTALL, Server, find, free_port, running

_ACCOUNT, _KEY = "account", b64encode(b"of no other account").decode()
_CONTAINER = "container"


@contextmanager
def run(folder: Path) -> Iterator[Server]:
    program = find("azurite-blob", f"{NPM_INSTALL} azurite")
    port = free_port()
    place = ["--blobHost", HOST, "--blobPort", str(port)]
    memory = ["--inMemoryPersistence", "--extentMemoryLimit", "4096"]
    rest = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    accounts = {"AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_KEY}"}
    with running([program, *place, *memory, *rest], folder, port, accounts):
        endpoint = f"http://{HOST}:{port}/{_ACCOUNT}"
        fields = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": _ACCOUNT,
            "AccountKey": _KEY,
            "BlobEndpoint": endpoint,
        }
        options = {"connection_string": ";".join(f"{key}={fields[key]}" for key in fields)}
        adlfs.AzureBlobFileSystem(**options, skip_instance_cache=True).mkdir(_CONTAINER)
        yield Server("az", _CONTAINER, options, {})
