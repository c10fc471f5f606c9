"""Capture: what is recorded of a run beside what it logs."""

from artifacts.runs.capture.capturing import Capture, start_capture
from artifacts.runs.capture.transcript import console_lines

__all__ = ["Capture", "console_lines", "start_capture"]
