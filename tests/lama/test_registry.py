import hashlib
from dataclasses import replace

import pytest

import lama
from lama import registry


def test_names_and_entries():
    assert lama.available() == ("lama-tiny", "big-lama")
    with pytest.raises(ValueError, match="unknown model 'x'; known are lama-tiny, big-lama"):
        registry.entry("x")


def test_the_shipped_checkpoint_is_the_registered_one():
    model = registry.entry("lama-tiny")
    path = registry.find("lama-tiny")
    assert path is not None
    data = path.read_bytes()
    assert len(data) == model.size <= 12_000_000
    assert hashlib.sha256(data).hexdigest() == model.sha256
    assert lama.load("lama-tiny").sha256 == model.sha256


def test_a_changed_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMA_HOME", str(tmp_path))
    (tmp_path / "big-lama.pt").write_bytes(b"something else")
    with pytest.raises(ValueError, match="is not the big-lama that is known here"):
        lama.load("big-lama")


def test_a_file_that_is_here_is_checked_before_it_is_said_to_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMA_HOME", str(tmp_path))
    assert registry.download("lama-tiny") == registry.find("lama-tiny")
    (tmp_path / "big-lama.pt").write_bytes(b"half of it")
    with pytest.raises(ValueError, match="is not the big-lama that is known here"):
        registry.download("big-lama")
    assert (tmp_path / "big-lama.pt").exists(), "somebody put it there"


def test_a_model_that_is_not_here_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMA_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=r"206 MB.*--download big-lama.*big-lama\.pt"):
        lama.load("big-lama")


def test_download_offline_names_the_file_and_the_place(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMA_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"Fetch big-lama\.pt \(206 MB\).*fashn-ai/LaMa"):
        registry.download("big-lama")
    assert registry.find("big-lama") is None


def test_whatever_breaks_a_download_is_said_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMA_HOME", str(tmp_path))

    def broken(*_, **__):
        raise RuntimeError("Task error: File reconstruction error")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", broken)
    with pytest.raises(ValueError, match="could not be downloaded: is.*by hand"):
        registry.download("big-lama")


def test_what_arrives_is_checked_and_does_not_stay_if_it_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMA_HOME", str(tmp_path))
    model = replace(registry.entry("big-lama"), sha256=hashlib.sha256(b"weights").hexdigest())
    monkeypatch.setitem(registry.MODELS, "big-lama", model)
    asked, sent = [], [b"a page that says: log in", b"weights"]

    def transfer(repository, name, local_dir, tqdm_class):
        asked.append((repository, name, local_dir, tqdm_class))
        (local_dir / name).write_bytes(sent.pop(0))
        return str(local_dir / name)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", transfer)
    with pytest.raises(ValueError, match="is not the big-lama that is known here"):
        registry.download("big-lama")
    assert list(tmp_path.iterdir()) == []
    assert registry.download("big-lama") == tmp_path / "big-lama.pt" == registry.find("big-lama")
    assert asked == [(model.source, model.file, tmp_path, None)] * 2
    assert registry.download("big-lama").read_bytes() == b"weights"
    assert len(asked) == 2, "what is here is not fetched again"


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_stop_ends_a_download_also_where_transfers_swallow_it(tmp_path, monkeypatch, goes_on):
    monkeypatch.setenv("LAMA_HOME", str(tmp_path))

    class StoppedError(Exception):
        pass

    def stop(share):
        raise StoppedError

    def transfer(_repository, name, local_dir, tqdm_class):
        bar = tqdm_class(total=10)
        try:
            bar.update(1)
        except StoppedError:
            if not goes_on:
                raise RuntimeError("session aborted") from None
        bar.update(9)
        (local_dir / name).write_bytes(b"all of it")
        return local_dir / name

    monkeypatch.setattr("huggingface_hub.hf_hub_download", transfer)
    with pytest.raises(StoppedError):
        registry.download("big-lama", stop)
