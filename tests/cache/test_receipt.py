"""Receipt: what was delivered, in one hidden file, which is whole or refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from artifacts.cache import RECEIPT, Delivered, Receipt, is_ours
from artifacts.content import Detail, Digest, Kind, Manifest, Page, PageRow, Row, build
from artifacts.errors import IntegrityError, MalformedError, ReceiptNotFoundError, StorageError
from artifacts.storage import Frame

PATHS = st.lists(st.text("abc", min_size=1, max_size=3), max_size=5).map(
    lambda parts: [f"{part}/{n}" for n, part in enumerate(parts)]
)
SMALL = ["a", "b/c", "b/d"]


def rows_of(paths: Iterable[str], salt: str = "") -> dict[str, Row]:
    return {path: (Digest.of(f"{salt}{path}".encode()), len(path), None) for path in paths}


def delivery_of(
    rows: dict[str, Row], name: str = "team/proj/data:v0", prefix: str = ""
) -> Delivered:
    built = [*build(rows)]
    manifest = Manifest(tuple(row for row, _, _ in built))
    pages = {row.digest: data for row, page, data in built if page.range_of(prefix)}
    return Delivered(name, "dataset", "/store", prefix, manifest, pages)


def expected(rows: dict[str, Row]) -> dict[str, tuple[bytes, int | None]]:
    return {path: (digest, size) for path, (digest, size, _) in rows.items()}


def sample() -> Receipt:
    return Receipt((delivery_of(rows_of(SMALL)),))


def rewrite(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a receipt's header, its own digest included."""
    frame = Frame.decode((root / RECEIPT).read_bytes(), "k")
    header = dict(frame.header)
    change(header)
    (root / RECEIPT).write_bytes(Frame(header, frame.objects).encode())


@given(PATHS, st.text(min_size=1, max_size=9), st.text(max_size=9))
@settings(deadline=None)
def test_a_receipt_is_read_as_it_was_written(paths: list[str], name: str, store: str) -> None:
    rows = rows_of(paths)
    receipt = Receipt((replace(delivery_of(rows), name=name, store=store),))
    with TemporaryDirectory() as folder:
        receipt.write(Path(folder))

        assert Receipt.read(Path(folder)) == receipt
        assert Receipt.find(Path(folder)).files() == expected(rows)


def test_a_receipt_is_one_hidden_file(tmp_path: Path) -> None:
    sample().write(tmp_path)
    sample().write(tmp_path)

    assert os.listdir(tmp_path) == [RECEIPT]
    assert is_ours(RECEIPT)


def test_what_is_no_file_is_not_listed() -> None:
    rows = rows_of(SMALL)
    for detail in (
        Detail(Kind.FOLDER),
        Detail(Kind.SYMLINK, target="a"),
        Detail(Kind.REFERENCE, uri="s3://b/k"),
    ):
        digest, size = detail.derive() or (b"", None)
        rows[detail.kind.name] = (digest, size, detail)
    rows["run"] = (Digest.of(b"run"), 3, Detail(mode=0o755))

    assert [*delivery_of(rows).files()] == ["a", "b/c", "b/d", "run"]


def test_a_prefix_is_all_that_was_delivered(tmp_path: Path) -> None:
    rows = rows_of(f"{n:05}{'x' * 40}" for n in range(6000))
    delivery = delivery_of(rows, prefix="03")
    Receipt((delivery,)).write(tmp_path)

    [found] = Receipt.read(tmp_path).deliveries
    assert [*found.files()] == sorted(path for path in rows if path.startswith("03"))
    assert 0 < len(found.pages) < len(found.manifest.rows)


def test_a_later_delivery_replaces_its_own_paths(tmp_path: Path) -> None:
    first, second = rows_of(["a", "b"]), rows_of(["b", "c"], "other ")
    receipt = Receipt((delivery_of(first),)).adding(delivery_of(second, "team/proj/other:v0"))
    receipt.write(tmp_path)

    assert Receipt.read(tmp_path).files() == expected(first) | expected(second)


def test_another_version_takes_the_place_of_the_last() -> None:
    receipt = Receipt((delivery_of(rows_of(["a", "b"])), delivery_of(rows_of(["z"]), "t/p/o:v7")))
    receipt = receipt.adding(delivery_of(rows_of(["b", "c"]), "team/proj/data:v1"))

    assert [each.name for each in receipt.deliveries] == ["t/p/o:v7", "team/proj/data:v1"]
    assert sorted(receipt.files()) == ["b", "c", "z"]


@pytest.mark.parametrize(
    "change", [{"prefix": "b/"}, {"store": "/elsewhere"}, {"name": "team/proj/data2:v0"}], ids=str
)
def test_another_part_store_or_collection_is_kept_beside(change: dict[str, str]) -> None:
    other = replace(delivery_of(rows_of(["b/c"])), **change)

    assert len(sample().adding(other).deliveries) == 2


def test_a_folder_without_a_receipt_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReceiptNotFoundError) as caught:
        Receipt.read(tmp_path)

    assert caught.value.folder == str(tmp_path)
    assert Receipt.find(tmp_path) == Receipt()


@pytest.mark.parametrize("where", ["gone", "file", "file/below"])
def test_what_is_no_folder_has_no_receipt(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ReceiptNotFoundError):
        Receipt.read(tmp_path / where)


def test_a_folder_in_the_receipts_place_is_no_receipt(tmp_path: Path) -> None:
    (tmp_path / RECEIPT).mkdir()

    with pytest.raises(ReceiptNotFoundError):
        Receipt.read(tmp_path)
    assert Receipt.find(tmp_path) == Receipt()


