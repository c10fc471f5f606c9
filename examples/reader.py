"""Reader: an artifact out of a store, by docs/format.md alone, with nothing of what wrote it.

    python examples/reader.py STORE ENTITY/PROJECT/NAME:ALIAS FOLDER

STORE is a folder, and FOLDER is made. No byte gets into it that does not have its digest.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import zstandard
from blake3 import blake3

FILE, REFERENCE, SYMLINK, FOLDER = range(4)
KIND, MODE, URI, TARGET = 1, 2, 3, 6  # tags of an entry's details
MOST, MOST_DECODED, AT_ONCE = 2**28, 2**26, 2**20  # bytes of an object, of a span, of a read
LEADS_AWAY = re.compile(r"(^|[/\\])\.{0,2}([/\\]|$)|^[A-Za-z]:|\0")
FENCED = ["added", "committed", "placed"]  # what comes to nothing behind a fence
KNOWN = [*FENCED, "fenced", "removed", "renamed", "created", "deleted", "aliased", "unaliased"]
KNOWN += ["updated", "tagged", "untagged"]


def demand(truth: object, otherwise: str) -> None:
    if not truth:
        raise ValueError(otherwise)


def name_of(kind: str, digest: bytes, epoch: int) -> str:
    return f"{kind}/{digest.hex()}" + (f".{epoch}" if epoch else "")


class Change(NamedTuple):
    kind: str
    fields: dict[str, Any]
    carried: dict[str, bytes]  # objects that lie within its event


class Entry(NamedTuple):
    path: str
    size: int
    digest: bytes
    details: dict[int, bytes]
    spans: list[tuple[str, int, int, int, int]]  # blob, offset, stored length, size, codec

    @property
    def kind(self) -> int:
        return self.details.get(KIND, b"\0")[0]


class Store:
    def __init__(self, root: Path) -> None:
        self.root = root
        demand(json.loads((root / "store.json").read_bytes())["format"] == 1, "another format")

    def path(self, name: str) -> Path:
        kind, digest = name.split("/")
        return self.root / kind / digest[:2] / digest

    def changes(self, log: str) -> Iterator[Change]:
        """What happened and counts, from a chain of events that is whole."""
        fence, previous = 0, blake3(log.encode()).hexdigest()
        for number, path in enumerate(sorted((self.root / "logs" / log).iterdir())):
            digest, frame = path.read_bytes().split(b"\n", 1)
            header, tail = frame.split(b"\n", 1)
            demand(digest.decode() == blake3(frame).hexdigest(), f"{path} is damaged")
            event, carried = json.loads(header), {}
            found = path.name, event["log"], event["number"], event["previous"]
            demand(found == (f"{number:012}", log, number, previous), f"{path} is out of order")
            for name, length in event.get("objects", []):
                carried[name], tail = tail[:length], tail[length:]
            for fields in event["changes"]:
                is_known = event["fold"] == 1 and fields["kind"] in KNOWN
                demand(is_known or not event["critical"], f"{path} is of newer software")
                if fields["kind"] == "fenced":
                    fence = max(fence, fields["epoch"])
                elif is_known and (fields["kind"] not in FENCED or event["epoch"] >= fence):
                    yield Change(fields["kind"], fields, carried)
            previous = blake3(digest + b"\n" + frame).hexdigest()

    def ids(self, directory: str) -> dict[str, str]:
        """What each name stands for."""
        ids: dict[str, str] = {}
        floors: dict[str, tuple[int, str]] = {}
        for kind, fields, _ in self.changes(f"directory/{directory}"):
            name, to = fields["name"], fields.get("to", fields["name"])
            owner, (floor, last) = ids.get(name), floors.get(to, (0, ""))
            allowed = [None, fields.get("replaces")] if kind == "added" else [fields["id"]]
            is_taken = kind == "renamed" and (to in ids or (floor and last != owner))
            if owner in allowed and not is_taken:
                if owner:
                    floors[name] = max(floors.get(name, (0, ""))[0], fields.get("next", 0)), owner
                    del ids[name]
                if kind != "removed":
                    ids[to] = fields["id"]
        return ids

    def version(self, collection: str, alias: str) -> Change:
        """The change that said last where it is."""
        versions: dict[int, Change] = {}
        aliases: dict[str, int] = {}
        first = -1
        for change in self.changes(f"collection/{collection}"):
            kind, fields, carried = change
            number = fields.get("version", -1)
            demand(kind != "deleted", "the collection was deleted")
            if kind == "created" and first < 0:
                first = fields["first"]
            elif kind == "committed":
                digest = fields["manifest"].split(".")[0]
                number = first + len(versions)
                for other, before in versions.items():
                    number = other if before.fields["manifest"].split(".")[0] == digest else number
                versions[number] = change
                aliases |= dict.fromkeys(fields["aliases"], number)
            elif number in versions and kind == "placed":
                placed = versions[number].fields
                if placed["layout"] == fields["from"]:
                    versions[number] = Change(kind, placed | {"layout": fields["layout"]}, carried)
            elif number in versions and kind == "aliased":
                aliases[fields["alias"]] = number
            elif kind == "unaliased" and aliases.get(fields["alias"]) == number:
                del aliases[fields["alias"]]
        return versions[(aliases | {f"v{number}": number for number in versions})[alias]]

    def get(self, name: str, carried: dict[str, bytes]) -> bytes:
        """Canonical bytes of a page, layout or manifest."""
        stored = carried[name] if name in carried else self.path(name).read_bytes()
        codec, data = stored[0], stored[1:]
        if codec == 1:
            demand(0 <= zstandard.frame_content_size(data) <= MOST, f"{name} is too long")
            data = zstandard.decompress(data)
        is_right = codec < 2 and blake3(data).hexdigest() == re.split(r"[/.]", name)[1]
        demand(is_right, f"{name} is damaged")
        return data

    def read(self, blob: str, offset: int, stored: int, size: int, codec: int) -> Iterator[bytes]:
        """What a span decodes to; less if the blob ends before."""
        with self.path(blob).open("rb") as file:
            file.seek(offset)
            for start in range(0, 0 if codec else size, AT_ONCE):
                yield file.read(min(AT_ONCE, size - start))
            if codec:
                demand(codec == 1 and max(stored, size) <= MOST_DECODED, f"{blob} cannot be read")
                decoder = zstandard.ZstdDecompressor()
                yield decoder.stream_reader(file.read(stored), read_across_frames=True).read(size)

    def entries(self, version: Change) -> Iterator[Entry]:
        carried = version.carried
        manifest, layout = (
            self.get(version.fields[each], carried) for each in ("manifest", "layout")
        )
        magic, n = struct.unpack_from("<8sI", manifest)
        head = b"artlayo1" + blake3(manifest).digest() + struct.pack("<I", n)
        demand(magic == b"artmani1" and layout[:44] == head, "manifest and layout do not fit")
        for i in range(n):
            digest = manifest[16 + 16 * n + 32 * i :][:32]
            epoch, places, places_epoch = struct.unpack_from("<I32sI", layout, 44 + 40 * i)
            page = self.get(name_of("pages", digest, epoch), carried)
            yield from placed(page, self.get(name_of("layouts", places, places_epoch), carried))


def placed(page: bytes, layout: bytes) -> list[Entry]:
    """The entries of a page, and where its layout says that their bytes lie."""
    magic, n, p, d = struct.unpack_from("<8sIII", page)
    demand((magic, layout[:12]) == (b"artpage1", b"artspan1" + struct.pack("<I", n)), "malformed")
    paths, sizes = page[20:].split(b"\0", n), struct.unpack_from(f"<{n}Q", page, 20 + p)
    digests = [page[20 + p + 8 * n + 32 * i :][:32] for i in range(n)]
    entries = [Entry(paths[i].decode(), sizes[i], digests[i], {}, []) for i in range(n)]
    at = 20 + p + 40 * n
    for _ in range(d):
        index, length = struct.unpack_from("<II", page, at)
        at, stop = at + 8, at + 8 + length
        while at < stop:
            tag, length = struct.unpack_from("<BH", page, at)
            entries[index].details[tag] = page[at + 3 : at + 3 + length]
            at += 3 + length

    b, r, s = struct.unpack_from("<III", layout, 12)
    at = 24 + 36 * b
    blobs = [name_of("blobs", *row) for row in struct.iter_unpack("<32sI", layout[24:at])]
    for first, count, blob, start in struct.iter_unpack("<IIIQ", layout[at : at + 20 * r]):
        offset = start
        for entry in entries[first : first + count]:
            entry.spans.append((blobs[blob], offset, entry.size, entry.size, 0))
            offset += entry.size
    at += 20 * r
    for _ in range(s):
        index, count = struct.unpack_from("<II", layout, at)
        at, spans = at + 8 + 29 * count, layout[at + 8 : at + 8 + 29 * count]
        for blob, *where in struct.iter_unpack("<IQQQB", spans):
            entries[index].spans.append((blobs[blob], *where))
    for entry in entries:
        if not entry.spans:
            entry.spans.append((name_of("blobs", entry.digest, 0), 0, entry.size, entry.size, 0))
    return entries


def write(store: Store, entry: Entry, root: Path) -> None:
    demand(not LEADS_AWAY.search(entry.path), f"{entry.path!r} leads elsewhere")
    path = root / entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == REFERENCE:
        print(entry.path, "stays at", entry.details[URI].decode())
    elif entry.kind == SYMLINK:
        path.symlink_to(entry.details[TARGET].decode())
    elif entry.kind == FOLDER:
        path.mkdir()
    else:
        hasher, size = blake3(), 0
        unchecked = root.with_name(f"{root.name}.unchecked")
        with unchecked.open("wb") as file:
            for span in entry.spans if entry.size else []:
                for data in store.read(*span):
                    hasher.update(data)
                    size += file.write(data)
        demand((hasher.digest(), size) == (entry.digest, entry.size), f"{entry.path} is damaged")
        demand(not path.exists(), f"{entry.path} is there twice")
        unchecked.rename(path)
        if MODE in entry.details:
            path.chmod(int.from_bytes(entry.details[MODE], "little") & 0o777)


def main(place: str, name: str, folder: str) -> None:
    store, root = Store(Path(place)), Path(folder)
    entity, project, collection, alias = re.split("[/:]", name)
    ids = store.ids(store.ids("root")[f"{entity}/{project}"])
    entries = store.entries(store.version(ids[collection], alias))
    root.mkdir(parents=True)
    for entry in sorted(entries, key=lambda each: each.kind == SYMLINK):  # none is written through
        write(store, entry, root)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (OSError, LookupError, ValueError, struct.error, zstandard.ZstdError) as error:
        sys.exit(f"refused: {error!r}")
