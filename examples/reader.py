"""Reader: the files of an artifact out of a store, by docs/format.md alone.

    python examples/reader.py STORE ENTITY/PROJECT/NAME:ALIAS FOLDER

STORE is a folder, and FOLDER is made. No byte gets into it that does not have its digest. What is
no file is named and left out.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import zstandard
from blake3 import blake3

LEADS_AWAY = re.compile(r"(^|[/\\])\.{0,2}([/\\]|$)|^[A-Za-z]:|\0")
FENCED = ["added", "opened", "committed", "placed"]  # what comes to nothing behind a fence
KNOWN = [*FENCED, "fenced", "removed", "renamed", "created", "deleted", "aliased", "unaliased"]
KNOWN += ["updated", "tagged", "untagged", "described", "labelled", "unlabelled", "retained"]
KNOWN += ["retyped", "closing"]
NAMING = ["added", "opened", "removed", "renamed"]


def demand(truth: object, otherwise: str) -> None:
    if not truth:
        raise ValueError(otherwise)


def name_of(kind: str, digest: bytes, epoch: int) -> str:
    return f"{kind}/{digest.hex()}" + (f".{epoch}" if epoch else "")


class Store:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.carried: dict[str, bytes] = {}  # objects that lie within events
        demand(json.loads((root / "store.json").read_bytes())["format"] == 1, "another format")

    def changes(self, log: str) -> Iterator[dict[str, Any]]:
        """What happened and counts, from a chain of events that is whole."""
        fence, previous = 0, blake3(log.encode()).hexdigest()
        for number, path in enumerate(sorted((self.root / "logs" / log).iterdir())):
            digest, frame = path.read_bytes().split(b"\n", 1)
            header, tail = frame.split(b"\n", 1)
            event = json.loads(header)
            found = digest.decode(), path.name, *(event[k] for k in ("log", "number", "previous"))
            wanted = blake3(frame).hexdigest(), f"{number:012}", log, number, previous
            demand(found == wanted, f"{path} is damaged, or out of order")
            previous = blake3(digest + b"\n" + frame).hexdigest()
            for name, length in event.get("objects", []):
                self.carried[name], tail = tail[:length], tail[length:]
            for change in event["changes"]:
                is_known = event["fold"] == 1 and change["kind"] in KNOWN
                demand(is_known or not event["critical"], f"{path} says what is not known here")
                if change["kind"] == "fenced":
                    fence = max(fence, change["epoch"])
                elif is_known and (change["kind"] not in FENCED or event["epoch"] >= fence):
                    yield change

    def ids(self, directory: str) -> dict[str, str]:
        """What each name stands for."""
        ids: dict[str, str] = {}
        past: dict[str, str] = {}  # whose versions a name showed before
        for change in self.changes(f"directory/{directory}"):
            kind, name = change["kind"], change.get("name", "")
            owner, to = ids.get(name), change.get("to", name)
            allowed = [None, change.get("replaces")] if kind in FENCED else [change.get("id")]
            is_taken = kind == "renamed" and (to in ids or past.get(to, owner) != owner)
            if kind in NAMING and owner in allowed and not is_taken:
                if owner and (change.get("next") or name in past):
                    past[name] = owner
                ids.pop(name, None)
                if kind != "removed":
                    ids[to] = change["id"]
        return ids

    def version(self, collection: str, alias: str) -> dict[str, Any]:
        """The commit of a version, with the layout that was named last."""
        versions: dict[int, dict[str, Any]] = {}
        aliases: dict[str, int] = {}
        first = -1
        for change in self.changes(f"collection/{collection}"):
            kind, number = change["kind"], change.get("version", -1)
            demand(kind != "deleted", "the collection was deleted")
            if kind == "created" and first < 0:
                first = change["first"]
            elif kind == "committed":
                digests = [each["manifest"].split(".")[0] for each in versions.values()]
                digest = change["manifest"].split(".")[0]
                number = first + (digests.index(digest) if digest in digests else len(digests))
                versions[number] = change
                aliases |= dict.fromkeys(change["aliases"], number)
            elif kind == "placed" and versions.get(number, {}).get("layout") == change["from"]:
                versions[number] = versions[number] | {"layout": change["layout"]}
            elif kind == "aliased" and number in versions:
                aliases[change["alias"]] = number
            elif kind == "unaliased" and aliases.get(change["alias"]) == number:
                del aliases[change["alias"]]
        return versions[(aliases | {f"v{number}": number for number in versions})[alias]]

    def path(self, name: str) -> Path:
        kind, digest = name.split("/")
        return self.root / kind / digest[:2] / digest

    def get(self, name: str) -> bytes:
        """Canonical bytes of a page, layout or manifest."""
        stored = self.carried.get(name) or self.path(name).read_bytes()
        data = zstandard.decompress(stored[1:]) if stored[0] == 1 else stored[1:]
        demand(blake3(data).hexdigest() == re.split(r"[/.]", name)[1], f"{name} is damaged")
        return data

    def pages(self, version: dict[str, Any]) -> Iterator[tuple[bytes, bytes]]:
        """Each page and its layout."""
        manifest, layout = self.get(version["manifest"]), self.get(version["layout"])
        magic, n = struct.unpack_from("<8sI", manifest)
        head = b"artlayo1" + blake3(manifest).digest() + struct.pack("<I", n)
        demand(magic == b"artmani1" and layout[:44] == head, "manifest and layout do not fit")
        for i in range(n):
            digest = manifest[16 + 16 * n + 32 * i :][:32]
            epoch, *places = struct.unpack_from("<I32sI", layout, 44 + 40 * i)
            yield self.get(name_of("pages", digest, epoch)), self.get(name_of("layouts", *places))

    def read(self, blob: str, offset: int, stored: int, size: int, codec: int) -> Iterator[bytes]:
        """What a span decodes to; less if the blob ends before."""
        with self.path(blob).open("rb") as file:
            file.seek(offset)
            if codec == 1:
                frames = zstandard.ZstdDecompressor()
                yield frames.stream_reader(file.read(stored), read_across_frames=True).read(size)
            while codec == 0 and size and (data := file.read(min(size, 2**20))):
                yield data
                size -= len(data)


def files(page: bytes, layout: bytes) -> Iterator[tuple[str, int, bytes, list[Any]]]:
    """Path, size, digest and spans, which are where the layout says that the bytes lie."""
    magic, n, p, d = struct.unpack_from("<8sIII", page)
    demand((magic, layout[:12]) == (b"artpage1", b"artspan1" + struct.pack("<I", n)), "malformed")
    paths, sizes = page[20:].split(b"\0", n), struct.unpack_from(f"<{n}Q", page, 20 + p)
    others, at = set(), 20 + p + 40 * n
    for _ in range(d):
        index, length, tag, _, kind = struct.unpack_from("<IIBHB", page, at)
        others |= {index} if tag == 1 and kind else set()
        at += 8 + length

    b, r, s = struct.unpack_from("<III", layout, 12)
    at = 24 + 36 * b
    blobs = [name_of("blobs", *row) for row in struct.iter_unpack("<32sI", layout[24:at])]
    spans: dict[int, list[Any]] = {}
    for first, count, blob, start in struct.iter_unpack("<IIIQ", layout[at : at + 20 * r]):
        offsets = accumulate(sizes[first : first + count], initial=start)
        for i, offset in zip(range(first, first + count), offsets, strict=False):
            spans[i] = [(blobs[blob], offset, sizes[i], sizes[i], 0)]
    at += 20 * r
    for _ in range(s):
        index, count = struct.unpack_from("<II", layout, at)
        at, rows = at + 8 + 29 * count, layout[at + 8 : at + 8 + 29 * count]
        spans[index] = [
            (blobs[blob], *where) for blob, *where in struct.iter_unpack("<IQQQB", rows)
        ]
    for i, (path, size) in enumerate(zip(paths[:n], sizes, strict=True)):
        digest = page[20 + p + 8 * n + 32 * i :][:32]
        whole = [(name_of("blobs", digest, 0), 0, size, size, 0)]
        if i in others:
            print(path.decode(), "is no file")
        else:
            yield path.decode(), size, digest, spans.get(i, whole) if size else []


def main(place: str, name: str, folder: str) -> None:
    store, root = Store(Path(place)), Path(folder)
    entity, project, collection, alias = re.split("[/:]", name)
    ids = store.ids(store.ids("root")[f"{entity}/{project}"])
    version = store.version(ids[collection], alias)
    root.mkdir(parents=True)
    unchecked = root.with_name(f"{root.name}.unchecked")
    for each in store.pages(version):
        for path, size, digest, spans in files(*each):
            demand(not LEADS_AWAY.search(path), f"{path!r} leads elsewhere")
            hasher, target = blake3(), root / path
            with unchecked.open("wb") as file:
                for data in (data for span in spans for data in store.read(*span)):
                    hasher.update(data)
                    file.write(data)
            is_right = (hasher.digest(), unchecked.stat().st_size) == (digest, size)
            demand(is_right and not target.exists(), f"{path} is damaged, or there twice")
            target.parent.mkdir(parents=True, exist_ok=True)
            unchecked.rename(target)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, LookupError, ValueError, struct.error, zstandard.ZstdError) as error:
        sys.exit(f"refused: {error!r}")
