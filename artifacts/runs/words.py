"""Words: what a run is called, and what its id is, when nobody says."""

from __future__ import annotations

import secrets
import string

_ID_LETTERS = string.ascii_lowercase + string.digits
_FIRST = """
    amber ample apt azure bold brave bright brisk calm candid clear clever coral cosy crisp deft
    dewy eager early earnest fair fleet fond fresh gentle glad golden grand hardy hazel humble
    ivory jolly keen kind lively lucid lunar mellow merry mild misty neat nimble noble placid plucky
    polite proud quick quiet rapid rustic serene silver snowy solar spry steady sunny swift
    tidy tranquil trusty vivid warm wise witty
""".split()  # noqa: SIM905
_SECOND = """
    acorn alder badger bay beacon birch brook canyon cedar cliff clover comet cove crane creek dale
    dawn delta dune elm ember falcon fern field finch fjord forest gale garden glade grove harbor
    heath heron hill island juniper lagoon lake lantern lark maple marsh meadow mesa moon moss
    oak orchard otter peak pine plain pond prairie reef ridge river robin shore sky spring star
    stone summit thicket tide trail valley wave willow wren
""".split()  # noqa: SIM905


def two_words() -> str:
    """At random: `brisk-heron`."""
    return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}"


def generate_id(length: int = 8) -> str:
    """Lower-case letters and digits at random, as ids of runs are by default."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(length))
