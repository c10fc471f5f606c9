"""Hostile content: pages, manifests and layouts that lie are refused before a file is written."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from forging import (
    DATA,
    PATHS,
    Forgery,
    bomb,
    file,
    manifest_of,
    page_of,
    row_of,
)
from msgspec.structs import replace
from victim import Victim

from artifacts.content import Detail, Digest, Kind, Page
from artifacts.storage import BLOBS, Name, PageLayout, Span
from artifacts.storage.layout import Run

HUGE = 2**62
BOMB = Name(BLOBS, Digest.of(bomb(2**28)))
OTHER = Name(BLOBS, Digest.of(b"other bytes"))


def sealed(page: Page, **lies: object) -> Forgery:
    """A page whose row in the manifest says something else of it."""
    return Forgery([page.encode()], rows=[replace(row_of(page), **lies)])


def spoiled(data: bytes, like: Page) -> Forgery:
    """A page of these bytes, whose row in the manifest is that of another page."""
    return Forgery([data], rows=[replace(row_of(like), digest=Digest.of(data), length=len(data))])


def placed(layout: PageLayout, page: Page | None = None) -> Forgery:
    return Forgery([page or file("a")], layouts=[layout])


def root_layout(manifest: Digest, epoch: int = 0) -> bytes:
    """Of one page, whose page layout is nowhere. Source: docs/format.md, Layouts."""
    return struct.pack("<8s32sII32sI", b"artlayo1", manifest, 1, epoch, Digest.of(b""), 0)


A = file("a")
AB = page_of(("a", 4, b"data"), ("b", 4, b"data"))
MANIFEST_OF_A = manifest_of([row_of(A)])

CONTENT: Mapping[str, Forgery] = {
    **{f"path: {name}": Forgery([file(path)]) for name, path in PATHS.items()},
    "path: not UTF-8": spoiled(A.encode().replace(b"a\0", b"\xff\0"), A),
    "path: half a surrogate": spoiled(file("aaa").encode().replace(b"aaa", b"\xed\xa0\x80"), A),
    "file is a folder": Forgery([page_of(("a", 4, b"data"), ("a/b", 4, b"data"))]),
    # order
    "path twice": Forgery([page_of(("a", 4, b"data"), ("a", 4, b"data"))]),
    "paths descend": Forgery([page_of(("b", 4, b"data"), ("a", 4, b"data"))]),
    "page twice": Forgery([A, A]),
    "pages descend": Forgery([file("b"), file("a")]),
    "pages overlap": Forgery([AB, page_of(("aa", 4, b"data"), ("c", 4, b"data"))]),
    # counts
    "page has other paths than its row says": sealed(A, first="b", last="b"),
    "page has fewer files than its row says": sealed(AB, entries=3),
    "page has more files than its row says": sealed(AB, entries=1, last="a"),
    "page has another size than its row says": sealed(A, size=5),
    "page has more bytes than its row says": sealed(A, length=10),
    "page has fewer bytes than its row says": sealed(A, length=10_000),
    "page of 4 GiB": sealed(A, length=2**32 - 1),
    "page of no file": sealed(A, entries=0),
    "page of too many files": sealed(A, entries=2**32 - 1),
    "manifest of four billion pages": Forgery(manifest=manifest_of([row_of(A)], count=2**32 - 1)),
    "manifest says more pages": Forgery(manifest=manifest_of([row_of(A)], count=2)),
    "manifest goes on after its end": Forgery(manifest=MANIFEST_OF_A + b"\0"),
    "manifest is short": Forgery(manifest=MANIFEST_OF_A[:-1]),
    "manifest is empty": Forgery(manifest=b""),
    "manifest of another format": Forgery(manifest=b"artmani2" + MANIFEST_OF_A[8:]),
    "page goes on after its end": spoiled(A.encode() + b"\0", A),
    "page is short": spoiled(A.encode()[:-1], A),
    "page of another format": spoiled(b"artpage2" + A.encode()[8:], A),
    "page says more files": spoiled(A.encode()[:8] + b"\2" + A.encode()[9:], A),
    "page says four billion details": spoiled(A.encode()[:16] + b"\xff" * 4 + A.encode()[20:], A),
    "event says other entries": Forgery(change={"entries": 2}),
    "event says another size": Forgery(change={"size": 5}),
    # sizes
    "file of 2**63": Forgery([page_of(("a", 2**63, b"data"))]),
    "file of 2**64 - 1": Forgery([page_of(("a", 2**64 - 1, b"data"))]),
    "two files of 2**63 - 1": Forgery([page_of(("a", 2**63 - 1, b""), ("b", 2**63 - 1, b""))]),
    "file of 2**63 - 1, small blob": Forgery([page_of(("a", 2**63 - 1, b"data"))]),
    "file longer than its blob": Forgery([page_of(("a", 5, b"data"))]),
    "large file longer than its blob": Forgery([page_of(("a", 2**23, b"data"))]),
    "file shorter than its blob": Forgery([page_of(("a", 3, b"data"))]),
    "empty file with a digest": Forgery([page_of(("a", 0, b"data"))]),
    "file longer than its part of a pack": placed(
        PageLayout(1, [DATA], [Run(0, 1, 0, 0)]), page_of(("a", 5, b"data"))
    ),
    "large file longer than its part of a pack": Forgery(
        [page_of(("a", HUGE, b"ata"))], layouts=[PageLayout(1, [DATA], [Run(0, 1, 0, 1)])]
    ),
    "pieces longer than their blob": placed(
        PageLayout(1, [DATA], (), {0: [Span(DATA, 0, HUGE, HUGE)]}), page_of(("a", HUGE, b"data"))
    ),
    # digests
    "blob is another": Forgery(replaced={"blob": b"atad"}),
    "blob is missing": Forgery(blobs=[]),
    "file has another digest": Forgery([page_of(("a", 4, b"atad"))], blobs=[b"data"]),
    "manifest is another": Forgery(replaced={"manifest": b"\0" + manifest_of([])}),
    "page is another": Forgery(replaced={"page": b"\0" + file("b").encode()}),
    "layout is another": Forgery(replaced={"layout": b"\0" + bytes(100)}),
    "manifest is a page": Forgery(manifest=A.encode()),
    # bombs
    "manifest is a bomb": Forgery(replaced={"manifest": bomb(2**30)}),
    "page is a bomb": Forgery(replaced={"page": bomb(2**28)}),
    "page is a bomb that says nothing": Forgery(replaced={"page": bomb(2**26, is_declared=False)}),
    "page has no codec": Forgery(replaced={"page": b"\7" + A.encode()}),
    "page has no bytes": Forgery(replaced={"page": b""}),
    # layouts
    "layout of another manifest": Forgery(layout=root_layout(Digest.of(b""))),
    "layout of fewer pages": Forgery(
        [file("a"), file("b")],
        layout=root_layout(Digest.of(manifest_of([*map(row_of, (file("a"), file("b")))]))),
    ),
    "layout of an epoch that cannot be": Forgery(
        layout=root_layout(Digest.of(MANIFEST_OF_A), epoch=2**32 - 1)
    ),
    "page layout is missing": Forgery(layout=root_layout(Digest.of(MANIFEST_OF_A))),
    "page layout of more entries": placed(PageLayout(2, ())),
    "page layout of garbage": Forgery(layouts=[b"garbage"]),
    "run after the end of the page": placed(PageLayout(1, [DATA], [Run(1, 1, 0, 0)])),
    "run of four billion files": placed(PageLayout(1, [DATA], [Run(0, 2**32 - 1, 0, 0)])),
    "run of no file": placed(PageLayout(1, [DATA], [Run(0, 0, 0, 0)])),
    "runs overlap": placed(PageLayout(2, [DATA], [Run(0, 2, 0, 0), Run(1, 1, 0, 0)]), AB),
    "run in a blob that is not listed": placed(PageLayout(1, [DATA], [Run(0, 1, 1, 0)])),
    "run beyond the blob's end": placed(PageLayout(1, [DATA], [Run(0, 1, 0, 3)])),
    "run far beyond the blob's end": placed(PageLayout(1, [DATA], [Run(0, 1, 0, HUGE)])),
    "run that ends beyond all numbers": placed(PageLayout(1, [DATA], [Run(0, 1, 0, 2**64 - 1)])),
    "run in another blob": Forgery(
        layouts=[PageLayout(1, [OTHER], [Run(0, 1, 0, 0)])], blobs=[b"data", b"other bytes"]
    ),
    "run in a blob that is missing": placed(PageLayout(1, [OTHER], [Run(0, 1, 0, 0)])),
    "pieces that do not add up": placed(PageLayout(1, [DATA], (), {0: [Span(DATA, 0, 3, 3)]})),
    "pieces of another blob": Forgery(
        layouts=[PageLayout(1, [OTHER], (), {0: [Span(OTHER, 0, 4, 4)]})],
        blobs=[b"data", b"other bytes"],
    ),
    "piece without bytes": placed(
        PageLayout(1, [DATA], (), {0: [Span(DATA, 0, 4, 4), Span(DATA, 0, 0, 0)]})
    ),
    "piece of an unknown codec": placed(PageLayout(1, [DATA], (), {0: [Span(DATA, 0, 4, 4, 7)]})),
    "piece that is no zstd": placed(PageLayout(1, [DATA], (), {0: [Span(DATA, 0, 4, 4, 1)]})),
    "piece that is a bomb": Forgery(
        [page_of(("a", 2**28, b"data"))],
        layouts=[PageLayout(1, [BOMB], (), {0: [Span(BOMB, 1, 9_000, 2**28, 1)]})],
        blobs=[bomb(2**28)],
    ),
    "piece that is a small bomb": Forgery(
        [page_of(("a", 4, b"data"))],
        layouts=[PageLayout(1, [BOMB], (), {0: [Span(BOMB, 1, 9_000, 4, 1)]})],
        blobs=[bomb(2**28)],
    ),
    "piece of an empty file": placed(
        PageLayout(1, [DATA], (), {0: [Span(DATA, 0, 4, 4)]}), page_of(("a", 0, b""))
    ),
    "blob listed that nothing needs": placed(PageLayout(1, [DATA])),
    # kinds
    "folder with bytes": Forgery([Page(["a"], [4], Digest.of(b"data"), {0: Detail(Kind.FOLDER)})]),
    "unknown kind": spoiled(
        A.encode()[:16] + b"\1" + A.encode()[17:] + struct.pack("<IIBHB", 0, 4, 1, 1, 9), A
    ),
    "detail of another file": spoiled(
        A.encode()[:16] + b"\1" + A.encode()[17:] + struct.pack("<IIBHB", 7, 4, 1, 1, 3), A
    ),
}

LINK = Page(["a"], [11], Digest.of(b"/etc/passwd"), {0: Detail(Kind.SYMLINK, target="/etc/passwd")})
REFERENCE = Detail(Kind.REFERENCE, uri="file:///etc/passwd", is_content=True)

UNUSABLE: Mapping[str, Forgery] = {
    "file is a folder of the next page": Forgery([file("a"), file("a/b")]),
    "file is a folder of a later page": Forgery([file("a"), file("a-b"), file("a/b/c")]),
    "file is a folder of a page in between": Forgery([file("a"), file("a/b/c"), file("b")]),
    "link is a folder": Forgery([LINK, file("a/b")]),
    "link leads out": Forgery([LINK]),
    "reference leads out": Forgery([Page(["a"], [4], DATA.digest, {0: REFERENCE})]),
}
"""What is stored is what was to be stored, yet nobody gets it."""


@pytest.fixture
def victim(tmp_path: Path, new_store: Path) -> Victim:
    return Victim.of(tmp_path, new_store)


@pytest.mark.parametrize("forgery", CONTENT.values(), ids=CONTENT)
def test_content_that_lies_is_refused(victim: Victim, forgery: Forgery) -> None:
    forgery.write(victim.store)

    victim.assert_refused()


@pytest.mark.parametrize("forgery", UNUSABLE.values(), ids=UNUSABLE)
def test_content_that_leads_elsewhere_is_refused(victim: Victim, forgery: Forgery) -> None:
    forgery.write(victim.store)

    victim.assert_refused(is_found=False)
