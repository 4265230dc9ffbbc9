import hashlib

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


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "file"
    write_atomic(path, b"old")
    assert path.stat().st_mode & 0o777 == 0o644

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lama.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert names_in(path.parent) == [path]
