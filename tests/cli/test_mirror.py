"""`art store copy` brings what another store has not."""

from __future__ import annotations

from cli.shell import Shell


def test_collections_are_copied_with_their_versions_and_aliases(art: Shell, mnist: str) -> None:
    art.ok("alias", mnist, "prod")
    (art.folder / "f.txt").write_text("x")
    art.ok("put", "f.txt", "elsewhere/proj/other")

    copied = art.ok("store", "copy", str(art.store), "mirror", "--json").json

    assert [each["name"] for each in copied["collections"]] == [
        "default/proj/mnist",
        "elsewhere/proj/other",
    ]
    assert art.ok("cat", "mnist:prod", "a.txt", "--store", "mirror").out == b"alpha\n"
    art.ok("verify", "--all", "--store", "mirror")
    again = art.ok("store", "copy", str(art.store), "mirror", "--json").json
    assert [each["versions"] for each in again["collections"]] == [0, 0]


def test_only_what_is_named_is_copied(art: Shell, mnist: str) -> None:
    assert mnist
    (art.folder / "f.txt").write_text("x")
    art.ok("put", "f.txt", "other")

    art.ok("store", "copy", str(art.store), "mirror", "--only", "other")

    found = art.ok("ls", "--all", "--store", "mirror", "--json").json
    assert [each["name"] for each in found] == ["default/proj/other"]


def test_what_cannot_be_copied_says_why(art: Shell, mnist: str) -> None:
    assert mnist
    (art.folder / "f.txt").write_text("x")
    art.ok("put", "f.txt", "mnist", "--store", "mirror")

    refused = art("store", "copy", str(art.store), "mirror")

    assert (refused.code, "something else" in refused.err) == (4, True)
    assert art("store", "copy", str(art.store), "new", "--only", "nothing").code == 3
    assert art("store", "copy", "nowhere", "new").code == 3
    refused = art("store", "copy", str(art.store), "s3:/bucket")
    assert (refused.code, "write s3://…" in refused.err) == (2, True)
