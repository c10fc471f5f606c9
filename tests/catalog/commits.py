"""Commits: small versions in a store in memory, and what is found of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts.catalog import Catalog, Draft, Facts, Version
from artifacts.errors import ArtifactNotFoundError
from artifacts.names import ArtifactName, CollectionName
from artifacts.storage import MemoryStore

STORE = b'{"format":1,"id":"0123456789abcdef0123456751ec491f"}\n'
NOWHERE = Path("/nowhere")
DATA = CollectionName("team", "proj", "data")
OTHER = CollectionName("team", "proj", "other")


def new_store() -> MemoryStore:
    store = MemoryStore("here")
    store.create("store.json", STORE)
    return store


def draft_of(
    catalog: Catalog, files: Mapping[str, bytes], name: str = "data", type_: str = "dataset"
) -> Draft:
    draft = Draft(name, type_, catalog.intake(NOWHERE))
    for path, data in files.items():
        draft.add_bytes(data, path)
    return draft


def commit(catalog: Catalog, content: str, name: str = "data", **facts: Any) -> Version:  # noqa: ANN401
    """A version of one file, whose bytes are the content."""
    draft = draft_of(catalog, {"file": content.encode()}, name)
    return catalog.commit(draft, "team", "proj", Facts(**facts))


def named(text: str) -> ArtifactName:
    return ArtifactName.parse(text, entity="team", project="proj")


def content_of(version: Version) -> str:
    return b"".join(version.read("file")).decode()


def found(catalog: Catalog, text: str) -> str:
    return content_of(catalog.resolve(named(text)))


def contents(catalog: Catalog, name: CollectionName = DATA) -> dict[int, str]:
    """Content by number; nothing if there is no such collection."""
    try:
        return {each.row.number: content_of(each) for each in catalog.versions(name)}
    except ArtifactNotFoundError:
        return {}
