"""Each kind of error has one exit code, and a sentence instead of a traceback."""

import inspect
from collections.abc import Callable

import click
import pytest

from artifacts import errors
from artifacts.catalog import Session
from artifacts.cli.failure import EXIT_CODES, exit_code, report
from cli.shell import Shell

ERRORS = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, errors.ArtifactsError)
]


@pytest.mark.parametrize("cls", ERRORS)
def test_error_has_the_code_of_one_kind(cls: type[errors.ArtifactsError]) -> None:
    kinds = {kind for kind in EXIT_CODES if issubclass(cls, kind)}
    ours = kinds & {kind for kind in ERRORS if kind not in (errors.CommError, cls)}

    assert len(ours) <= 1
    assert exit_code(cls) in {EXIT_CODES[kind] for kind in ours or kinds}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.VerificationError("./x", ["missing: a"]), 1),
        (errors.InvalidNameError("a b", "no"), 2),
        (click.UsageError("no"), 2),
        (errors.ArtifactNotFoundError("a", "s"), 3),
        (FileNotFoundError(2, "No such file", "x"), 3),
        (errors.LocalChangesError(["a"]), 4),
        (errors.NotAStoreError("s", "no"), 5),
        (errors.WaitTimeoutError("it", 1), 6),
        (PermissionError(13, "Permission denied", "x"), 6),
        (ZeroDivisionError(), 70),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (BrokenPipeError(), 141),
    ],
)
def test_code_is_that_of_the_kind(error: BaseException, code: int) -> None:
    assert exit_code(type(error)) == code


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nosuch"], 2, "No such command 'nosuch'; `art --help` tells more"),
        (["put"], 2, "Missing argument 'PATH'; `art put --help` tells more"),
        (["store"], 2, "Missing command; `art store --help` tells more"),
        (["ls", "--nosuch"], 2, "No such option"),
        (["ls", "--entity", "a/b"], 2, "setting entity = 'a/b'"),
        (["show", "mnist"], 3, "no store at"),
        (["put", "nosuch"], 3, "nosuch: No such file or directory"),
        (["get", "./x"], 2, "'./x' is a folder, expected a name"),
        (["put", ".", "demo/x:v3"], 2, "'demo/x:v3' says a version, where only a collection"),
        (["prune", "x:v0"], 2, "only a collection belongs: write x\n"),
        (["prune", "demo/x@12345678"], 2, "only a collection belongs: write demo/x\n"),
        (["rename", "demo/p", "demo/q"], 2, "says the project 'demo', where only the new name"),
        (["rename", "demo/p", "q:v1"], 2, "'q:v1' says a version"),
        (["verify"], 2, "name what to verify"),
        (["verify", ".", "--all"], 2, "--all reads the whole store"),
        (["verify", "mnist", "--against", "x"], 2, "--against is for folders"),
        (["verify", ".", "--digest", "abc"], 2, "not a digest"),
        (["verify", "."], 3, "has no receipt"),
        (["diff", ".", "."], 2, "two folders"),
        (["ls", "mnist", "--all"], 2, "--all lists every collection"),
        (["show", "mnist", "--b3sums", "--json"], 2, "--b3sums has a form of its own"),
    ],
)
def test_error_is_a_sentence_and_a_code(
    art: Shell, arguments: list[str], code: int, words: str
) -> None:
    answer = art(*arguments)

    assert (answer.code, answer.out) == (code, b"")
    assert answer.err.startswith("art: ")
    assert answer.err.count("\n") == 1
    assert words in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "nosuch"],
        ["ls", "nosuch"],
        ["log", "nosuch"],
        ["get", "nosuch"],
        ["diff", "mnist", "nosuch"],
        ["verify", "mnist:v7"],
        ["verify", "./data", "--against", "nosuch"],
        ["cat", "nosuch", "a.txt"],
        ["cat", "mnist", "nosuch"],
        ["get", "mnist", "--prefix", "nosuch"],
    ],
)
def test_not_found_names_the_store_that_was_searched(
    art: Shell, mnist: str, arguments: list[str]
) -> None:
    answer = art(*arguments)

    assert answer.code == 3
    assert str(art.store) in answer.err


def test_absent_store_is_named(art: Shell) -> None:
    answer = art("ls", "--store", "elsewhere")

    assert answer.code == 3
    assert str(art.folder / "elsewhere") in answer.err


def test_other_problems_are_told_too(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    error = errors.LocalChangesError(["a", "b"])
    error.add_note("c: its bytes are missing")

    report(error)

    told = capsysbinary.readouterr().err.decode().splitlines()
    assert told[1:] == ["  a", "  b", "art: c: its bytes are missing"]


def test_name_in_an_error_does_not_reach_the_terminal_raw(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    report(errors.MissingBlobError("a\x1b[2Jb", "key", "store"))

    assert b"\x1b" not in capsysbinary.readouterr().err


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def fail(session: Session) -> None:
        raise ZeroDivisionError(str(session.settings.store))

    monkeypatch.setattr(Session, "catalog", property(fail))
    return lambda: None


@pytest.mark.usefixtures("broken")
def test_fault_of_ours_is_confessed_without_a_traceback(art: Shell) -> None:
    answer = art("ls")

    assert answer.code == 70
    assert "--debug" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.usefixtures("broken")
def test_debug_shows_the_traceback(art: Shell) -> None:
    assert "Traceback" in art("ls", "--debug").err


def test_path_that_the_disk_refuses_is_named(art: Shell) -> None:
    name = "x" * 300
    answer = art("put", name)

    assert (answer.code, answer.err) == (6, f"art: {name}: File name too long\n")
