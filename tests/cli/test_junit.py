"""`art verify --junit` writes what any CI server reads, whatever a file is called."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from cli.shell import Shell


def report(art: Shell, *arguments: str, code: int = 0) -> ElementTree.Element:
    answer = art("verify", *arguments, "--junit", "report.xml")
    assert answer.code == code, answer.err
    return ElementTree.fromstring((art.folder / "report.xml").read_bytes())


def failures(suite: ElementTree.Element) -> dict[str | None, str | None]:
    """Kind of failure by what failed."""
    found = ((case.get("name"), case.find("failure")) for case in suite.iter("testcase"))
    return {name: failure.get("type") for name, failure in found if failure is not None}


def check(suite: ElementTree.Element) -> None:
    """The counts are those of the elements."""
    assert suite.tag == "testsuite"
    assert suite.get("tests") == str(len([*suite.iter("testcase")]))
    assert suite.get("failures") == str(len([*suite.iter("failure")]))


def test_a_clean_folder_is_one_passed_test(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "out")

    suite = report(art, "./out")

    check(suite)
    [case] = suite.iter("testcase")
    assert (case.get("classname"), failures(suite)) == ("./out", {})
    told = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert told["files"] == "3"


def test_each_problem_is_a_failed_test(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "out")
    (art.folder / "out" / "a.txt").write_bytes(b"changed")
    (art.folder / "out" / "sub" / "large.bin").unlink()
    (art.folder / "out" / 'x<&>"\x01\x1b.txt').write_bytes(b"new")

    suite = report(art, "./out", code=1)

    check(suite)
    assert failures(suite) == {
        "against its receipt": "problems",
        "a.txt": "changed",
        "sub/large.bin": "missing",
        'x<&>"\\x01\\x1b.txt': "unexpected",
    }


def test_versions_and_stores_are_reported_too(art: Shell, mnist: str) -> None:
    for target in (mnist, "--all"):
        check(suite := report(art, target))
        assert failures(suite) == {}

    art.damage_last_file()

    suite = report(art, "--all", code=1)
    check(suite)
    assert "damaged" in failures(suite).values()


def test_a_report_that_cannot_be_written_is_an_error(art: Shell, mnist: str) -> None:
    answer = art("verify", mnist, "--junit", str(Path("no") / "such" / "folder.xml"))

    assert (answer.code, "no/such/folder.xml" in answer.err) == (3, True)
