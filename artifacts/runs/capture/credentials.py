"""Credentials: taken out of what is recorded."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

HIDDEN = "***"
_USER = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?P<user>[^/\s?#@:]*)(?P<pass>:[^/\s?#]*)?@", re.I
)
_QUERY = re.compile(r"(?<=[?&;])(?P<name>[^=&;\s]{1,64})=(?P<value>[^&;#\s]*)")
_NAMED = re.compile(r"\A(?P<name>-{0,2}[\w.\[\]+-]{1,100})=(?P<value>.+)\Z", re.DOTALL)
_OPTION = re.compile(r"\A--?[\w.-]{1,100}\Z")
_ALWAYS = {"password", "passwd", "passphrase", "secret", "credential", "credentials", "apikey"}
_PAIRS = {
    ("api", "key"),
    ("access", "key"),
    ("private", "key"),
    ("secret", "key"),
    ("account", "key"),
}
_TOKENS = {"auth", "api", "access", "bearer", "refresh", "session", "security", "bot", "hf", "hub"}
_TOKENS |= {"github", "gitlab", "gh", "git", "wandb", "slack", "oauth", "id", "sas", "telegram"}
_SIGNED = {"sig", "signature"}


def without_credentials(text: str) -> str:
    """The same without user names, passwords and signatures that stand in its addresses.

    The user's name stays where no password can follow from it: `ssh://git@host`.
    """
    text = _USER.sub(_without_user, text)
    return _QUERY.sub(_without_value, text)


def command_without_credentials(arguments: Sequence[str]) -> list[str]:
    """Of addresses as above; the value of an option that is named like a secret is hidden."""
    told = []
    is_secret = False
    for argument in arguments:
        named = _NAMED.match(argument)
        if is_secret and not argument.startswith("-"):
            told.append(HIDDEN)
        elif named and _is_secret(named["name"]):
            told.append(f"{named['name']}={HIDDEN}")
        else:
            told.append(without_credentials(argument))
        is_secret = bool(_OPTION.match(argument)) and _is_secret(argument)
    return told


def _without_user(match: re.Match[str]) -> str:
    if match["pass"] is None and match["scheme"].lower() in ("ssh://", "git+ssh://"):
        return match[0]
    return match["scheme"]


def _without_value(match: re.Match[str]) -> str:
    is_secret = _is_secret(match["name"]) or _words(match["name"])[-1:] == ["token"]
    return f"{match['name']}={HIDDEN}" if is_secret else match[0]


def _is_secret(name: str) -> bool:
    words = _words(name)
    if _ALWAYS & {*words} or _PAIRS & {*itertools.pairwise(words)}:
        return True
    if words[-1:] == ["token"]:
        return len(words) == 1 or words[-2] in _TOKENS
    return bool(_SIGNED & {*words[-1:]})


def _words(name: str) -> list[str]:
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", parted) if word]
