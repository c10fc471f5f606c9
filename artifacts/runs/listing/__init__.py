"""Listing: runs of a project in short, found by their names, and deleted."""
