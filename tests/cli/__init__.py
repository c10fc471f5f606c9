"""The command `art`, run as its users run it."""
