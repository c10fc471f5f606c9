"""Hostile: what a store, a folder or a user says is refused before anything comes of it."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from forging import (
    COLLECTION_ID,
    PROJECT_ID,
    Forgery,
    append_change,
    bomb,
    file,
    forge_event,
    manifest_of,
    page_of,
    row_of,
    write_line,
)
from scene import Scene, everything_below, read_tree, write_tree

import artifacts
from artifacts.artifact import Artifact
from artifacts.cache import RECEIPT
from artifacts.catalog import Session, deliver
from artifacts.content import Detail, Digest, Kind, Page
from artifacts.errors import ArtifactsError, InvalidNameError, InvalidPathError
from artifacts.storage import BLOBS, LocalStore, Log, Name, PageLayout, Span, open_store
from artifacts.storage.layout import Run

HUGE = 2**62
BLOB = Name(BLOBS, Digest.of(b"data"))
BOMB = Name(BLOBS, Digest.of(bomb(2**28)))
OTHER = Name(BLOBS, Digest.of(b"other bytes"))

PATHS = {
    "parent": "../x",
    "parent further on": "a/../../x",
    "parent at the end": "a/..",
    "parent alone": "..",
    "itself": ".",
    "itself in between": "a/./b",
    "absolute": "/tmp/x",
    "absolute twice": "//server/x",
    "empty part": "a//b",
    "slash at the end": "a/",
    "nothing": "",
    "drive": "C:/x",
    "drive with backslash": "C:\\x",
    "drive without slash": "c:x",
    "backslash to parent": "..\\..\\x",
    "backslash in between": "a\\..\\x",
    "backslash first": "\\\\server\\x",
    "device": "con",
    "device in a folder": "a/NUL/b",
    "port": "COM1",
    "null": "a\0b",
    "too long": "a/" * 2_048 + "a",
}

NORMALISED = {  # by W&B's interface, which takes them for what was meant
    "itself",
    "itself in between",
    "empty part",
    "slash at the end",
    "nothing",
}
NO_PATHS = {name: path for name, path in PATHS.items() if name not in NORMALISED}


def sealed(page: Page, **lies: object) -> Forgery:
    """A page whose row in the manifest says something else of it."""
    return Forgery([page.encode()], rows=[replace(row_of(page), **lies)])  # type: ignore[arg-type]


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
        PageLayout(1, [BLOB], [Run(0, 1, 0, 0)]), page_of(("a", 5, b"data"))
    ),
    "large file longer than its part of a pack": Forgery(
        [page_of(("a", HUGE, b"ata"))], layouts=[PageLayout(1, [BLOB], [Run(0, 1, 0, 1)])]
    ),
    "pieces longer than their blob": placed(
        PageLayout(1, [BLOB], (), {0: [Span(BLOB, 0, HUGE, HUGE)]}), page_of(("a", HUGE, b"data"))
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
    "run after the end of the page": placed(PageLayout(1, [BLOB], [Run(1, 1, 0, 0)])),
    "run of four billion files": placed(PageLayout(1, [BLOB], [Run(0, 2**32 - 1, 0, 0)])),
    "run of no file": placed(PageLayout(1, [BLOB], [Run(0, 0, 0, 0)])),
    "runs overlap": placed(PageLayout(2, [BLOB], [Run(0, 2, 0, 0), Run(1, 1, 0, 0)]), AB),
    "run in a blob that is not listed": placed(PageLayout(1, [BLOB], [Run(0, 1, 1, 0)])),
    "run beyond the blob's end": placed(PageLayout(1, [BLOB], [Run(0, 1, 0, 3)])),
    "run far beyond the blob's end": placed(PageLayout(1, [BLOB], [Run(0, 1, 0, HUGE)])),
    "run that ends beyond all numbers": placed(PageLayout(1, [BLOB], [Run(0, 1, 0, 2**64 - 1)])),
    "run in another blob": Forgery(
        layouts=[PageLayout(1, [OTHER], [Run(0, 1, 0, 0)])], blobs=[b"data", b"other bytes"]
    ),
    "run in a blob that is missing": placed(PageLayout(1, [OTHER], [Run(0, 1, 0, 0)])),
    "pieces that do not add up": placed(PageLayout(1, [BLOB], (), {0: [Span(BLOB, 0, 3, 3)]})),
    "pieces of another blob": Forgery(
        layouts=[PageLayout(1, [OTHER], (), {0: [Span(OTHER, 0, 4, 4)]})],
        blobs=[b"data", b"other bytes"],
    ),
    "piece without bytes": placed(
        PageLayout(1, [BLOB], (), {0: [Span(BLOB, 0, 4, 4), Span(BLOB, 0, 0, 0)]})
    ),
    "piece of an unknown codec": placed(PageLayout(1, [BLOB], (), {0: [Span(BLOB, 0, 4, 4, 7)]})),
    "piece that is no zstd": placed(PageLayout(1, [BLOB], (), {0: [Span(BLOB, 0, 4, 4, 1)]})),
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
        PageLayout(1, [BLOB], (), {0: [Span(BLOB, 0, 4, 4)]}), page_of(("a", 0, b""))
    ),
    "blob listed that nothing needs": placed(PageLayout(1, [BLOB])),
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
    "reference leads out": Forgery([Page(["a"], [4], BLOB.digest, {0: REFERENCE})]),
}
"""What is stored is what was to be stored, yet nobody gets it."""

COLLECTION = f"collection/{COLLECTION_ID}"
DIRECTORY = f"directory/{PROJECT_ID}"


def added(name: object, **lies: object) -> dict[str, object]:
    """What a directory says of one more name."""
    return {"kind": "added", "name": name, "id": "3" * 32, "type": "dataset", **lies}


def added_project(name: object, id: object = "3" * 32) -> dict[str, object]:
    return {"kind": "added", "name": name, "id": id}


CHANGES: Mapping[str, tuple[str, object]] = {
    "change that is text": (COLLECTION, "committed"),
    "change without a kind": (COLLECTION, {"version": 0}),
    "change of a kind that is a list": (COLLECTION, {"kind": ["updated"]}),
    "change of an unknown kind": (COLLECTION, {"kind": "exploded"}),
    "update without a version": (COLLECTION, {"kind": "updated"}),
    "update of version 'v0'": (COLLECTION, {"kind": "updated", "version": "v0"}),
    "update of version infinity": (COLLECTION, {"kind": "updated", "version": float("inf")}),
    "update of version NaN": (COLLECTION, {"kind": "updated", "version": float("nan")}),
    "metadata is a list": (COLLECTION, {"kind": "updated", "version": 0, "metadata": ["x"]}),
    "metadata is text": (COLLECTION, {"kind": "updated", "version": 0, "metadata": "x"}),
    "tags is a number": (COLLECTION, {"kind": "updated", "version": 0, "tags": 5}),
    "tags are numbers": (COLLECTION, {"kind": "updated", "version": 0, "tags": [5]}),
    "description is a number": (COLLECTION, {"kind": "updated", "version": 0, "description": 5}),
    "description is half a surrogate": (
        COLLECTION,
        {"kind": "updated", "version": 0, "description": "\ud800"},
    ),
    "metadata is half a surrogate": (
        COLLECTION,
        {"kind": "updated", "version": 0, "metadata": {"\ud800": 1}},
    ),
    "alias of no version": (COLLECTION, {"kind": "aliased", "alias": "a", "version": "x"}),
    "alias is a list": (COLLECTION, {"kind": "aliased", "alias": ["a"], "version": 0}),
    "fence at infinity": (COLLECTION, {"kind": "fenced", "epoch": float("inf")}),
    "new name is a list": (COLLECTION, {"kind": "renamed", "name": ["x"]}),
    "collection's id leads out": (DIRECTORY, added("x", id="../../../x")),
    "collection's id is empty": (DIRECTORY, added("x", id="")),
    "collection's id is a number": (DIRECTORY, added("x", id=5)),
    "collection's id is null": (DIRECTORY, added("x", id=None)),
    "collection's name leads out": (DIRECTORY, added("../x")),
    "collection's name has parts": (DIRECTORY, added("a/b")),
    "collection's name is a number": (DIRECTORY, added(5)),
    "collection's name is a list": (DIRECTORY, added(["x"])),
    "collection's type is a list": (DIRECTORY, added("x", type=["x"])),
    "project's name leads out": ("directory/root", added_project("../..")),
    "project's name has no entity": ("directory/root", added_project("x")),
    "project's name has three parts": ("directory/root", added_project("a/b/c")),
    "project's name is a number": ("directory/root", added_project(5)),
    "project's id leads out": ("directory/root", added_project("a/b", id="../x")),
}

COMMITS: Mapping[str, Mapping[str, object]] = {
    "manifest's name leads out": {"manifest": "manifests/../../../../etc/passwd"},
    "manifest's name is a number": {"manifest": 5},
    "manifest's name is a list": {"manifest": ["manifests"]},
    "manifest is of another kind": {"manifest": str(BLOB)},
    "manifest's epoch is huge": {"manifest": f"manifests/{BLOB.digest}.{10**30}"},
    "layout's name is missing": {"layout": None},
    "layout is of another kind": {"layout": str(BLOB)},
    "size is text": {"size": "4"},
    "size is null": {"size": None},
    "size is infinity": {"size": float("inf")},
    "size is NaN": {"size": float("nan")},
    "size is a fraction": {"size": 4.5},
    "size is negative": {"size": -4},
    "size is huge": {"size": 10**40},
    "entries is a list": {"entries": [1]},
    "aliases is a number": {"aliases": 5},
    "aliases are numbers": {"aliases": [5]},
    "aliases are lists": {"aliases": [["latest"]]},
    "aliases is text": {"aliases": "latest"},
    "tags is a number": {"tags": 5},
    "tags are numbers": {"tags": [5]},
    "metadata is a list": {"metadata": [1]},
    "description is a list": {"description": [1]},
    "run is a number": {"run": 5},
}

BIRTHS: Mapping[str, Mapping[str, object]] = {
    "first number is negative": {"first": -5},
    "first number is text": {"first": "0"},
    "first number is infinity": {"first": float("inf")},
    "first number is huge": {"first": 10**30},
    "type is a number": {"type": 5},
    "name is a list": {"name": ["data"]},
}

HEADERS: Mapping[str, Mapping[str, object]] = {
    "number of another": {"number": 0},
    "number is text": {"number": "1"},
    "previous of another": {"previous": "0" * 64},
    "previous is missing": {"previous": None},
    "log is another": {"log": "collection/x"},
    "fold is newer": {"fold": 2},
    "fold is text": {"fold": "1"},
    "critical is text": {"critical": "yes"},
    "epoch is text": {"epoch": "0"},
    "time is a number": {"time": 5},
    "transaction is a list": {"transaction": ["x"]},
    "adds is a number": {"adds": 5},
    "changes is an object": {"changes": {}},
    "objects is a number": {"objects": 5},
    "objects are longer than the event": {"objects": [["pages/x", 2**63]]},
    "objects are negative": {"objects": [["pages/x", -1]]},
}

LINES: Mapping[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "null": b"null",
    "a text": b'"x"',
    "not UTF-8": b'{"log": "\xff"}',
    "deeply nested": b'{"changes": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of a million digits": b'{"number": ' + b"9" * 10**6 + b"}",
}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Not written to yet. Beside it lies what nobody may touch."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return Scene(tmp_path / "scene")


@pytest.fixture
def store(scene: Scene) -> LocalStore:
    open_store(scene.settings.store, create=True)
    return scene.store


@pytest.fixture
def root(scene: Scene) -> Path:
    """Where a download goes to, with a file that was there before."""
    root = scene.folder / "root"
    root.mkdir(parents=True)
    (root / "mine").write_bytes(b"mine")
    return root


@pytest.mark.parametrize("forgery", CONTENT.values(), ids=CONTENT)
def test_content_that_lies_is_refused(
    scene: Scene, store: LocalStore, root: Path, forgery: Forgery
) -> None:
    forgery.write(store)

    assert_refused(scene, root)


@pytest.mark.parametrize("forgery", UNUSABLE.values(), ids=UNUSABLE)
def test_content_that_leads_elsewhere_is_refused(
    scene: Scene, store: LocalStore, root: Path, forgery: Forgery
) -> None:
    forgery.write(store)

    assert_refused(scene, root, is_found=False)


@pytest.mark.parametrize("change", COMMITS.values(), ids=COMMITS)
def test_a_commit_that_lies_is_refused(
    scene: Scene, store: LocalStore, root: Path, change: Mapping[str, object]
) -> None:
    Forgery(change=change).write(store)

    assert_refused(scene, root)


@pytest.mark.parametrize("change", BIRTHS.values(), ids=BIRTHS)
def test_a_birth_that_lies_is_refused(
    scene: Scene, store: LocalStore, root: Path, change: Mapping[str, object]
) -> None:
    Forgery(birth=change).write(store)

    assert_refused(scene, root)


@pytest.mark.parametrize(("log", "change"), CHANGES.values(), ids=CHANGES)
def test_a_change_that_lies_is_refused(
    scene: Scene, store: LocalStore, root: Path, log: str, change: object
) -> None:
    Forgery().write(store)
    append_change(store, log, change)

    assert_refused(scene, root)


@pytest.mark.parametrize("log", [COLLECTION, DIRECTORY, "directory/root"])
@pytest.mark.parametrize("lies", HEADERS.values(), ids=HEADERS)
def test_an_event_that_lies_is_refused(
    scene: Scene, store: LocalStore, root: Path, log: str, lies: Mapping[str, object]
) -> None:
    Forgery().write(store)
    append_change(store, log, {"kind": "fenced", "epoch": 0})
    forge_event(store, log, 1, lies)

    assert_refused(scene, root)


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_an_event_that_is_none_is_refused(
    scene: Scene, store: LocalStore, root: Path, line: bytes
) -> None:
    Forgery().write(store)
    write_line(store, Log(store, COLLECTION).key(1), line)

    assert_refused(scene, root)


def assert_refused(scene: Scene, root: Path, *, is_found: bool = True) -> None:
    """Whoever wants the files gets a typed error and no file; an audit of the store tells it."""
    before = everything_below(scene.folder.parent)
    with pytest.raises(ArtifactsError):
        use(scene, root)
    after = everything_below(scene.folder.parent)
    assert [each for each in after if not each[0].endswith(RECEIPT)] == before
    assert bool(scene.problems()) is is_found


def use(scene: Scene, root: Path) -> None:
    """All that a reader of the newest version may do."""
    session = Session(scene.settings)
    artifact = Artifact.of_version(session.resolve("data"), session)
    assert artifact.aliases
    assert artifact.version
    assert artifact.metadata == {}
    artifact.download(root)


def link_as_folder(root: Path, outside: Path) -> None:
    (root / "folder").symlink_to(outside, target_is_directory=True)


def link_as_folder_within(root: Path, _outside: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / "folder").symlink_to("elsewhere", target_is_directory=True)


def link_as_file(root: Path, outside: Path) -> None:
    (root / "folder").mkdir()
    (root / "folder" / "file").symlink_to(outside / "secret")


def link_to_nothing(root: Path, outside: Path) -> None:
    (root / "folder").mkdir()
    (root / "folder" / "file").symlink_to(outside / "new")


def file_as_folder(root: Path, _outside: Path) -> None:
    (root / "folder").write_bytes(b"mine")


def folder_as_file(root: Path, _outside: Path) -> None:
    (root / "folder" / "file" / "mine").mkdir(parents=True)


def fifo_as_file(root: Path, _outside: Path) -> None:
    (root / "folder").mkdir()
    os.mkfifo(root / "folder" / "file")


def file_as_root(root: Path, _outside: Path) -> None:
    (root / "mine").unlink()
    root.rmdir()
    root.write_bytes(b"mine")


def folder_as_receipt(root: Path, _outside: Path) -> None:
    (root / RECEIPT).mkdir()


TARGETS = [
    link_as_folder,
    link_as_folder_within,
    link_as_file,
    link_to_nothing,
    file_as_folder,
    folder_as_file,
    fifo_as_file,
    file_as_root,
]


@pytest.mark.parametrize("prepare", TARGETS)
def test_what_lies_in_a_files_way_is_not_followed(
    scene: Scene, store: LocalStore, root: Path, prepare: Callable[[Path, Path], None]
) -> None:
    Forgery([file("folder/file")]).write(store)
    prepare(root, scene.folder.parent / "outside")

    assert_refused(scene, root, is_found=False)


@pytest.mark.parametrize("prepare", TARGETS)
def test_nothing_outside_is_written_by_force(
    scene: Scene, store: LocalStore, root: Path, prepare: Callable[[Path, Path], None]
) -> None:
    Forgery([file("folder/file")]).write(store)
    outside = scene.folder.parent / "outside"
    prepare(root, outside)
    before = everything_below(outside)

    with suppress(ArtifactsError):
        deliver(scene.versions()[0], root, force=True)

    assert everything_below(outside) == before


@pytest.mark.parametrize("prepare", [link_as_folder, link_as_file, link_to_nothing])
def test_what_an_earlier_download_left_is_not_deleted_through_links(
    scene: Scene, store: LocalStore, root: Path, prepare: Callable[[Path, Path], None]
) -> None:
    outside = scene.folder.parent / "outside"
    (outside / "file").write_bytes(b"data")
    Forgery([file("folder/file")]).write(store)
    deliver(scene.versions()[0], root)
    shutil.rmtree(root / "folder")
    prepare(root, outside)
    before = everything_below(outside)
    scene.log(write_tree(scene.folder / "source", {"other": b"other"}))

    deliver(scene.versions()[1], root)

    assert everything_below(outside) == before
    assert (root / "other").read_bytes() == b"other"


def test_a_receipt_that_is_a_folder_is_refused(scene: Scene, store: LocalStore, root: Path) -> None:
    Forgery().write(store)
    (root / RECEIPT).mkdir()

    with pytest.raises(ArtifactsError):
        deliver(scene.versions()[0], root)


VERSIONS = {
    "parent": "../x",
    "parents": "../../x",
    "four parts": "a/b/c/d",
    "no name": "",
    "no version": "data:",
    "no collection": ":v0",
    "version leads out": "data:../y",
    "alias with slash": "data:a/b",
    "two versions": "data:a:b",
    "absolute": "/data",
    "slash at the end": "data/",
    "empty part": "team//data",
    "parent alone": "..",
    "itself": ".",
    "parent as project": "../data",
    "parent as entity": "../proj/data",
    "null": "da\0ta",
    "line end": "data\n",
    "space": "da ta",
    "backslash": "..\\data",
    "not ascii": "dätä",
    "too long": "d" * 129,
    "version with a zero before it": "data:v00",
    "version of no digits": "data:v٣",
    "half a surrogate": "data:\ud800",
    "digest too short": "data@abc",
    "digest is none": "data@../../etc",
}


@pytest.mark.parametrize("text", VERSIONS.values(), ids=VERSIONS)
def test_a_name_that_is_none_is_refused(scene: Scene, store: LocalStore, text: str) -> None:
    Forgery().write(store)
    before = everything_below(scene.folder.parent)

    with pytest.raises(InvalidNameError):
        Session(scene.settings).resolve(text)

    assert everything_below(scene.folder.parent) == before


COLLECTIONS = ["../x", "a/b", "..", ".", "", " ", "a:b", "a b", "a\0b", "a\\b", "ä", "a" * 129]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_an_artifact_cannot_be_called_anything(scene: Scene, name: str) -> None:
    with pytest.raises(InvalidNameError):
        artifacts.Artifact(name, "dataset")

    assert not scene.folder.exists()


@pytest.mark.parametrize("alias", ["a/b", "a:b", "../x", "v0", "v3", "v007", "", " ", "a\n"])
def test_an_alias_cannot_be_anything(scene: Scene, store: LocalStore, alias: str) -> None:
    Forgery().write(store)
    with artifacts.init(settings=scene.settings) as run:
        artifact = artifacts.Artifact("data", "dataset")
        with artifact.new_file("new") as new:
            new.write("new")
        with pytest.raises(InvalidNameError):
            run.log_artifact(artifact, aliases=[alias])

    assert [version.aliases for version in scene.versions()] == [["latest"]]


@pytest.mark.parametrize("path", NO_PATHS.values(), ids=NO_PATHS)
def test_a_path_that_leads_elsewhere_cannot_be_added(scene: Scene, path: str) -> None:
    source = write_tree(scene.folder / "source", {"new": b"new"})
    with artifacts.init(settings=scene.settings):
        artifact = artifacts.Artifact("data", "dataset")
        with pytest.raises(InvalidPathError):
            artifact.add_file(str(source / "new"), path)
        with pytest.raises(InvalidPathError):
            artifact.add_dir(str(source), path)
        with pytest.raises(InvalidPathError), artifact.new_file(path) as new:
            new.write("new")
        assert not artifact.manifest.entries

    assert read_tree(source) == {"new": b"new"}
    assert not [*scene.store.list("blobs/")]
