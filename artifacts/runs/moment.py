"""Moment: a step of a run, at which another begins or it goes on itself."""

from __future__ import annotations

import re

from msgspec import Struct

from artifacts.errors import InvalidError

_FORM = re.compile(r"(?P<run>[^?]+)\?_step=(?P<step>[0-9]{1,15})")


class Moment(Struct, frozen=True):
    """Written `<run id>?_step=<number>`; the step itself belongs to it."""

    run: str
    step: int

    @classmethod
    def parse(cls, text: str) -> Moment:
        """Raises InvalidError."""
        match = _FORM.fullmatch(str(text))
        if match is None:
            form = "expected <run id>?_step=<number>, as in ans3bsax?_step=123"
            raise InvalidError(f"{text!r} is no moment of a run: {form}")
        return cls(match["run"], int(match["step"]))

    def __str__(self) -> str:
        return f"{self.run}?_step={self.step}"
