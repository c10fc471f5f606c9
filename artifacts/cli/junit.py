"""Junit: a report of problems as JUnit XML, which every CI server reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def write_junit(path: Path, data: Mapping[str, Any], lines: list[str]) -> None:
    """One test for all that was compared, and a failed one for each problem; `lines` say which.

    Raises OSError.
    """
    from xml.etree import ElementTree  # as long to load as a small folder takes to verify

    problems = data["problems"]
    suite = ElementTree.Element(
        "testsuite",
        name="art verify",
        tests=str(len(problems) + 1),
        failures=str(len(problems) + bool(problems)),
        errors="0",
        time=str(data["seconds"]),
    )
    counted = _add(suite, "properties")
    for key in ("files", "objects", "size", "unread_references"):
        if key in data:
            _add(counted, "property", name=key, value=str(data[key]))
    if left_out := data.get("left_out"):
        _add(counted, "property", name="left_out", value=str(len(left_out)))
    target = _writable(data["target"])
    whole = _case(suite, target, f"against {data['against']}")
    if problems:
        _fail(whole, "problems", f"{len(problems)} of them")
    for problem, line in zip(problems, lines, strict=True):
        _fail(_case(suite, target, problem["where"]), problem["kind"], line)
    path.write_bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


def _case(suite: Element, group: str, name: str) -> Element:
    return _add(suite, "testcase", classname=group, name=_writable(name))


def _fail(case: Element, kind: str, text: str) -> None:
    _add(case, "failure", type=kind, message=_writable(text)).text = _writable(text)


def _add(parent: Element, tag: str, **attributes: str) -> Element:
    child = parent.makeelement(tag, attributes)
    parent.append(child)
    return child


def _writable(text: str) -> str:
    """What XML has no way to write is written as Python would."""
    return _UNWRITABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
