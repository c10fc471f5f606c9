"""Sinks: where alerts go beside the store, a web hook or a mailbox."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from artifacts.errors import InvalidSettingError
from artifacts.runs.alerts import Alert, Sink
from artifacts.settings import Settings

if TYPE_CHECKING:
    from email.message import EmailMessage

_LIMIT_S = 10.0
_PORTS = {"smtp": 25, "smtps": 465}


class Webhook:
    """POSTs JSON: `text` and `content` for people, as Slack, Mattermost and Discord want it, and
    `title`, `message`, `level`, `run` and `time` for programs.
    """

    name = "the alert web hook"

    def __init__(self, url: str, timeout_s: float = _LIMIT_S) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise InvalidSettingError("alert_webhook", "***", "expected an http or https URL")
        self._url, self._timeout_s = url, timeout_s

    def send(self, alert: Alert) -> None:
        """Raises OSError if it is not taken."""
        import urllib.request

        said = f"{alert.level.value} {alert.title} ({alert.run})\n{alert.text}"
        body = {"text": said, "content": said, "run": alert.run, "message": alert.text}
        facts = {key: value for key, value in alert.facts().items() if key != "text"}
        request = urllib.request.Request(
            self._url,
            json.dumps({**body, **facts}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
            answer.read(2**16)


class Mail:
    """One plain message to all addressees.

    The server is `smtp://[user:password@]host[:port]`, encrypted if it can be, or `smtps://…`.
    """

    name = "the alert mail server"

    def __init__(self, server: str, to: Sequence[str], timeout_s: float = _LIMIT_S) -> None:
        parts = urlsplit(server)
        if parts.scheme not in _PORTS or not parts.hostname:
            reason = "expected smtp://[user:password@]host[:port] or smtps://…"
            raise InvalidSettingError("alert_smtp", "***", reason)
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._to, self._timeout_s = tuple(to), timeout_s

    def send(self, alert: Alert) -> None:
        """Raises OSError if it is not taken. A password is sent only encrypted, or to this host."""
        import smtplib
        import ssl

        if self._scheme == "smtps":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout_s, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        with server:
            server.ehlo()
            if self._scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
            elif self._scheme == "smtp" and self._user and not self._is_here():
                raise OSError("the mail server takes passwords only in the clear")
            if self._user:
                server.login(self._user, self._password)
            server.send_message(self._message(alert))

    def _is_here(self) -> bool:
        return self._host in ("localhost", "127.0.0.1", "::1")

    def _message(self, alert: Alert) -> EmailMessage:
        import socket
        from email.message import EmailMessage

        message = EmailMessage()
        title = " ".join(alert.title.split())  # a header is one line
        message["Subject"] = f"[{alert.level.value}] {title}"
        message["From"] = self._user if "@" in self._user else f"artifacts@{socket.gethostname()}"
        message["To"] = ", ".join(self._to)
        message.set_content(f"{alert.text}\n\n{alert.run}\n")
        return message


def sinks_of(settings: Settings) -> list[Sink]:
    """Those that the settings name: `alert_webhook`; `alert_smtp` and `alert_email` together.

    Raises InvalidSettingError.
    """
    return [*_found(settings)]


def _found(settings: Settings) -> Iterator[Sink]:
    if settings.alert_webhook:
        yield Webhook(settings.alert_webhook)
    if settings.alert_email and not settings.alert_smtp:
        reason = "no mail without a server: set alert_smtp"
        raise InvalidSettingError("alert_email", ", ".join(settings.alert_email), reason)
    if settings.alert_email:
        yield Mail(settings.alert_smtp, settings.alert_email)
