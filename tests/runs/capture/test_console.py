import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from artifacts.runs.capture import console_lines
from runs.capture.captured import captured

OUTPUT = Path("run/files/output.log")
both = pytest.mark.parametrize("console", ["wrap", "redirect"])


@both
def test_what_is_printed_is_shown_and_recorded(console: str) -> None:
    done = captured('print("hello"); print("oh", file=sys.stderr); stop()', console=console)

    assert (done.shown, done.errors, done.exit_code) == ("hello\n", "oh\n", 0)
    assert sorted(console_lines(done.of("console"))) == ["hello", "oh"]
    assert sorted(OUTPUT.read_text().splitlines()) == ["hello", "oh"]
    assert [*done.files["output.log"]] == ["run/files/output.log", "end"]


@both
def test_bars_of_tqdm_are_a_line_each(console: str) -> None:
    program = """
        from tqdm import tqdm
        for epoch in tqdm(range(3), desc="epochs", file=sys.stdout):
            for batch in tqdm(range(50), desc="batches", leave=False, file=sys.stdout):
                time.sleep(0.001)
        print("done")
        stop()
    """
    done = captured(program, console=console)

    first, second = OUTPUT.read_text().splitlines()
    assert first.startswith("epochs: 100%")
    assert second == "done"
    assert done.exit_code == 0


def test_children_and_c_libraries_are_heard_where_descriptors_are_redirected() -> None:
    program = """
        import ctypes, subprocess
        subprocess.run(["sh", "-c", "echo child; echo oh >&2"])
        os.write(1, b"raw\\n")
        ctypes.CDLL(None).puts(b"from c")
        stop()
        print("after")
    """
    done = captured(program, console="redirect")

    assert {"child", "raw", "from c", "after"} == {*done.shown.splitlines()}
    assert {"child", "raw", "from c", "oh"} == {*console_lines(done.of("console"))}
    assert not [*Path("run").glob(".std*")]


def test_last_words_of_a_dying_process_are_shown() -> None:
    done = captured('os.write(2, b"fatal\\n"); os.kill(os.getpid(), 9)', console="redirect")

    assert done.exit_code == -9
    assert done.errors == "fatal\n"


def test_printing_while_no_thread_may_run_is_no_deadlock() -> None:
    program = """
        import ctypes
        libc = ctypes.PyDLL(None)  # keeps the interpreter's lock
        libc.write.restype = ctypes.c_ssize_t
        left = 2**22
        while left:  # a signal may end a call early
            written = libc.write(1, b"x" * left, ctypes.c_size_t(left))
            assert written > 0
            left -= written
        stop()
    """
    done = captured(program, console="redirect")

    assert len(done.shown) == 2**22


def test_child_that_lives_on_keeps_its_console() -> None:
    program = """
        import subprocess
        until = "while [ ! -e over ]; do sleep 0.05; done; echo late"
        subprocess.Popen(["sh", "-c", until])
        print("early", flush=True)
        stop()
        Path("over").touch()
        print("over")
    """
    done = captured(program, console="redirect")

    assert sorted(done.shown.splitlines()) == ["early", "late", "over"]
    assert console_lines(done.of("console")) == ["early"]


@both
def test_traceback_of_an_error_that_ends_the_run_is_recorded(console: str) -> None:
    program = """
        try:
            {}["missing"]
        except KeyError as error:
            stop(exit_code=1, error=error)
            raise
    """
    done = captured(program, console=console)

    assert OUTPUT.read_text().splitlines()[-1] == "KeyError: 'missing'"
    assert done.errors.count("Traceback") == 1


def test_logging_set_up_before_is_heard() -> None:
    program = """
        import logging
        handler = logging.StreamHandler(before)
        logging.getLogger("x").addHandler(handler)
        logging.getLogger("x").warning("careful")
        stop()
    """
    captured("before = sys.stderr\n" + "\n".join(line[8:] for line in program.splitlines()))

    assert OUTPUT.read_text() == "careful\n"


@both
def test_forked_process_neither_hangs_nor_ends_the_capture(console: str) -> None:
    program = """
        if (pid := os.fork()) == 0:
            print("child", flush=True)
            capture.stop()
            os._exit(0)
        os.waitpid(pid, 0)
        print("parent")
        stop()
    """
    done = captured(program, console=console)

    assert sorted(done.shown.splitlines()) == ["child", "parent"]
    assert "parent" in console_lines(done.of("console"))


def test_streams_are_as_before_when_it_is_over() -> None:
    program = """
        stop()
        print("write" in vars(sys.stdout), "write" in vars(sys.stderr))
    """
    assert captured(program, console="wrap").shown == "False False\n"


