"""Written: one setting as somebody wrote it, and what it means."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from artifacts.errors import InvalidNameError, InvalidSettingError
from artifacts.names import check_folder
from artifacts.options import FLAGS, OPTIONS, SECRETS, read_option

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:([kmgt])(i)?)?b?", re.IGNORECASE)
_HIDDEN = {"storage_options", "reference_options"}
_PASSWORD = re.compile(r"(?<=:/)(/?)[^/@]*:[^/]*(?=@)")


class Written(Struct, frozen=True):
    """One setting as somebody wrote it, where, and the folder where its path would start."""

    setting: str
    value: object
    source: str
    folder: Path

    def __post_init__(self) -> None:
        if self.setting not in READERS and self.setting not in OPTIONS:
            raise self._refused(f"no such setting, expected one of {', '.join(READERS)}")

    def as_field(self) -> Any:  # noqa: ANN401
        """As the setting wants it."""
        return READERS[self.setting](self)

    def as_option(self) -> Any:  # noqa: ANN401
        """As W&B's setting wants it."""
        try:
            return read_option(self.setting, self.value)
        except InvalidNameError as error:
            raise self._refused(error.reason) from None

    def as_text(self) -> str:
        if not isinstance(self.value, str):
            raise self._refused("expected text")
        return self.value

    def as_path(self) -> Path:
        if not isinstance(self.value, str | os.PathLike) or not os.fspath(self.value):
            raise self._refused("expected a path")
        try:
            text = os.path.expanduser(check_folder(os.fspath(self.value)))
        except InvalidNameError as error:
            raise self._refused(error.reason) from None
        if text.startswith("~"):
            raise self._refused("no such home folder, give an absolute path")
        return Path(os.path.abspath(self.folder / text))

    def as_url(self) -> str:
        if isinstance(self.value, str) and "://" in self.value:
            return self.value
        return str(self.as_path())

    def as_flag(self) -> bool:
        flag = FLAGS.get(str(self.value).lower())
        if flag is None:
            raise self._refused("expected true or false")
        return flag

    def as_size(self) -> int:
        try:
            return parse_size(str(self.value))
        except InvalidNameError as error:
            raise self._refused(error.reason) from None

    def as_table(self) -> Mapping[str, Any]:
        """A table, or the JSON of one."""
        table = self.value
        if isinstance(table, str):
            try:
                table = json.loads(table)
            except ValueError:
                raise self._refused("expected JSON") from None
        if not isinstance(table, Mapping):
            raise self._refused("expected a table, in the environment as JSON")
        return dict(table)

    def as_tables(self) -> Mapping[str, Mapping[str, Any]]:
        """A table of tables, or the JSON of one."""
        tables = self.as_table()
        if not all(isinstance(table, Mapping) for table in tables.values()):
            raise self._refused("expected a table for each scheme, as {s3 = {anon = true}}")
        return {str(key): dict(table) for key, table in tables.items()}

    def _refused(self, reason: str) -> InvalidSettingError:
        return refusal(self.setting, self.value, self.source, reason)


READERS: Mapping[str, Callable[[Written], Any]] = {
    "store": Written.as_url,
    "entity": Written.as_text,
    "project": Written.as_text,
    "cache_dir": Written.as_path,
    "cache_size": Written.as_size,
    "artifact_dir": Written.as_path,
    "quiet": Written.as_flag,
    "storage_options": Written.as_table,
    "reference_options": Written.as_tables,
    "single_writer": Written.as_flag,
    "offline": Written.as_flag,
}
"""Of each setting, what makes of it what the setting wants."""


def parse_size(text: str) -> int:
    """Bytes that 10GB, 1.5 GiB, 500M or 0 are; thousands unless it has an i.

    Raises InvalidNameError.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InvalidNameError(text, "expected a size like 10GB or 500MiB")
    unit = (1024 if match[3] else 1000) ** " kmgt".index((match[2] or " ").lower())
    return int(float(match[1]) * unit)


def refusal(setting: str, value: object, source: str, reason: str) -> InvalidSettingError:
    """An error that says where it was written, and shows no secret."""
    shown = (
        "***" if setting in _HIDDEN or setting in SECRETS else _PASSWORD.sub(r"\1***", str(value))
    )
    return InvalidSettingError(setting, shown, f"{reason} (from {source})")


def has_password(url: str) -> bool:
    """Whether it holds what `refusal` would not show."""
    return bool(_PASSWORD.search(url))
