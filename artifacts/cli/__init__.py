"""Cli: the command `art`, a door to everything below; entered by its main alone."""

__all__: list[str] = []
