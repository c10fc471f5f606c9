"""Paging: every listing of theirs is a sequence that is gone through alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from artifact.samples import logged

from artifacts import Api
from artifacts.artifact import Paged

pytestmark = pytest.mark.usefixtures("store")

LISTINGS: dict[str, Callable[[Api], Paged[Any]]] = {
    "ArtifactFiles": lambda api: api.artifact("data:v0").files(per_page=1),
    "Artifacts": lambda api: api.artifacts("dataset", "data", per_page=1),
    "ArtifactCollections": lambda api: api.artifact_collections("uncategorized", "dataset", 1),
    "ArtifactTypes": lambda api: api.artifact_types(),
    "Registries": lambda api: api.registries(),
    "Collections": lambda api: api.registries().collections(),
    "Versions": lambda api: api.registries().versions(),
}


@pytest.fixture
def api() -> Api:
    """Of a store that has two of everything."""
    first = logged({"a": b"1", "b": b"2"})
    logged({"a": b"3"})
    logged({"c": b"4"}, name="other")
    second = logged({"m": b"1"}, name="net", type="model")
    first.link("wandb-registry-data/Data")
    second.link("wandb-registry-model/Nets")
    return Api()


@pytest.mark.parametrize("name", LISTINGS)
def test_every_listing_is_gone_through_alike(api: Api, name: str) -> None:
    listing = LISTINGS[name](api)
    assert type(listing).__name__ == name
    assert (listing.cursor, listing.more, bool(listing)) == (None, True, True)

    first, second = next(listing), listing.next()

    assert (listing.cursor, len(listing), listing.length) == ("2", 2, 2)
    assert repr(listing[0]) == repr(first)
    assert [repr(each) for each in listing[1:]] == [repr(second)]
    assert [repr(each) for each in listing] == [repr(first), repr(second)]
    assert not listing.more
    with pytest.raises(StopIteration):
        next(listing)
