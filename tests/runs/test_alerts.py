import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any

import pytest

from artifacts.errors import InvalidSettingError
from artifacts.runs.alerts import Alert, AlertLevel, Alerts
from artifacts.runs.sinks import Mail, Webhook, sinks_of
from artifacts.settings import Settings
from runs.capture.recorder import Remembering

ALERT = Alert("loss", "is nan", AlertLevel.WARN, 1.0, "team/p/1")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Collecting:
    name = "a list"

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.has_come = Event()

    def send(self, alert: Alert) -> None:
        self.alerts.append(alert)
        self.has_come.set()


class Hanging:
    name = "one that hangs"

    def __init__(self) -> None:
        self.is_asked, self.may_go = Event(), Event()

    def send(self, alert: Alert) -> None:
        self.is_asked.set()
        self.may_go.wait()


class Failing:
    name = "one that fails"

    def __init__(self) -> None:
        self.tries = 0

    def send(self, alert: Alert) -> None:
        self.tries += 1
        raise OSError("https://secret.example/token")


@pytest.fixture
def written() -> Remembering:
    return Remembering()


def started(written: Remembering, *sinks: Any, clock: Clock | None = None) -> Alerts:  # noqa: ANN401
    alerts = Alerts("team/p/1", sinks, clock or Clock())
    alerts.start(written)
    return alerts


def test_alert_is_in_the_log_and_at_every_sink(written: Remembering) -> None:
    sinks = Collecting(), Collecting()
    alerts = started(written, *sinks)

    alerts.alert("loss", "is nan", AlertLevel.ERROR)
    alerts.stop()

    facts = {"title": "loss", "text": "is nan", "level": "ERROR", "time": 100.0}
    assert written.notes == [("alert", facts)]
    assert [each.alerts for each in sinks] == [
        [Alert("loss", "is nan", AlertLevel.ERROR, 100.0, "team/p/1")]
    ] * 2


def test_level_is_info_unless_it_is_told(written: Remembering) -> None:
    alerts = started(written)
    alerts.alert("a", "")
    alerts.alert("b", "", "WARN")
    assert [facts["level"] for _, facts in written.notes] == ["INFO", "WARN"]


@pytest.mark.parametrize("wait", [None, 60, 60.0, timedelta(minutes=1)])
def test_same_title_waits_and_others_do_not(written: Remembering, wait: Any) -> None:  # noqa: ANN401
    clock = Clock()
    alerts = started(written, clock=clock)

    for clock.now in (0, 59, 59.9, 60, 61):
        alerts.alert("same", "again", wait_duration=wait)
    alerts.alert("other", "first", wait_duration=wait)

    told = [(facts["title"], facts["time"], facts.get("held_back")) for _, facts in written.notes]
    assert told == [("same", 0, None), ("same", 60, 2), ("other", 61, None)]