def test_two_listeners_may_end_in_any_order() -> None:
    program = """
        second = start_capture(settings, Remembering(), Path("run2/files"))
        print("both")
        stop()
        print("second only")
        second.stop()
        print("none")
    """
    done = captured(program, console="wrap")

    assert done.shown == "both\nsecond only\nnone\n"
    assert OUTPUT.read_text() == "both\n"
    assert Path("run2/files/output.log").read_text() == "both\nsecond only\n"


def test_output_beyond_a_files_room_is_all_recorded() -> None:
    program = """
        from artifacts.runs.capture import redirected
        redirected._LONGEST = 2000
        for number in range(1000):
            print(number, flush=True)
            time.sleep(0.025 if number % 10 == 0 else 0)
        stop()
    """
    done = captured(program, console="redirect")

    assert console_lines(done.of("console")) == [str(number) for number in range(1000)]
    assert done.shown.split() == [str(number) for number in range(1000)]
    assert not [*Path("run").glob(".std*")]


def test_what_is_printed_while_files_change_is_recorded_in_order() -> None:
    program = """
        import signal, threading
        from artifacts.runs.capture import redirected
        redirected._LONGEST, redirected._FAREWELL_S = 10, 60
        spawn, read = redirected._spawn_tee, redirected._Tee.read
        heard, late, changed = [], [], threading.Event()

        def spawn_another(*arguments):
            late.append(heard[-1]._process)
            os.kill(late[0], signal.SIGSTOP)  # what it was given is late
            os.write(1, b"before\\n")
            made = spawn(*arguments)
            os.write(1, b"while\\n")
            redirected._spawn_tee, redirected._LONGEST = spawn, 10**6
            changed.set()
            return made

        def heed(tee, *, is_last):
            heard.append(tee)
            return read(tee, is_last=is_last)

        redirected._Tee.read, redirected._spawn_tee = heed, spawn_another
        print("first, and long enough", flush=True)
        changed.wait()
        print("after", flush=True)
        seen = len(heard)
        while len(heard) < seen + 4:  # looks, of which none may be at what came after
            time.sleep(0.01)
        os.kill(late[0], signal.SIGCONT)
        stop()
    """
    done = captured(program, console="redirect")

    expected = ["first, and long enough", "before", "while", "after"]
    assert console_lines(done.of("console")) == expected
    assert sorted(done.shown.splitlines()) == sorted(expected)
    assert not [*Path("run").glob(".std*")]


def test_where_no_other_file_can_be_begun_the_first_goes_on() -> None:
    program = """
        from artifacts.runs.capture import redirected
        redirected._LONGEST = 10
        spawn, failed = redirected._spawn_tee, []

        def fail(*arguments):
            failed.append(len(os.listdir("/dev/fd")))
            raise BlockingIOError("no more processes")

        redirected._spawn_tee = fail
        for number in range(40):
            print("line", number, flush=True)
            time.sleep(0.025)
        assert 1 <= len(failed) < 10, failed
        assert len({*failed}) == 1, failed
        stop()
    """
    done = captured(program, console="redirect")

    assert done.errors == ""
    assert console_lines(done.of("console")) == [f"line {number}" for number in range(40)]
    assert not [*Path("run").glob(".std*")]


def test_off_records_nothing() -> None:
    done = captured('print("hello"); stop()', console="off")

    assert not OUTPUT.exists()
    assert not done.of("console")


def test_closed_descriptors_are_left_alone() -> None:
    program = """
        stop()
        os.close(1); os.close(2)
        third = start_capture(settings, Remembering(), Path("run3/files"))
        third.stop()
        Path("lived").touch()
    """
    captured(program, console="redirect")

    assert Path("lived").exists()


def test_terminal_stays_one_of_its_size() -> None:
    program = 'print(os.isatty(1), os.get_terminal_size(1).columns, flush=True); stop(); print("x")'
    captured(program, console="redirect")  # writes train.py
    near, far = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-c", f"import fcntl, termios, struct, os; {SIZED}"],
        stdin=subprocess.DEVNULL,
        stdout=far,
        stderr=subprocess.STDOUT,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin", "HOME": os.getcwd()},
    )
    os.close(far)
    assert done.wait(300) == 0
    shown = os.read(near, 1000)
    os.close(near)

    assert shown == b"True 97\r\nx\r\n"
    assert OUTPUT.read_text() == "True 97\n"


SIZED = (
    "fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 97, 0, 0));"
    "exec(open('train.py').read())"
)
