"""Far: a scene whose store is a bucket of a real server, and its way there through a proxy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scene import DATA, Scene
from servers.server import HOST, Server

from artifacts.cache import Outcome
from artifacts.catalog import Catalog, Session, download
from artifacts.settings import Settings
from artifacts.storage import Address, ObjectStore, place_at
from artifacts.testing import Proxy

_IMPATIENT: Mapping[str, Mapping[str, Any]] = {  # what one waits for an answer, each client's way
    "s3": {"config_kwargs": {"connect_timeout": 1, "read_timeout": 1}},
    "az": {"connection_timeout": 1, "read_timeout": 1},
    "gs": {"requests_timeout": 1},
}


@dataclass(frozen=True, slots=True)
class FarScene(Scene):
    """One user's machine is below `folder`, the store elsewhere."""

    url: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def copied_to(cls, server: Server, begun: Scene, folder: Path) -> FarScene:
        """With all that a local store has."""
        scene = cls(folder, server.place(), server.options)
        remote = scene.remote
        for key in begun.store.list():
            remote.write(key, begun.store.read(key))
        return scene

    def brought_home(self, folder: Path) -> Scene:
        """A local copy of the store, to be read by what no network can disturb."""
        near, remote = Scene(folder), self.remote
        for key in remote.list():
            path = near.store.path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(remote.read(key))
        return near

    @property
    def settings(self) -> Settings:
        near = Scene(self.folder).settings
        return replace(near, store=self.url, storage_options=self.options)

    @property
    def catalog(self) -> Catalog:
        """As a new process opens it, which has what this machine has."""
        return Session(self.settings).catalog

    @property
    def remote(self) -> ObjectStore:
        return place_at(Address(self.url, self.options))

    @property
    def port(self) -> int:
        """Of the server."""
        return port_of(self.options)

    def behind(self, proxy: Proxy) -> FarScene:
        """The same store and machine, but by way of the proxy and in a hurry."""
        options = moved(self.options, f"{HOST}:{self.port}", f"{HOST}:{proxy.port}")
        impatient = _IMPATIENT[self.url.partition(":")[0]]
        both = {
            key: {**options[key], **impatient[key]} for key in options.keys() & {"config_kwargs"}
        }
        return replace(self, options={**options, **impatient, **both})

    def on(self, folder: Path) -> FarScene:
        """The same store from another machine."""
        return replace(self, folder=folder)

    def deliver(self, number: int, folder: Path) -> Outcome:
        """Put a version into a folder, as a new process does."""
        name = f"{DATA.collection}:v{number}"
        return download(Session(self.settings).resolve(name), folder)


def port_of(options: Mapping[str, Any]) -> int:
    """Of the server that a client's options lead to."""
    [port] = {*re.findall(f"{HOST}:([0-9]+)", str(options))}
    return int(port)


def moved(value: Any, old: str, new: str) -> Any:  # noqa: ANN401  # options are JSON
    """The same with another address of the server, wherever it stands."""
    if isinstance(value, Mapping):
        return {key: moved(each, old, new) for key, each in value.items()}
    return value.replace(old, new) if isinstance(value, str) else value
