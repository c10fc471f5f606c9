"""Named tests: those that a page of the docs names for what it promises."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
_ROW = re.compile(r"\| `(?P<name>[\w.]+)` \| `(?P<file>tests/[\w/]+\.py)::(?P<test>\w+)` \|")


def rows_of(page: str) -> dict[str, tuple[str, str]]:
    """File and test by what a row of the page's table is about."""
    found = [each.groupdict() for each in _ROW.finditer(page)]
    table = {each["name"]: (each["file"], each["test"]) for each in found}
    assert len(table) == len(found), "a name is in the table twice"
    return table


@cache
def functions(file: str) -> Mapping[str, str]:
    """Source of each test of a module, by its name."""
    source = (ROOT / file).read_text()
    return {
        node.name: ast.get_source_segment(source, node) or ""
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }
