"""Settings: one frozen value, read once from arguments, environment and file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict, Unpack

from artifacts.errors import InvalidNameError, InvalidSettingError
from artifacts.names import check_entity, check_project, nearest_project
from artifacts.options import OPTIONS, option_of
from artifacts.written import READERS, Written, has_password, refusal

_VARIABLES = {  # weakest first
    "store": ("ART_STORE",),
    "entity": ("WANDB_ENTITY", "ART_ENTITY"),
    "project": ("WANDB_PROJECT", "ART_PROJECT"),
    "cache_dir": ("WANDB_CACHE_DIR", "ART_CACHE_DIR"),
    "cache_size": ("ART_CACHE_SIZE",),
    "artifact_dir": ("WANDB_ARTIFACT_DIR", "ART_ARTIFACT_DIR"),
    "quiet": ("WANDB_QUIET", "WANDB_SILENT", "ART_QUIET"),
    "storage_options": ("ART_STORAGE_OPTIONS",),
    "reference_options": ("ART_REFERENCE_OPTIONS",),
    "single_writer": ("ART_SINGLE_WRITER",),
    "offline": ("ART_OFFLINE",),
}
_TABLES: dict[str, tuple[str, ...]] = {  # of two in one folder the first counts
    "art.toml": (),
    "pyproject.toml": ("tool", "art"),
}
_CACHE_SIZE = 50 * 10**9


class Overrides(TypedDict, total=False):
    """What an argument may set; None sets nothing."""

    store: str | os.PathLike[str] | None
    entity: str | None
    project: str | None
    cache_dir: str | os.PathLike[str] | None
    cache_size: str | int | None
    artifact_dir: str | os.PathLike[str] | None
    quiet: bool | None
    storage_options: Mapping[str, Any] | None
    reference_options: Mapping[str, Mapping[str, Any]] | None
    single_writer: bool | None
    offline: bool | None


@dataclass(slots=True, init=False)
class Settings:
    """Where things are and what they are called, and W&B's own settings by their names.

    `Settings(project="p", mode="offline")` has everything else from where `load` finds it. What is
    set later is checked as well. Raises InvalidSettingError, for names that nobody knows too.
    No pydantic model: importing pydantic alone takes what `import artifacts` may take.
    """

    store: str  # a URL, or an absolute path of this machine
    entity: str
    project: str
    cache_dir: Path
    artifact_dir: Path  # holds each download's folder, unless the call names one
    quiet: bool = False
    storage_options: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    """What fsspec's filesystem of a bucket is made with. Holds credentials: never shown."""
    reference_options: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict, hash=False, repr=False
    )
    """The same for what references lead to, by scheme or by what their uris start with."""
    single_writer: bool = False
    """Whether a bucket will do that lets a name be created twice: only one process may write."""
    offline: bool = False
    """Whether artifacts of a store that is far away are read without asking it."""
    cache_size: int = _CACHE_SIZE  # bytes of what is kept of stores that are far away
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What was said of W&B's settings; the others are attributes with their defaults."""
    sources: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __init__(self, **given: Any) -> None:  # noqa: ANN401
        own = {name: given.pop(name) for name in _FIELDS if name in given}
        own = own if own.keys() >= _NEEDED else _found(own)
        for name, default in _FIELDS.items():
            value = own.get(name)
            object.__setattr__(self, name, default() if value is None else value)
        for name, value in given.items():
            setattr(self, name, value)
        self.check()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """One of W&B's settings, as it was said or by default."""
        if name not in OPTIONS:
            raise AttributeError(f"there is no setting {name!r}")
        return self.options.get(name, OPTIONS[name].default)

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401
        name = _public(name)
        if name in OPTIONS:
            said = Written(name, value, "argument", Path()).as_option()
            object.__setattr__(self, "options", {**self.options, name: said})
        elif name in _FIELDS:
            before = getattr(self, name)
            written = Written(name, value, "argument", Path.cwd())
            object.__setattr__(self, name, written.as_field())
            try:
                self.check()
            except InvalidSettingError:
                object.__setattr__(self, name, before)
                raise
        else:
            raise refusal(name, value, "argument", "no such setting")

    def __hash__(self) -> int:
        return hash((self.store, self.entity, self.project, self.cache_dir, self.artifact_dir))

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, ({name: getattr(self, name) for name in _FIELDS},)

    def update_from_dict(self, settings: Mapping[str, Any]) -> None:
        """Set them one by one. Raises InvalidSettingError."""
        for name, value in settings.items():
            setattr(self, name, value)

    def update_from_settings(self, settings: Settings) -> None:
        """Set what was said of W&B's settings there."""
        self.update_from_dict(settings.options)

    def update_from_env_vars(self, environ: Mapping[str, Any]) -> None:
        """Set what these variables say of W&B's settings."""
        found = ((option_of(variable), value) for variable, value in environ.items())
        self.update_from_dict({name: value for name, value in found if name})

    def check(self) -> None:
        """Raises InvalidSettingError for what cannot be."""
        self._check("store", _check_store)
        self._check("entity", check_entity)
        self._check("project", check_project)
        self._check("cache_dir", _check_absolute)
        self._check("artifact_dir", _check_absolute)

    @classmethod
    def load(cls, **overrides: Unpack[Overrides]) -> Settings:
        """Arguments > ART_* > WANDB_* > the nearest art.toml or [tool.art] > defaults.

        Relative paths start at the working directory, in a file at the file's own folder.
        `sources` says of each setting where it was found. Raises InvalidSettingError.
        """
        return cls(**_found(overrides))

    @property
    def credentials_path(self) -> Path:
        """Where `art login` keeps what opens a store, unless it is in the system's keyring."""
        if self.credentials_file:
            return Path(self.credentials_file).expanduser().absolute()
        import platformdirs  # here, since few calls need it

        return platformdirs.user_config_path("artifacts", appauthor=False) / "credentials.json"

    def within(self, entity: str | None = None, project: str | None = None) -> Settings:
        """The same with another entity or project, where one is given."""
        given = {"entity": entity, "project": project}
        sources = {key: "argument" for key, value in given.items() if value}
        return replace(
            self,
            entity=entity or self.entity,
            project=project or self.project,
            sources={**self.sources, **sources},
        )

    def _check(self, name: str, check: Callable[[Any], object]) -> None:
        value = getattr(self, name)
        try:
            check(value)
        except InvalidNameError as error:
            source = self.sources.get(name, "argument")
            raise refusal(name, value, source, error.reason) from None