def test_any_damaged_byte_is_refused(tmp_path: Path) -> None:
    sample().write(tmp_path)
    data = (tmp_path / RECEIPT).read_bytes()

    for at in range(0, len(data), 3):
        (tmp_path / RECEIPT).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(IntegrityError):
            Receipt.read(tmp_path)
        assert Receipt.find(tmp_path) == Receipt()


def test_any_cut_is_refused(tmp_path: Path) -> None:
    sample().write(tmp_path)
    data = (tmp_path / RECEIPT).read_bytes()

    for length in range(0, len(data), 7):
        (tmp_path / RECEIPT).write_bytes(data[:length])
        with pytest.raises(IntegrityError):
            Receipt.read(tmp_path)


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another format": lambda header: header.update(receipt=2),
    "no format": lambda header: header.pop("receipt"),
    "no deliveries": lambda header: header.pop("deliveries"),
    "deliveries that are no list": lambda header: header.update(deliveries=7),
    "a delivery that is no object": lambda header: header.update(deliveries=["x"]),
    "a delivery of nothing": lambda header: header.update(deliveries=[{}]),
    "another manifest": lambda header: header["deliveries"][0].update(digest="0" * 64),
    "no digest": lambda header: header["deliveries"][0].update(digest="abc"),
    "a name that is no text": lambda header: header["deliveries"][0].update(name=7),
    "a prefix that is no text": lambda header: header["deliveries"][0].update(prefix=None),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_no_writer_makes_is_refused_though_its_digest_is_right(
    lie: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    sample().write(tmp_path)
    rewrite(tmp_path, lie)

    with pytest.raises(MalformedError) as caught:
        Receipt.read(tmp_path)
    assert RECEIPT in str(caught.value)


def test_pages_that_are_not_the_manifests_are_refused() -> None:
    delivery = sample().deliveries[0]
    [digest] = delivery.pages
    [other] = delivery_of(rows_of(["other"])).pages.values()
    assert delivery.files()  # what was read of one is not another's

    for pages in ({}, {digest: other}, {digest: b""}):
        with pytest.raises(IntegrityError):
            replace(delivery, pages=pages).files()


def test_a_page_is_read_once_whatever_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt, check, read = sample(), PageRow.check, []

    def noted(row: PageRow, data: bytes) -> Page:
        read.append(row)
        return check(row, data)

    monkeypatch.setattr(PageRow, "check", noted)
    for ask in (receipt.files, receipt.details, receipt.left_out, receipt.referred):
        ask()

    assert read == [*receipt.deliveries[0].manifest.rows]


def test_a_page_that_its_row_lies_about_is_refused() -> None:
    [(row, _, data)] = build(rows_of(SMALL))
    lying = PageRow(row.digest, row.entries + 1, row.length, row.size, row.first, row.last)
    manifest = Manifest((lying,))

    with pytest.raises(IntegrityError):
        Delivered("n", "t", "s", "", manifest, {row.digest: data}).files()


def test_a_receipt_that_cannot_be_written_is_told_of_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / RECEIPT).mkdir()

    with pytest.raises(StorageError):
        sample().write(tmp_path)
    assert os.listdir(tmp_path) == [RECEIPT]


@pytest.mark.parametrize("name", [RECEIPT, f"{RECEIPT}-0123abcd", ".artifact-partial-0123abcd"])
def test_a_downloads_own_files_are_known_by_name(name: str) -> None:
    assert is_ours(name)


@pytest.mark.parametrize(
    "name", ["a", ".", ".git", f"{RECEIPT}x", f"{RECEIPT}-0123ABCD", f"x{RECEIPT}"]
)
def test_no_other_file_is_taken_for_one(name: str) -> None:
    assert not is_ours(name)


# References

TOLD = Detail(Kind.REFERENCE, uri="s3://b/told", etag="1")
READ = Detail(Kind.REFERENCE, uri="s3://b/read", is_content=True)


def referring(**references: bytes) -> Delivered:
    """A file `a`, and references `sub/read` and `sub/told`; what came of which."""
    rows = rows_of(["a"])
    told = TOLD.derive(4)
    assert told is not None
    rows |= {"sub/told": (*told, TOLD), "sub/read": (Digest.of(b"read"), 4, READ)}
    came = {f"sub/{name}": (Digest.of(data), len(data)) for name, data in references.items()}
    return replace(delivery_of(rows), references=came)


def test_references_that_did_not_come_were_left_out() -> None:
    read = (Digest.of(b"read"), 4)

    assert referring(told=b"1", read=b"read").left_out() == {}
    assert referring().left_out() == {"sub/read": read, "sub/told": None}
    assert replace(referring(), prefix="a").left_out() == {}
    assert replace(referring(), only=("sub/told",)).left_out() == {"sub/told": None}
    assert delivery_of(rows_of(SMALL)).left_out() == {}


def test_what_another_delivery_brought_was_not_left_out() -> None:
    whole = replace(referring(told=b"1", read=b"read"), name="team/proj/other:v0")

    assert Receipt((whole, referring())).left_out() == {}
    assert Receipt((referring(told=b"1"), replace(referring(), name="x"))).left_out().keys() == {
        "sub/read"
    }


def test_what_came_is_believed_only_of_references_whose_bytes_are_not_known() -> None:
    wrong = (Digest.of(b"wrong"), 5)
    listed = dict.fromkeys(("a", "more", "sub/read", "sub/told"), wrong)
    delivered = replace(referring(), references=listed)

    assert delivered.files() == {
        "a": (Digest.of(b"a"), 1),
        "sub/read": (Digest.of(b"read"), 4),
        "sub/told": wrong,
    }
    assert {path: had.content for path, had in delivered.referred().items()} == {
        "sub/read": (Digest.of(b"read"), 4),
        "sub/told": wrong,
    }
