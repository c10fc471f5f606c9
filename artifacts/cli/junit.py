"""Junit: a report of problems as JUnit XML, which every CI server reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

_UNWRITABLE = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, data: Mapping[str, Any], lines: list[str]) -> None:
    """One test for all that was compared, and a failed one for each problem; `lines` say which.

    Raises OSError.
    """
    problems = data["problems"]
    suite = ElementTree.Element(
        "testsuite",
        name="art verify",
        tests=str(len(problems) + 1),
        failures=str(len(problems) + bool(problems)),
        errors="0",
        time=str(data["seconds"]),
    )
    counted = ElementTree.SubElement(suite, "properties")
    for key in ("files", "objects", "size"):
        if key in data:
            ElementTree.SubElement(counted, "property", name=key, value=str(data[key]))
    target = _writable(data["target"])
    whole = _case(suite, target, f"against {data['against']}")
    if problems:
        _fail(whole, "problems", f"{len(problems)} of them")
    for problem, line in zip(problems, lines, strict=True):
        _fail(_case(suite, target, problem["where"]), problem["kind"], line)
    path.write_bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


def _case(suite: ElementTree.Element, group: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=group, name=_writable(name))


def _fail(case: ElementTree.Element, kind: str, text: str) -> None:
    failure = ElementTree.SubElement(case, "failure", type=kind, message=_writable(text))
    failure.text = _writable(text)


def _writable(text: str) -> str:
    """What XML has no way to write is written as Python would."""
    return _UNWRITABLE.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
