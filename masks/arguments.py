"""Flags of the command line: what is wrong with one is said in one line, before anything runs."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Raises ValueError for bad flags, instead of printing the usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with a flag and where to read about it."""
        raise ValueError(f"{message} (see {self.prog} --help)")


class LeavingParser(argparse.ArgumentParser):
    """Exits with code 2 for bad flags, after one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with a flag, and exit."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())}\n")


def line(error: Exception) -> str:
    """What went wrong in one line; the system's own errors without their number."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def positive(text: str) -> int:
    """A whole number from 1; argparse says which flag it was given to otherwise."""
    return _at_least(text, 1)


def natural(text: str) -> int:
    """A whole number from 0."""
    return _at_least(text, 0)


def _at_least(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"a whole number, {least} or more, not {text!r}")
    return number
