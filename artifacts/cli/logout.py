"""Logout: what opens a store, forgotten."""

from __future__ import annotations

import click

from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown
from artifacts.credentials import Credentials


@command
@click.argument("url", required=False)
def logout(call: Call, url: str | None) -> None:
    """Forget what `art login` kept for a store.

    URL is the store of the settings unless it is given, and as it was given then.
    """
    place = url or call.settings.store
    is_gone = Credentials(call.settings.credentials_path).forget(place)
    told = "forgotten" if is_gone else "nothing was kept for it"
    data = {"store": place, "forgotten": is_gone}
    call.tell(data, lambda _: [f"{shown(place)}  {told}"])
