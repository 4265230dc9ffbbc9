"""Copies of private records go away with their process, however it ends."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lama.training.passing import passing_folder

ROOT = Path(__file__).parents[3]
USER = """
import sys
from lama.training.passing import passing_folder
folder = passing_folder()
(folder / "record").write_text("private")
print(folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Temporary files go here, in other processes too."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def start():
    process = subprocess.Popen(
        [sys.executable, "-c", USER],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, Path(process.stdout.readline().strip())


def end(process):
    process.stdin.close()
    assert process.wait(30) == 0


def test_a_folder_goes_away_with_its_process(temporary):
    process, folder = start()
    assert folder.parent == temporary
    assert (folder / "record").exists()
    assert folder.stat().st_mode & 0o077 == 0
    end(process)
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_stays(temporary):
    killed, left = start()
    alive, used = start()
    killed.kill()
    killed.wait(30)
    assert (left / "record").exists()
    mine = passing_folder()
    assert not left.exists()
    assert (used / "record").read_text() == "private"
    assert passing_folder() != mine
    assert mine.is_dir()
    end(alive)


def test_a_folder_of_another_name_is_nobodys_to_remove(temporary):
    other = temporary / "lama-of-somebody"
    other.mkdir()
    passing_folder()
    assert other.is_dir()
