"""What is read off a CPU's flags."""

from pathlib import Path

import pytest
import torch

from lama.compiled import cpu


@pytest.fixture(autouse=True)
def read_anew():
    cpu.flags.cache_clear()
    yield
    cpu.flags.cache_clear()


@pytest.mark.parametrize(
    ("text", "bf16", "int8"),
    [
        ("model name: x\nflags\t\t: fpu sse avx512_bf16 avx2\nflags\t: other\n", True, False),
        ("flags : fpu avx512_vnni\n", False, True),
        ("Features: asimd bf16\n", False, False),
    ],
)
def test_flags_are_words_of_the_first_processor(monkeypatch, text, bf16, int8):
    monkeypatch.setattr(Path, "read_text", lambda _path: text)
    assert (cpu.has_bf16(), cpu.has_int8()) == (bf16, int8)
    assert cpu.quickest_float() == (torch.bfloat16 if bf16 else torch.float32)
    assert "flags" not in cpu.flags()


def test_where_nothing_can_be_read_there_are_none(monkeypatch):
    def missing(_path):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert cpu.flags() == frozenset()
