"""Errors: every one raised on purpose, grouped by what the caller can do about it.

ArtifactsError
├── InvalidError                  fix the argument (a ValueError)
│   ├── InvalidNameError
│   ├── InvalidPathError
│   ├── InvalidDigestError
│   ├── InvalidSettingError
│   ├── NotAModelError            (an AssertionError)
│   ├── OutsideLinkError
│   ├── TooManyObjectsError
│   ├── UnsupportedFileError
│   └── WrongTypeError            (a CommError as well)
├── CommError                     W&B's name for whatever a server would have refused
├── UsageError                    call it differently
│   └── ConfigError
├── NotFoundError                 name something that exists (a LookupError)
│   ├── ArtifactNotFoundError
│   ├── EntryNotFoundError
│   ├── FolderNotFoundError       (a FileNotFoundError)
│   ├── MissingReferenceError     (a FileNotFoundError)
│   ├── ObjectNotFoundError
│   ├── ProjectNotFoundError      (a CommError as well)
│   ├── ReceiptNotFoundError
│   ├── RunNotFoundError
│   └── StoreNotFoundError
├── ConflictError                 somebody wrote first: read again, then retry
│   ├── AlreadyExistsError
│   ├── FileChangedError
│   ├── LocalChangesError
│   ├── LostRaceError
│   └── ObstructedError
├── StateError                    right call, wrong moment
│   ├── AliasedError              (a CommError as well)
│   ├── ArtifactStatusError
│   │   ├── ArtifactFinalizedError
│   │   └── ArtifactNotLoggedError
│   ├── NotAStoreError
│   ├── RunningError
│   └── UnsupportedStoreError
├── IntegrityError                the bytes are not what their name says: stop
│   ├── BrokenLogError
│   ├── ChangedReferenceError     (a ValueError)
│   ├── DamagedReceiptError
│   ├── DigestMismatchError
│   ├── MalformedError
│   ├── MissingBlobError
│   ├── UnknownEventError
│   └── VerificationError
└── UnavailableError              try later; our own retries are spent
    ├── StorageError
    └── WaitTimeoutError

An error's facts are its arguments and attributes, so it survives pickling and
nobody parses a message. The message says what was found, what was expected and
what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class ArtifactsError(Exception):
    """Base of every error this package raises on purpose. W&B calls it `Error`."""


Error = ArtifactsError
"""As W&B's `errors` call it."""


class InvalidError(ArtifactsError, ValueError):
    """The argument can never be right, whatever the store holds."""


class InvalidNameError(InvalidError):
    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"invalid name {self.name!r}: {self.reason}"


class InvalidPathError(InvalidError):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"bad path in artifact: {self.path!r} {self.reason}"


class InvalidDigestError(InvalidError):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"not a digest: {self.text!r} (want 64 lower-case hex digits)"


class InvalidSettingError(InvalidError):
    def __init__(self, setting: str, value: str, reason: str) -> None:
        super().__init__(setting, value, reason)
        self.setting, self.value, self.reason = setting, value, reason

    def __str__(self) -> str:
        return f"setting {self.setting} = {self.value!r}: {self.reason}"


class TooManyObjectsError(InvalidError):
    """A reference to a folder or prefix that holds more than it may."""

    def __init__(self, uri: str, most: int) -> None:
        super().__init__(uri, most)
        self.uri, self.most = uri, most

    def __str__(self) -> str:
        return f"{self.uri} holds more than {self.most} objects: pass a greater max_objects"


class NotAModelError(InvalidError, AssertionError):
    """A model is wanted. W&B asserts that, so its users expect an AssertionError."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"{self.name!r} is no model: {self.reason}"


class UnsupportedFileError(InvalidError):
    """A FIFO, a socket, a device, a dangling or circular link: nothing to version."""

    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(paths)
        self.paths = tuple(paths)

    def __str__(self) -> str:
        return f"cannot be versioned, take it out of the folder first: {', '.join(self.paths)}"


class OutsideLinkError(InvalidError):
    """A link that leads out of the folder into which a version is put: it is not made unasked."""

    def __init__(self, path: str, target: str) -> None:
        super().__init__(path, target)
        self.path, self.target = path, target

    def __str__(self) -> str:
        consent = "outside_links=True, or --outside-links, makes it"
        return (
            f"{self.path} is a link out of the folder, to {self.target!r}, and not made; {consent}"
        )


class CommError(ArtifactsError):
    """W&B raises this for every refusal of its server; ours come with a second, exact type."""


class WrongTypeError(InvalidError, CommError):
    """There is an artifact of that name, but it is not of the type that was asked for."""

    def __init__(self, name: str, actual: str, expected: str) -> None:
        super().__init__(name, actual, expected)
        self.name, self.actual, self.expected = name, actual, expected

    def __str__(self) -> str:
        return f"{self.name}: its type is {self.actual!r}, not {self.expected!r}"


class UsageError(ArtifactsError):
    """The call cannot be meant as it stands."""


class ConfigError(UsageError):
    """A value of a run's configuration is another already."""

    def __init__(self, key: str, old: object, new: object) -> None:
        super().__init__(key, old, new)
        self.key, self.old, self.new = key, old, new

    def __str__(self) -> str:
        told = f"Attempted to change value of key {self.key!r} from {self.old} to {self.new}"
        return f"{told}; config.update(..., allow_val_change=True) does so"


