"""Servers: real object stores on this machine, for as long as the tests run."""
