"""Credentials: of stores, kept for one user: in the system's keyring, or in a file of theirs.

None is ever shown, logged or written anywhere else.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any

from artifacts.errors import InvalidSettingError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_EDITION = 1
_SERVICE = "artifacts"  # what they are called in the keyring
_log = logging.getLogger(__name__)


class Credentials:
    """By the URL of a store; what is kept of a URL serves all stores below it.

    The file says what is in the keyring, so that is asked for nothing else. It may be a link, which
    stays. Raises InvalidSettingError for a file that is damaged and for what is no file, OSError.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def options_of(self, url: str) -> Mapping[str, Any]:
        """What fsspec's filesystem of the store is made with; empty if nothing is kept."""
        kept = self._read()
        place = _nearest(kept, url)
        if place is None:
            return {}
        if "options" in kept[place]:
            return dict(kept[place]["options"])
        return _from_keyring(place)

    def place_of(self, url: str) -> str | None:
        """Where it is kept: `the keyring`, or the file; None if nothing is."""
        kept = self._read()
        place = _nearest(kept, url)
        if place is None:
            return None
        return str(self.file) if "options" in kept[place] else "the keyring"

    def keep(self, url: str, options: Mapping[str, Any]) -> str:
        """Instead of what was kept for that URL; where. Only this user can read it."""
        place = url.rstrip("/")
        self._check()
        is_hidden = _to_keyring(place, options)
        row: dict[str, Any] = {"keyring": True} if is_hidden else {"options": dict(options)}
        with self._alone():
            self._write({**self._read(), place: row})
        return "the keyring" if is_hidden else str(self.file)

    def forget(self, url: str) -> bool:
        """Whether anything was kept for exactly that URL."""
        place = url.rstrip("/")
        if place not in self._read():
            return False
        with self._alone():
            kept = self._read()
            row = kept.pop(place, {})
            self._write(kept)
        if "keyring" in row:
            _out_of_keyring(place)
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else changes the file meanwhile, where the system has locks of folders."""
        folder = self._target.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if fcntl is None:
            yield
            return
        fd = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # a disk without locks
                fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    @property
    def _target(self) -> Path:
        """The file itself, where what is named is a link."""
        return Path(os.path.realpath(self.file))

    def _check(self) -> None:
        """Opening a pipe may wait for ever, and a device must not be replaced."""
        with suppress(FileNotFoundError, NotADirectoryError):
            if not S_ISREG(self.file.stat().st_mode):
                reason = "is no file, but a folder or a device: name another"
                raise InvalidSettingError("credentials_file", str(self.file), reason)

    def _read(self) -> dict[str, dict[str, Any]]:
        self._check()
        try:
            with self.file.open("rb") as file:
                mode, text = os.fstat(file.fileno()).st_mode, file.read()
        except (FileNotFoundError, NotADirectoryError):
            return {}
        if os.name == "posix" and mode & 0o077:
            _log.warning("%s holds credentials and others may read it: chmod 600 it", self.file)
        try:
            told = json.loads(text)
            stores = told["stores"]
            if told["credentials"] == _EDITION and all(
                isinstance(s, dict) for s in stores.values()
            ):
                return dict(stores)
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # what it says must not be shown
        reason = "is no file that `art login` of this version wrote: name another, or delete it"
        raise InvalidSettingError("credentials_file", str(self.file), reason)

    def _write(self, stores: Mapping[str, Mapping[str, Any]]) -> None:
        target = self._target
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                json.dump({"credentials": _EDITION, "stores": stores}, file)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)


def _nearest(kept: Mapping[str, object], url: str) -> str | None:
    """The longest of the URLs that this one is, or lies below."""
    wanted = url.rstrip("/")
    there = [each for each in kept if wanted == each or wanted.startswith(f"{each}/")]
    return max(there, key=len, default=None)


def _to_keyring(place: str, options: Mapping[str, Any]) -> bool:
    """Whether there is a keyring, and it took them."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return False
    text = json.dumps(dict(options))
    try:
        keyring.set_password(_SERVICE, place, text)
        return bool(keyring.get_password(_SERVICE, place) == text)  # one that is off takes all
    except keyring.errors.KeyringError as error:
        _log.info("the keyring is not used: %s", type(error).__name__)
        return False


def _from_keyring(place: str) -> Mapping[str, Any]:
    """Raises InvalidSettingError where it cannot be had any more."""
    reason = "are in a keyring that does not give them: `art login` again"
    try:
        import keyring
        import keyring.errors
    except ImportError:
        reason = "are in a keyring, for which the package keyring is missing: pip install keyring"
        raise InvalidSettingError("credentials", place, reason) from None
    try:
        text = keyring.get_password(_SERVICE, place)
    except keyring.errors.KeyringError:
        text = None
    options = json.loads(text) if text else None
    if not isinstance(options, dict):
        raise InvalidSettingError("credentials", place, reason)
    return options


def _out_of_keyring(place: str) -> None:
    """Best effort: without its row in the file nothing asks for it."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return
    try:
        keyring.delete_password(_SERVICE, place)
    except keyring.errors.KeyringError as error:
        _log.warning("the keyring keeps the credentials of %s: %s", place, type(error).__name__)
