"""Capture: what is recorded of a run beside what it logs."""

from artifacts.runs.capture.capturing import Capture, begin_capture, start_capture
from artifacts.runs.capture.program import Program
from artifacts.runs.capture.transcript import console_lines

__all__ = ["Capture", "Program", "begin_capture", "console_lines", "start_capture"]