class NotFoundError(ArtifactsError, LookupError):
    """Nothing has that name."""


class ArtifactNotFoundError(NotFoundError, CommError):
    """`hint` is what there is instead, for somebody who mistyped."""

    def __init__(
        self, name: str, store: str, hint: str = "`art ls --all` lists what there is"
    ) -> None:
        super().__init__(name, store, hint)
        self.name, self.store, self.hint = name, store, hint

    def __str__(self) -> str:
        return f"no artifact {self.name!r} in {self.store}; {self.hint}"


class EntryNotFoundError(NotFoundError, KeyError):
    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"Path not contained in artifact: {self.path}"


class FolderNotFoundError(NotFoundError, FileNotFoundError):
    """There is nothing to compare with an artifact, or what there is is no folder."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"there is no folder {self.folder}: download the artifact, or say where it lies"


class MissingReferenceError(NotFoundError, FileNotFoundError):
    """Nothing lies where a reference leads; `path` is that of the entry, if it is one."""

    def __init__(self, uri: str, path: str = "") -> None:
        super().__init__(uri, path)
        self.uri, self.path = uri, path

    def __str__(self) -> str:
        if self.path:
            return f"{self.path}: nothing lies at {self.uri} any more; put it back, or go without"
        return f"nothing lies at {self.uri}: name an object, or a folder or prefix that holds some"


class ObjectNotFoundError(NotFoundError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"no object at {self.key!r}"


class ProjectNotFoundError(NotFoundError, CommError):
    def __init__(self, name: str, store: str) -> None:
        super().__init__(name, store)
        self.name, self.store = name, store

    def __str__(self) -> str:
        return f"no project {self.name!r} in {self.store}; `art ls --all` lists what there is"


class ReceiptNotFoundError(NotFoundError):
    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.folder} has no receipt of a download; name the artifact to compare it with"


class RunNotFoundError(NotFoundError):
    """No run has that id, or is called so."""

    def __init__(self, name: str, project: str, store: str) -> None:
        super().__init__(name, project, store)
        self.name, self.project, self.store = name, project, store

    def __str__(self) -> str:
        there = f"no run has the id or name {self.name!r} in {self.project} of {self.store}"
        return f"{there}; `art run ls` lists those that there are"


class StoreNotFoundError(NotFoundError, CommError):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url

    def __str__(self) -> str:
        return f"no store at {self.url} yet; the first write makes one, or set ART_STORE"


class ConflictError(ArtifactsError):
    """Another writer got there first."""


class AlreadyExistsError(ConflictError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"{self.key!r} exists already"


class FileChangedError(ConflictError):
    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} keeps changing while it is read; stop its writer and add it again"


class LocalChangesError(ConflictError):
    def __init__(self, paths: Sequence[str]) -> None:
        super().__init__(paths)
        self.paths = tuple(paths)

    def __str__(self) -> str:
        shown = ", ".join(self.paths[:5]) + (", …" if len(self.paths) > 5 else "")
        return (
            f"{len(self.paths)} file(s) were changed here and are kept: {shown}; force overwrites"
        )


class LostRaceError(ConflictError):
    """Another writer appended this event number first: fold its event, take the next."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"{self.key!r} was written by somebody else; fold it and append again"


class ObstructedError(ConflictError):
    """`found` and `wanted` are what lies in a folder, and what the artifact has in its place."""

    def __init__(self, path: str, found: str, wanted: str) -> None:
        super().__init__(path, found, wanted)
        self.path, self.found, self.wanted = path, found, wanted

    def __str__(self) -> str:
        found, wanted = f"is a {self.found} here", f"a {self.wanted} in the artifact"
        return f"{self.path!r} {found} and {wanted}: move or delete what is here, and try again"


class StateError(ArtifactsError):
    """The object is not in a state that allows this call."""


