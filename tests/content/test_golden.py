"""Golden: format version 1 as it was frozen; code and document agree with it to the byte.

A difference here is a new format, whatever else it is: the vectors are never regenerated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from content_strategies import cutting_names, row_of, starts_a_page

from artifacts.catalog.collection import CollectionState
from artifacts.content import Detail, Digest, Kind, Manifest, Row, build
from artifacts.content.cut import MAX_ENTRIES, MAX_PATH_BYTES, cut
from artifacts.content.entry import MAX_SIZE, MAX_TAG, MAX_TARGET, MAX_URI
from artifacts.content.manifest import MAX_MANIFEST_BYTES
from artifacts.content.page import MAX_BYTES as MAX_PAGE
from artifacts.content.path import MAX_BYTES as MAX_PATH
from artifacts.storage import (
    BLOBS,
    LAYOUTS,
    PAGES,
    Fold,
    Layout,
    Log,
    MemoryStore,
    Name,
    PageLayout,
    Place,
    Span,
)

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden.json").read_text())
DOCUMENT = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
BLOCKS = re.findall(r"^```(\w+) ([\w-]+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
ARTIFACTS: dict[str, dict[str, Any]] = GOLDEN["artifacts"]
LOG: dict[str, Any] = GOLDEN["log"]

LIMITS = {
    "entries of a page": MAX_ENTRIES,
    "bytes of a page's paths, NULs included": MAX_PATH_BYTES,
    "path": MAX_PATH,
    "symlink's target": MAX_TARGET,
    "uri": MAX_URI,
    "etag; version of a reference": MAX_TAG,
    "size of a file; sum of an artifact's sizes": MAX_SIZE,
    "canonical page": MAX_PAGE,
    "canonical manifest": MAX_MANIFEST_BYTES,
}


@pytest.mark.parametrize("vector", ARTIFACTS.values(), ids=ARTIFACTS.keys())
def test_code_makes_exactly_these_bytes(vector: Mapping[str, Any]) -> None:
    assert made_of(vector) == vector["bytes"]


@pytest.mark.parametrize("vector", ARTIFACTS.values(), ids=ARTIFACTS.keys())
def test_code_reads_these_bytes(vector: Mapping[str, Any]) -> None:
    data = {name: bytes.fromhex(text) for name, text in vector["bytes"].items()}
    manifest = Manifest.decode(data["manifest"], "manifest")
    pages = [row.check(data["page"]) for row in manifest.rows]
    layout = Layout.decode(
        data["layout"], manifest.digest, [row.digest for row in manifest.rows], "layout"
    )

    assert {entry.path: entry.row for page in pages for entry in page} == rows_of(vector)
    for page, name in zip(pages, layout.layouts, strict=True):
        assert name == Name(LAYOUTS, Digest.of(data["page layout"]))
        places = PageLayout.decode(data["page layout"], page, "page layout")
        for index, entry in enumerate(page):
            spans = places.spans(page, index)
            content = b"".join(vector["pack"].encode()[s.offset :][: s.stored] for s in spans)
            assert not spans or Digest.of(content) == entry.digest


@pytest.mark.parametrize("name", ARTIFACTS)
def test_document_shows_these_bytes(name: str) -> None:
    [text] = [text for kind, title, text in BLOCKS if (kind, title) == ("vector", name)]
    shown = dict(re.findall(r"^(\S.*):\n((?:    \S+\n)*)", text, re.MULTILINE))

    assert {key: "".join(value.split()) for key, value in shown.items()} == ARTIFACTS[name]["bytes"]


def test_pages_are_cut_where_they_were() -> None:
    assert cutting_names()[:8] == GOLDEN["cut"]["starts a page"]

    names = (b"%08d" % i for i in range(30_000))
    paths = [name for name in names if not starts_a_page(name)][:20_000]
    assert [paths[start].decode() for start, _ in cut(paths)] == GOLDEN["cut"]["long run"]


def test_document_says_where_pages_are_cut() -> None:
    for key in ("starts a page", "long run"):
        assert " ".join(f"`{path}`" for path in GOLDEN["cut"][key]) in " ".join(DOCUMENT.split())


def test_document_states_the_limits() -> None:
    _, _, rest = DOCUMENT.partition("\n## Constants and limits\n")
    section, _, _ = rest.partition("\n## ")
    table = dict(re.findall(r"^\| (.+?) \| (?:at most )?(.+?) \|$", section, re.MULTILINE))

    assert {name: number_of(table[name]) for name in LIMITS} == LIMITS


def test_log_adds_up_to_what_it_did() -> None:
    store = MemoryStore("golden")
    for number, text in enumerate(LOG["events"]):
        store.create(f"logs/{LOG['name']}/{number:012}", text.encode())

    log = Log(store, LOG["name"])
    fold = Fold(log, CollectionState).refresh()
    [row] = fold.state

    assert [event.digest.hex() for event in map(log.read, range(2))] == LOG["digests"]
    assert (fold.state.name, fold.state.type) == ("greeting", "dataset")
    assert fold.state.aliases == {"latest": 0, "prod": 0}
    assert row.manifest.digest.hex() == ARTIFACTS["one-file"]["bytes"]["artifact digest"]
    assert row.layout.digest.hex() == ARTIFACTS["one-file"]["bytes"]["layout digest"]


def test_document_shows_these_events() -> None:
    assert [text for kind, _, text in BLOCKS if kind == "event"] == LOG["events"]
    assert all(digest in DOCUMENT for digest in LOG["digests"])


def number_of(text: str) -> int:
    """`2^63 - 1` or `4096 bytes`, as the document writes them."""
    match = re.match(r"(\d+)(?:\^(\d+))?( - 1)?", text)
    assert match is not None
    base, power, less = match.groups()
    number: int = int(base) ** int(power or 1)
    return number - bool(less)


def made_of(vector: Mapping[str, Any]) -> dict[str, str]:
    """What the code makes of a vector's entries, all in hex."""
    pack = vector["pack"].encode()
    blob = Name(BLOBS, Digest.of(pack))
    contents = [content_of(entry) for entry in vector["entries"]]
    places: dict[bytes, Place] = {Digest.of(c): (0, pack.index(c)) for c in contents if c in pack}
    pieces: dict[bytes, Sequence[Span]] = {
        Digest.of(c): [
            Span(blob, pack.index(part), len(part), len(part)) for part in (c[:6], c[6:])
        ]
        for c in contents
        if c not in pack
    }
    made: dict[str, str] = {}
    rows, layouts = [], []
    for row, page, data in build(rows_of(vector)):
        layout = PageLayout.of(page, places, [blob], pieces).encode()
        rows.append(row)
        layouts.append(Name(LAYOUTS, Digest.of(layout)))
        made |= {"page": data.hex(), "page digest": row.digest.hex(), "page layout": layout.hex()}
    manifest = Manifest(tuple(rows))
    root = Layout(manifest.digest, [Name(PAGES, row.digest) for row in rows], layouts).encode()
    return made | {
        "manifest": manifest.data.hex(),
        "artifact digest": manifest.digest.hex(),
        "layout": root.hex(),
        "layout digest": Digest.of(root).hex(),
    }


def rows_of(vector: Mapping[str, Any]) -> dict[str, Row]:
    return {entry["path"]: golden_row(entry) for entry in vector["entries"]}


def golden_row(entry: Mapping[str, Any]) -> Row:
    facts = {key: entry[key] for key in ("uri", "etag", "version", "target") if key in entry}
    if "mode" in entry:
        facts["mode"] = int(entry["mode"], 8)
    detail = Detail(kind=Kind[entry["kind"].upper()], **facts) if facts or "kind" in entry else None
    if detail is None or detail.kind is Kind.FILE:
        return (Digest.of(content_of(entry)), len(content_of(entry)), detail)
    return row_of(detail, entry.get("size"))


def content_of(entry: Mapping[str, Any]) -> bytes:
    return str(entry.get("content", "")).encode()
