"""Temporary folders that are removed when their process ends.

A process that is killed cannot do that: what it leaves is removed when the next folder is made.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "lama-passing-"
LOCK = ".in-use"  # held as long as the process lives, however it ends


def passing_folder() -> Path:
    """A new folder among the temporary ones, removed when this process ends.

    What killed processes have left is removed first.
    """
    _sweep()
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:  # somebody's sweep took it for that of a killed process
            continue
        folder.chmod(0o700)  # it is made again, if that sweep was through already
        atexit.register(_remove, folder, lock)
        return folder


def _sweep() -> None:
    """Remove folders that nobody holds. Other people's cannot be locked, and stay."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        _remove(folder, lock)


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # locked, so that nobody begins to use it meanwhile
    lock.release()
