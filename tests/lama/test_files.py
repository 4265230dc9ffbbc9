import hashlib
import os

import pytest

from lama.files import names_in, sha256_file, write_atomic


def test_a_folder_that_is_not_there_has_nothing_in_it(tmp_path):
    assert names_in(tmp_path / "gone") == []
    (tmp_path / "one").touch()
    assert names_in(tmp_path) == [tmp_path / "one"]
    with pytest.raises(NotADirectoryError):
        names_in(tmp_path / "one")


def test_a_fingerprint_is_that_of_the_bytes(tmp_path):
    content = bytes(range(256)) * 5_001
    (tmp_path / "file").write_bytes(content)
    assert sha256_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_who_may_read_a_file_is_the_systems_choice_and_stays(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "new", b"1")
        (tmp_path / "old").write_bytes(b"1")
        (tmp_path / "old").chmod(0o664)
        write_atomic(tmp_path / "old", b"2")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == mode
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o664
    assert (tmp_path / "old").read_bytes() == b"2"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "file"
    write_atomic(path, b"old")

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lama.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert names_in(path.parent) == [path]
