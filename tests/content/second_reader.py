"""SecondReader: docs/format.md turned into a program that shares no line with ours."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import zstandard
from blake3 import blake3

FILE, REFERENCE, SYMLINK, FOLDER = range(4)


def hex_of(data: bytes) -> str:
    return blake3(data).hexdigest()


@dataclass
class Found:
    """One entry as a page and its layout describe it."""

    path: str
    kind: int
    digest: bytes
    size: int | None
    detail: dict[int, bytes]
    content: bytes | None = None


class SecondReader:
    """Reads a store in a folder. Every `assert` is a *must* of the document."""

    def __init__(self, root: Path) -> None:
        self.root = root
        assert json.loads((root / "store.json").read_bytes())["format"] == 1

    def version(self, entity: str, project: str, collection: str, alias: str) -> list[Found]:
        project_id = self._names("root")[f"{entity}/{project}"]
        log = f"collection/{self._names(project_id)[collection]}"
        rows: list[tuple[dict[str, Any], dict[str, bytes]]] = []
        aliases: dict[str, int] = {}
        for event, objects in self._events(log):
            for change in event["changes"]:
                if change["kind"] == "committed":
                    digests = [row["manifest"].split("/")[1] for row, _ in rows]
                    digest = change["manifest"].split("/")[1]
                    if digest not in digests:
                        rows.append((change, objects))
                        digests.append(digest)
                    aliases |= dict.fromkeys(change["aliases"], digests.index(digest))
                elif change["kind"] == "aliased":
                    aliases[change["alias"]] = change["version"]
        change, objects = rows[aliases[alias]]
        return list(self._entries(change, objects))

    def _names(self, directory: str) -> dict[str, str]:
        names: dict[str, str] = {}
        for event, _ in self._events(f"directory/{directory}"):
            for change in event["changes"]:
                assert change["kind"] == "added"
                names.setdefault(change["name"], change["id"])
        return names

    def _events(self, log: str) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
        previous = hex_of(log.encode())
        for number, path in enumerate(sorted((self.root / "logs" / log).iterdir())):
            assert path.name == f"{number:012}"
            data = path.read_bytes()
            first, _, rest = data.partition(b"\n")
            assert first.decode() == hex_of(rest)
            line, _, tail = rest.partition(b"\n")
            event = json.loads(line)
            assert (event["log"], event["number"], event["previous"]) == (log, number, previous)
            assert event["fold"] == 1
            objects = {}
            for name, length in event.get("objects", []):
                objects[name], tail = tail[:length], tail[length:]
            assert not tail
            previous = hex_of(data)
            yield event, objects

    def _object(self, name: str, objects: dict[str, bytes]) -> bytes:
        stored = objects[name] if name in objects else self._path(name).read_bytes()
        codec, payload = stored[0], stored[1:]
        data = payload if codec == 0 else zstandard.ZstdDecompressor().decompress(payload)
        assert codec in (0, 1)
        assert hex_of(data) == self._path(name).name
        return data

    def _path(self, name: str) -> Path:
        kind, digest = name.split("/")
        return self.root / kind / digest[:2] / digest

    def _entries(self, change: dict[str, Any], objects: dict[str, bytes]) -> Iterator[Found]:
        manifest = self._object(change["manifest"], objects)
        layout = self._object(change["layout"], objects)
        magic, n, p = struct.unpack_from("<8sII", manifest)
        assert (magic, len(manifest)) == (b"artmani1", 16 + 48 * n + p)
        assert layout[:44] == b"artlayo1" + bytes.fromhex(hex_of(manifest)) + struct.pack("<I", n)
        counts = struct.unpack_from(f"<{n}I", manifest, 16)
        lengths = struct.unpack_from(f"<{n}I", manifest, 16 + 4 * n)
        sums = struct.unpack_from(f"<{n}Q", manifest, 16 + 8 * n)
        names = manifest[16 + 48 * n :].split(b"\0")
        assert (sum(counts), sum(sums)) == (change["entries"], change["size"])
        everything: list[Found] = []
        starts = set()
        for i in range(n):
            digest = manifest[16 + 16 * n + 32 * i :][:32]
            epoch, spans, spans_epoch = struct.unpack_from("<I32sI", layout, 44 + 40 * i)
            assert epoch == spans_epoch == 0
            page = self._object(f"pages/{digest.hex()}", objects)
            found = parse_page(page)
            assert (len(found), len(page)) == (counts[i], lengths[i])
            assert sum(each.size or 0 for each in found) == sums[i]
            assert [found[0].path.encode(), found[-1].path.encode()] == names[2 * i : 2 * i + 2]
            self._place(found, self._object(f"layouts/{spans.hex()}", objects))
            starts.add(found[0].path)
            everything += found
        assert starts == set(cut([found.path for found in everything]))
        yield from everything

    def _place(self, page: list[Found], layout: bytes) -> None:
        magic, n, b, r, s = struct.unpack_from("<8sIIII", layout)
        assert (magic, n) == (b"artspan1", len(page))
        at = 24
        blobs = [layout[at + 36 * i :][:32].hex() for i in range(b)]
        at += 36 * b
        for i in range(r):
            first, count, blob, offset = struct.unpack_from("<IIIQ", layout, at + 20 * i)
            for entry in page[first : first + count]:
                entry.content = self._read(blobs[blob], offset, entry.size or 0)
                offset += entry.size or 0
        at += 20 * r
        for _ in range(s):
            index, count = struct.unpack_from("<II", layout, at)
            at += 8
            pieces = []
            for _ in range(count):
                blob, offset, stored, size, codec = struct.unpack_from("<IQQQB", layout, at)
                at += 29
                piece = self._read(blobs[blob], offset, stored)
                pieces.append(decoded(piece) if codec else piece)
                assert len(pieces[-1]) == size
            page[index].content = b"".join(pieces)
        assert at == len(layout)
        for entry in page:
            if entry.kind == FILE:
                if entry.content is None:
                    entry.content = self._read(entry.digest.hex(), 0, entry.size or 0)
                assert hex_of(entry.content) == entry.digest.hex()

    def _read(self, blob: str, offset: int, length: int) -> bytes:
        if not length:
            return b""
        with self._path(f"blobs/{blob}").open("rb") as file:
            file.seek(offset)
            return file.read(length)


def decoded(frames: bytes) -> bytes:
    """Of one or more frames end to end."""
    data = b""
    while frames:
        frame = zstandard.ZstdDecompressor().decompressobj()
        data += frame.decompress(frames)
        frames = frame.unused_data
    return data


def parse_page(page: bytes) -> list[Found]:
    magic, n, p, d = struct.unpack_from("<8sIII", page)
    assert magic == b"artpage1"
    paths = page[20 : 20 + p].decode().split("\0")[:-1]
    sizes = struct.unpack_from(f"<{n}Q", page, 20 + p)
    digests = page[20 + p + 8 * n :]
    at = 20 + p + 40 * n
    details: list[dict[int, bytes]] = [{} for _ in range(n)]
    for _ in range(d):
        index, length = struct.unpack_from("<II", page, at)
        at += 8
        stop = at + length
        while at < stop:
            tag, size = struct.unpack_from("<BH", page, at)
            details[index][tag] = page[at + 3 : at + 3 + size]
            at += 3 + size
    assert at == len(page)
    return [
        Found(
            paths[i],
            details[i].get(1, b"\0")[0],
            digests[32 * i : 32 * i + 32],
            None if sizes[i] == 2**64 - 1 else sizes[i],
            details[i],
        )
        for i in range(n)
    ]


def cut(paths: list[str]) -> Iterator[str]:
    """First paths of the pages, if no run is too long."""
    for i, path in enumerate(paths):
        if i == 0 or crc32(path.encode()) * 0x9E3779B1 % 2**32 < 2**21:
            yield path
