"""`art` as a process: what it loads, how it ends, and what becomes of its output."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.shell import ART, FILES, ROOT, Shell

LARGE = FILES["sub/large.bin"]


def loaded_by(*arguments: str) -> set[str]:
    """Modules that the process has loaded when it ends."""
    code = (
        "import atexit, sys; from artifacts.cli.main import main; "
        "atexit.register(lambda: print(*sys.modules)); "
        f"main({[*arguments]})"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return {*told.stdout.splitlines()[-1].split()}


def test_version_is_told_without_click() -> None:
    assert loaded_by("--version").isdisjoint({"click", "blake3", "zstandard", "fsspec", "tqdm"})


@pytest.mark.local
def test_no_command_loads_what_only_a_bucket_needs(art: Shell, mnist: str) -> None:
    assert loaded_by("show", mnist).isdisjoint({"fsspec", "pydantic", "numpy", "tqdm"})
    assert art.store.exists()


@pytest.mark.parametrize("command", ["show", "ls", "log"])
def test_no_command_loads_what_only_a_whole_stores_upkeep_needs(mnist: str, command: str) -> None:
    assert "artifacts.catalog.upkeep" not in loaded_by(command, mnist.partition(":")[0])
    assert "artifacts.catalog.upkeep" in loaded_by("gc")


def test_a_folder_is_verified_without_what_only_a_store_needs(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "./got")

    parts = {name.partition(".")[2] for name in loaded_by("verify", "./got")}

    assert "cache.auditing" in parts
    assert parts.isdisjoint({"catalog.session", "storage.log", "storage.opening", "cache.copies"})


def test_version_is_told_alike_among_other_options(art: Shell) -> None:
    assert art.process("--version").out == art.ok("--json", "--version").out


def test_without_arguments_help_is_shown(art: Shell) -> None:
    answer = art.process()

    assert answer.code == 0
    assert answer.lines[0].startswith("Usage: art ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ls"], 0),
        (["diff", "mnist", "./data/sub"], 1),
        (["put"], 2),
        (["show", "nosuch"], 3),
        (["get", "mnist", "./data/sub/.."], 0),
    ],
)
def test_exit_code_reaches_the_shell(
    art: Shell, mnist: str, arguments: list[str], code: int
) -> None:
    answer = art.process(*arguments)

    assert (answer.code, "Traceback" in answer.err) == (code, False)
    assert mnist


def test_bytes_are_not_touched_on_their_way_out(art: Shell, mnist: str) -> None:
    assert art.process("cat", mnist, "sub/large.bin").out == LARGE


def test_closed_pipe_ends_it_quietly(art: Shell, mnist: str) -> None:
    with art.start("cat", mnist, "sub/large.bin") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        told = process.stderr.read()

    assert (process.returncode, told) == (141, b"")


def test_pipe_that_was_never_read_ends_it_quietly(art: Shell, mnist: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    told = subprocess.run(
        [*ART, "ls"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    os.close(writer)

    assert (told.returncode, told.stderr) == (141, b"")
    assert mnist


def test_interrupt_ends_it_with_a_sentence(art: Shell, mnist: str) -> None:
    with art.start("cat", mnist, "sub/large.bin") as process:
        assert process.stdout is not None
        process.stdout.read(1)  # it waits for us to read the rest
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=300)

    assert process.returncode == 130
    assert told.startswith(b"art: interrupted")


@pytest.mark.parametrize("module", ["click", "artifacts.cli.failure", "artifacts.query"])
def test_interrupt_while_modules_load_ends_it_with_a_sentence(module: str) -> None:
    code = (
        "import signal, sys; from artifacts.cli.main import main; "
        f"sys.addaudithook(lambda event, about: event == 'import' and about[0] == {module!r} "
        "and signal.raise_signal(signal.SIGINT)); "
        "signal.signal(signal.SIGINT, signal.default_int_handler); main(['ls'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, env=environment
    )

    assert (told.returncode, told.stderr.partition(b";")[0].strip()) == (130, b"art: interrupted")


def test_nothing_loads_before_it_can_answer_an_interrupt() -> None:
    code = (
        f"import sys, importlib, __future__; sys.path.append({str(ROOT)!r}); "
        "before = {*sys.modules}; import artifacts.cli.main; print(*{*sys.modules} - before)"
    )
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )

    assert {*told.stdout.split()} == {"artifacts", "artifacts.cli", "artifacts.cli.main"}


def test_output_that_knows_no_unicode_gets_escapes(
    art: Shell, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "☃").write_bytes(b"1")
    art.ok("put", str(data), "x")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")

    answer = art.process("show", "x", "--files")

    assert answer.code == 0
    assert r"\u2603" in answer.lines[-1]


@pytest.mark.parametrize("option", ["--store", "--entity", "--project"])
def test_an_option_without_a_value_is_no_other_place(art: Shell, mnist: str, option: str) -> None:
    """As of a variable of the shell that is not set."""
    answer = art("rm", mnist, option, "")

    assert (answer.code, f"{option}: is empty" in answer.err.replace("'", "")) == (2, True)
    assert art("show", mnist).code == 0


@pytest.mark.local
def test_one_job_of_upkeep_loads_no_other(art: Shell, mnist: str) -> None:
    loaded = loaded_by("verify", mnist)
    assert "artifacts.catalog.upkeep.verify" in loaded
    assert loaded.isdisjoint({"artifacts.catalog.upkeep.gc", "xml.etree.ElementTree"})


def test_the_package_is_the_command_too() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "artifacts", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert told.stdout.startswith("art ")