def test_no_wait_holds_nothing_back(written: Remembering) -> None:
    alerts = started(written)
    for _ in range(3):
        alerts.alert("same", "again", wait_duration=0)
    assert len(written.notes) == 3


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("t", "x", "warn"), ValueError),
        (("t", "x", "bad"), ValueError),
        (("t", "x", None, "3"), TypeError),
        ((3, "x"), TypeError),
        (("t", None), TypeError),
    ],
)
def test_what_cannot_be_is_refused(
    written: Remembering, arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        started(written).alert(*arguments)

    assert not written.notes


def test_sink_that_hangs_disturbs_nobody(
    written: Remembering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artifacts.runs.alerts._FAREWELL_S", 0.2)
    hanging, other = Hanging(), Collecting()
    alerts = started(written, hanging, other)

    for number in range(500):  # more than may wait
        alerts.alert(f"title {number}", "")
    assert hanging.is_asked.wait(300)
    alerts.stop()  # returns
    hanging.may_go.set()

    assert len(written.notes) == 500
    assert other.has_come.wait(300)


def test_sink_that_fails_is_tried_again_and_its_words_are_not_repeated(
    written: Remembering, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("artifacts.runs.alerts._PAUSE_S", 0.0)
    failing = Failing()
    alerts = started(written, failing)

    alerts.alert("a", "")
    while failing.tries < 3:
        alerts._deliveries[0]._thread.join(0.01)  # type: ignore[union-attr]
    alerts.stop()

    assert failing.tries == 3
    assert "one that fails took no alert: OSError" in caplog.text
    assert "secret" not in caplog.text


@contextmanager
def web_server(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    bodies: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", bodies
        server.shutdown()
        thread.join()


def test_web_hook_is_told_what_people_and_programs_read() -> None:
    with web_server() as (url, bodies):
        Webhook(url).send(ALERT)

    [body] = bodies
    assert body["text"] == body["content"] == "WARN loss (team/p/1)\nis nan"
    assert (body["title"], body["message"], body["level"]) == ("loss", "is nan", "WARN")
    assert (body["run"], body["time"]) == ("team/p/1", 1.0)


def test_web_hook_that_refuses_is_a_failure() -> None:
    with web_server(500) as (url, _), pytest.raises(OSError, match="500"):
        Webhook(url).send(ALERT)


def test_web_hook_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(OSError, match="timed out"):
            Webhook(url, timeout_s=0.2).send(ALERT)


class Mailbox(StreamRequestHandler):
    """A mail server, RFC 5321, that takes everything."""

    mails: list[str]
    commands: list[str]

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip():
            self.commands.append(line)
            match line.split()[0].upper():
                case "EHLO":
                    self._say("250-here\r\n250 AUTH PLAIN")
                case "AUTH":
                    self._say("235 welcome")
                case "DATA":
                    self._say("354 go on")
                    self.mails.append(self._data())
                    self._say("250 taken")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 yes")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _data(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode()) != ".\r\n":
            lines.append(line)
        return "".join(lines)


@contextmanager
def mail_server() -> Iterator[tuple[int, type[Mailbox]]]:
    class Handler(Mailbox):
        mails: list[str] = []  # noqa: RUF012
        commands: list[str] = []  # noqa: RUF012

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], Handler
        server.shutdown()
        thread.join()


def test_mail_goes_to_all_addressees() -> None:
    with mail_server() as (port, box):
        Mail(f"smtp://127.0.0.1:{port}", ["a@x.org", "b@x.org"]).send(ALERT)

    [mail] = box.mails
    assert "Subject: [WARN] loss" in mail
    assert "is nan" in mail
    assert "team/p/1" in mail
    assert [line for line in box.commands if line.upper().startswith("RCPT")] == [
        "rcpt TO:<a@x.org>",
        "rcpt TO:<b@x.org>",
    ]


def test_mail_server_is_logged_in_to() -> None:
    with mail_server() as (port, box):
        Mail(f"smtp://me%40x.org:p%3Aw@127.0.0.1:{port}", ["a@x.org"]).send(ALERT)

    assert any(line.startswith("AUTH PLAIN") for line in box.commands)
    assert "From: me@x.org" in box.mails[0]


def test_title_of_several_lines_is_no_second_header() -> None:
    alert = Alert("a\nBcc: evil@x.org", "", AlertLevel.INFO, 0.0, "r")
    with mail_server() as (port, box):
        Mail(f"smtp://127.0.0.1:{port}", ["a@x.org"]).send(alert)

    assert "Subject: [INFO] a Bcc: evil@x.org" in box.mails[0]


def test_sinks_are_those_of_the_settings() -> None:
    assert sinks_of(Settings()) == []

    mail = {"alert_smtp": "smtps://mail.x.org", "alert_email": "a@x.org, b@x.org"}
    sinks = sinks_of(Settings(alert_webhook="https://x.org/hook", **mail))

    assert [type(each) for each in sinks] == [Webhook, Mail]


@pytest.mark.parametrize(
    "given",
    [
        {"alert_webhook": "file:///etc/passwd"},
        {"alert_email": ["a@x.org"]},
        {"alert_email": ["a@x.org"], "alert_smtp": "secret.x.org"},
    ],
)
def test_sink_that_cannot_be_is_refused_without_its_address(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        sinks_of(Settings(**given))

    assert "secret" not in str(caught.value)
    assert "passwd" not in str(caught.value)
