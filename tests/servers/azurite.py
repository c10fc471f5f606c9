"""Azurite: Microsoft's emulator of its own blob storage.

It answers the slower the more blobs there are, and nobody at all while it looks for what no blob
needs any more, for minutes: so places are containers that go in time, and it never looks.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from azure.storage.blob import BlobServiceClient

from servers.server import HOST, NPM_INSTALL, Server, find, free_port, running

_ACCOUNT, _KEY = "account", b64encode(b"of no other account").decode()
_CONTAINER = "container"
_NEVER_MS = 2**31 - 1  # the longest that node waits


@dataclass(frozen=True, slots=True)
class _Account(Server):
    service: BlobServiceClient

    def place(self) -> str:
        name = uuid4().hex
        self.service.create_container(name)
        return f"{self.scheme}://{name}/store"

    def clear(self, place: str) -> None:
        self.service.delete_container(urlsplit(place).netloc)


@contextmanager
def run(folder: Path) -> Iterator[Server]:
    program = find("azurite-blob", f"{NPM_INSTALL} azurite")
    port = free_port()
    place = ["--blobHost", HOST, "--blobPort", str(port)]
    memory = ["--inMemoryPersistence", "--extentMemoryLimit", "4096"]
    rest = ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    environment = {
        "AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_KEY}",
        "NODE_OPTIONS": f"--require={_never_looking(Path(program), folder)}",
    }
    with running([program, *place, *memory, *rest], folder, port, environment):
        endpoint = f"http://{HOST}:{port}/{_ACCOUNT}"
        fields = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": _ACCOUNT,
            "AccountKey": _KEY,
            "BlobEndpoint": endpoint,
        }
        connection = ";".join(f"{key}={fields[key]}" for key in fields)
        service = BlobServiceClient.from_connection_string(connection)
        service.create_container(_CONTAINER)
        yield _Account("az", _CONTAINER, {"connection_string": connection}, {}, service)


def _never_looking(program: Path, folder: Path) -> Path:
    """A script that node runs first: how often it looks is no option."""
    constants = program.resolve().parent / "utils" / "constants"
    script = folder / "never-looking.js"
    script.write_text(f'require("{constants}").DEFAULT_GC_INTERVAL_MS = {_NEVER_MS};\n')
    return script
