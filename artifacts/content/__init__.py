"""Content: what an artifact contains, as values. No store, no disk, no network."""

from artifacts.content.diff import Diff, diff
from artifacts.content.digest import Digest
from artifacts.content.entry import MAX_SIZE, Detail, Entry, Kind, Row
from artifacts.content.manifest import Manifest, PageRow, build
from artifacts.content.page import Page
from artifacts.content.path import (
    Leaves,
    check_no_file_is_a_folder,
    check_path,
    check_paths,
)

__all__ = [
    "MAX_SIZE",
    "Detail",
    "Diff",
    "Digest",
    "Entry",
    "Kind",
    "Leaves",
    "Manifest",
    "Page",
    "PageRow",
    "Row",
    "build",
    "check_no_file_is_a_folder",
    "check_path",
    "check_paths",
    "diff",
]