_FIELDS: Mapping[str, Callable[[], Any]] = {
    **dict.fromkeys(READERS, bool),
    "cache_size": lambda: _CACHE_SIZE,
    **dict.fromkeys(("storage_options", "reference_options", "options", "sources"), dict),
}
_NEEDED = {"store", "entity", "project", "cache_dir", "artifact_dir"}


def _public(name: str) -> str:
    """What W&B calls `x_disable_stats` was `_disable_stats` once, and is taken there still."""
    return f"x{name}" if name[0] == "_" and f"x{name}" in OPTIONS else name


def _remade(fields: Mapping[str, Any]) -> Settings:
    return Settings(**fields)


def _found(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting from the strongest that says it: arguments, environment, file, default."""
    folder = Path.cwd()
    layers = (
        *_from_defaults(folder),
        *_from_file(folder),
        *_from_environment(folder),
        *_from_arguments(given, folder),
    )
    written = {each.setting: each for each in layers}  # the last one counts
    return {
        **{name: written[name].as_field() for name in READERS},
        "options": {name: written[name].as_option() for name in written if name in OPTIONS},
        "sources": {each.setting: each.source for each in written.values()},
    }


def _from_arguments(overrides: Mapping[str, Any], folder: Path) -> Iterator[Written]:
    for name, value in overrides.items():
        if value is not None:
            yield Written(name, value, "argument", folder)


def _from_environment(folder: Path) -> Iterator[Written]:
    for name, variables in _VARIABLES.items():
        for variable in variables:
            if value := os.environ.get(variable):  # an empty one is as good as unset
                yield Written(name, value, f"environment {variable}", folder)
    for variable in sorted(os.environ, reverse=True):  # WANDB_* before ART_*, which are stronger
        name_ = option_of(variable) if variable.startswith(("WANDB_", "ART_")) else None
        if name_ is not None and (value := os.environ[variable]):
            yield Written(name_, value, f"environment {variable}", folder)


def _from_file(folder: Path) -> Iterator[Written]:
    """What the nearest file says, and none farther away."""
    for path in (place / name for place in (folder, *folder.parents) for name in _TABLES):
        table = _read_table(path) if os.path.isfile(path) else None
        if table is not None:
            yield from (Written(key, table[key], str(path), path.parent) for key in table)
            return


def _read_table(path: Path) -> dict[str, object] | None:
    """None where the file does not speak of us."""
    import tomllib  # here, since most folders have no such file

    try:
        with path.open("rb") as file:
            table: object = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise InvalidSettingError(path.name, str(path), f"cannot be read: {error}") from error
    for key in _TABLES[path.name]:
        table = table.get(key) if isinstance(table, dict) else None
    if not isinstance(table, dict | None):
        raise InvalidSettingError(path.name, str(path), "expected [tool.art] to be one table")
    return table


def _from_defaults(folder: Path) -> Iterator[Written]:
    import platformdirs  # here, since `art --version` needs none of it

    defaults = {
        "store": platformdirs.user_data_path("artifacts", appauthor=False) / "store",
        "entity": "default",
        "project": "uncategorized",
        "cache_dir": platformdirs.user_cache_path("artifacts", appauthor=False),
        "cache_size": _CACHE_SIZE,
        "artifact_dir": "artifacts",
        "quiet": False,
        "storage_options": {},
        "reference_options": {},
        "single_writer": False,
        "offline": False,
    }
    for name, value in defaults.items():
        yield Written(name, value, "default", folder)
    yield from _from_git(folder)


def _from_git(folder: Path) -> Iterator[Written]:
    """The project is called like the folder of the working tree, where there is one."""
    for root in (folder, *folder.parents):
        if os.path.exists(root / ".git"):  # a folder, or a file in a worktree
            if project := nearest_project(root.name):
                yield Written("project", project, f"git root {root}", folder)
            return


def _check_store(url: str) -> None:
    if "://" not in url and not os.path.isabs(url):
        raise InvalidNameError(url, "expected a URL or an absolute path")
    if has_password(url):
        raise InvalidNameError(url, "a URL is shown and written down: give the password elsewhere")


def _check_absolute(path: Path) -> None:
    if not path.is_absolute():
        raise InvalidNameError(str(path), "expected an absolute path")