class AliasedError(StateError, CommError):
    """A version that has aliases is not deleted by mistake."""

    def __init__(self, name: str, aliases: Sequence[str]) -> None:
        super().__init__(name, aliases)
        self.name, self.aliases = name, tuple(aliases)

    def __str__(self) -> str:
        aliases = ", ".join(self.aliases)
        return f"{self.name} has the aliases {aliases}: pass delete_aliases=True, or move them"


class ArtifactStatusError(StateError, AttributeError):
    """An AttributeError as in W&B, so that `hasattr` and `getattr` with a default work."""

    def __init__(self, attribute: str) -> None:
        super().__init__(attribute)
        self.attribute = attribute

    def __str__(self) -> str:
        return f"'{self.attribute}' cannot be used in the artifact's present state"


class ArtifactFinalizedError(ArtifactStatusError):
    def __str__(self) -> str:
        return f"'{self.attribute}' used on logged artifact. Can't modify finalized artifact."


class ArtifactNotLoggedError(ArtifactStatusError):
    def __str__(self) -> str:
        return f"'{self.attribute}' used prior to logging artifact; log it, then call it again"


class NotAStoreError(StateError):
    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        return f"{self.url} is not a store of this version: {self.reason}"


class RunningError(StateError):
    """A run that is running is in the way of what was asked for."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{self.path} is running: wait for its end, or take --force"


class UnsupportedStoreError(StateError):
    """The file system or server cannot create a name only once, so versions could be lost."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url, self.reason = url, reason

    def __str__(self) -> str:
        return f"{self.url} cannot hold a store: {self.reason}"


class IntegrityError(ArtifactsError):
    """Stored bytes are damaged, or never were what their name claims."""


class BrokenLogError(IntegrityError):
    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"log is broken at {self.key}: {self.reason}; restore the event from a copy"


class ChangedReferenceError(IntegrityError, ValueError):
    """What a reference leads to is no longer what was recorded of it."""

    def __init__(self, path: str, uri: str, reason: str) -> None:
        super().__init__(path, uri, reason)
        self.path, self.uri, self.reason = path, uri, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.uri} changed since it was added: {self.reason}"


class DamagedReceiptError(IntegrityError):
    """The file that a download left is not as it was left."""

    def __init__(self, receipt: str) -> None:
        super().__init__(receipt)
        self.receipt = receipt

    def __str__(self) -> str:
        return (
            f"the receipt {self.receipt} is damaged; get the artifact once more, "
            "or name the version to compare the folder with"
        )


class DigestMismatchError(IntegrityError):
    def __init__(self, name: str, expected: str, actual: str) -> None:
        super().__init__(name, expected, actual)
        self.name, self.expected, self.actual = name, expected, actual

    def __str__(self) -> str:
        return (
            f"{self.name}: digest is {self.actual}, expected {self.expected}; the bytes are damaged"
        )


class MalformedError(IntegrityError):
    """Bytes that no writer of this format makes, whatever their digest says."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name, self.reason = name, reason

    def __str__(self) -> str:
        return f"{self.name} is malformed: {self.reason}"


class MissingBlobError(IntegrityError):
    """A committed version refers to bytes that the store no longer has."""

    def __init__(self, path: str, key: str, store: str) -> None:
        super().__init__(path, key, store)
        self.path, self.key, self.store = path, key, store

    def __str__(self) -> str:
        return f"{self.path}: its bytes are missing, no {self.key} in {self.store}"


class UnknownEventError(IntegrityError):
    def __init__(self, key: str, kind: str) -> None:
        super().__init__(key, kind)
        self.key, self.kind = key, kind

    def __str__(self) -> str:
        return f"{self.key} is a {self.kind!r} event, newer than this software: upgrade it"


class VerificationError(IntegrityError, ValueError):
    """A folder differs from its artifact; every difference is listed, not the first."""

    def __init__(self, folder: str, differences: Sequence[str]) -> None:
        super().__init__(folder, differences)
        self.folder, self.differences = folder, tuple(differences)

    def __str__(self) -> str:
        return f"{self.folder}: {len(self.differences)} difference(s)\n" + "\n".join(
            self.differences
        )


class UnavailableError(ArtifactsError):
    """The store did not answer in time, or not usefully."""


class StorageError(UnavailableError):
    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}"


class WaitTimeoutError(UnavailableError, TimeoutError):
    def __init__(self, what: str, timeout_s: float) -> None:
        super().__init__(what, timeout_s)
        self.what, self.timeout_s = what, timeout_s

    def __str__(self) -> str:
        return f"{self.what} took longer than {self.timeout_s} s"
