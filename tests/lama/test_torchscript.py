"""TorchScript archives: the tensors that torch would give, and nothing of the file is run."""

import io
import pickle
import tracemalloc
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

import lama
from lama.torchscript import is_torchscript, read_tensors

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Net(nn.Module):
    """Parameters, buffers and other tensors, of several types and layouts, one part held twice."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 5, (3, 1)).to(memory_format=torch.channels_last)
        self.norm = nn.BatchNorm2d(5)
        self.parts = nn.Sequential(nn.Linear(7, 2))
        self.again = self.parts
        self.low = nn.Parameter(torch.randn(3).to(torch.bfloat16))
        self.register_buffer("turned", torch.arange(6).reshape(2, 3).t())
        self.register_buffer("nothing", torch.zeros(0, 4, dtype=torch.float64))
        self.plain = torch.ones(3)  # neither a parameter nor a buffer
        self.names = ["a", "b"]
        self.sizes = {"a": 1}
        self.lists = [torch.ones(2)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)) * self.plain.sum() * self.lists[0].sum()


@pytest.fixture(params=["script", "trace"])
def archive(request, tmp_path) -> Path:
    net, example = Net().eval(), torch.rand(1, 3, 9, 7)
    made = torch.jit.script(net) if request.param == "script" else torch.jit.trace(net, example)
    made.save(tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_the_tensors_are_those_that_torch_gives(archive):
    assert is_torchscript(archive)
    expected = torch.jit.load(archive).state_dict()
    found = read_tensors(archive)
    assert list(found) == list(expected)
    assert "plain" not in found
    assert "again.0.weight" in found
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
        assert found[name].dtype == tensor.dtype
        assert found[name].stride() == tensor.stride(), name


class Evil(nn.Module):
    """Writes a file when torch loads it."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

    @torch.jit.export
    def __getstate__(self):
        return (torch.zeros(1), self.training)

    @torch.jit.export
    def __setstate__(self, s: tuple[torch.Tensor, bool]):
        torch.save(torch.arange(3), "written_by_the_file.bin")
        self.w = s[0]
        self.training = s[1]

    def forward(self, x: torch.Tensor):
        return x


def test_code_of_a_file_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Evil()).save("evil.pt")
    with pytest.raises(ValueError, match="wants code of the file to be run"):
        lama.load("evil.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.pt"]


def rewritten(source: Path, changes: dict[str, bytes | None], compressed: str = "") -> Path:
    """A copy of an archive with other entries; the keys are names behind the root."""
    target = source.with_name("changed.pt")
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            name = info.filename.partition("/")[2]
            data = changes.get(name, old.read(info))
            if data is not None:
                how = zipfile.ZIP_DEFLATED if name == compressed else zipfile.ZIP_STORED
                new.writestr(info.filename, data, how)
    return target


class Call:
    def __init__(self, function: object, *arguments: object) -> None:
        self.how = function, arguments

    def __reduce__(self):
        return self.how


class Foreign(pickle.Pickler):
    """Writes storages as a TorchScript archive has them."""

    def persistent_id(self, item: object) -> object:
        return item.pid if isinstance(item, Storage) else None


class Storage:
    def __init__(self, *pid: object) -> None:
        self.pid = pid


def pickled(item: object) -> bytes:
    buffer = io.BytesIO()
    Foreign(buffer, protocol=2).dump(item)
    return buffer.getvalue()


def test_a_pickle_that_calls_is_refused(archive, tmp_path):
    trace = tmp_path / "trace"
    evil = pickled(Call(exec, f"open({str(trace)!r}, 'w').write('gotcha')"))
    with pytest.raises(ValueError, match="exec.*could run code"):
        read_tensors(rewritten(archive, {"data.pkl": evil}))
    assert not trace.exists()


def module(pid: tuple[object, ...], offset: object, size: object, stride: object) -> bytes:
    """The pickle of a network with one tensor, by hand: its class exists nowhere."""
    tensor = Call(torch._utils._rebuild_tensor_v2, Storage(*pid), offset, size, stride, False,
                  OrderedDict())  # fmt: skip
    state = pickled({"w": tensor})[2:-1]
    return b"\x80\x02c__torch__\nNet\n)\x81" + state + b"b."


GOOD = ("storage", torch.FloatStorage, "0", "cpu", 6)


@pytest.mark.parametrize(
    ("pid", "offset", "size", "stride"),
    [
        (GOOD, 1, (2, 3), (3, 1)),  # one number too far
        (GOOD, 0, (2**30, 2**9), (0, 0)),  # one number shown very often
        (GOOD, -1, (2, 3), (3, 1)),
        (GOOD, 0, (2, -3), (3, 1)),
        (GOOD, 0, (2, 3), (3,)),
        (GOOD, 0, (1,) * 99, (1,) * 99),
        (GOOD, 0, 6, 1),
        (GOOD, 0, ("a",), (1,)),
        (("storage", torch.FloatStorage, "0", "cpu", 2**35), 0, (2, 3), (3, 1)),
        (("storage", torch.FloatStorage, "../data.pkl", "cpu", 6), 0, (2, 3), (3, 1)),
        (("storage", torch.FloatStorage, "77", "cpu", 6), 0, (2, 3), (3, 1)),
        (("storage", OrderedDict, "0", "cpu", 6), 0, (2, 3), (3, 1)),
        (("other", torch.FloatStorage, "0", "cpu", 6), 0, (2, 3), (3, 1)),
        (("storage",), 0, (2, 3), (3, 1)),
    ],
)
def test_tensors_that_are_not_in_the_file(archive, pid, offset, size, stride):
    changes = {"data.pkl": module(GOOD, 0, (2, 3), (3, 1)), "data/0": bytes(24)}
    assert torch.equal(read_tensors(rewritten(archive, changes))["w"], torch.zeros(2, 3))
    changes["data.pkl"] = module(pid, offset, size, stride)
    with pytest.raises(ValueError, match="TorchScript archive that can be read"):
        read_tensors(rewritten(archive, changes))


def test_few_bytes_cannot_become_many(archive):
    changes = {"data.pkl": module(GOOD, 0, (2, 3), (3, 1)), "data/0": bytes(24)}
    with pytest.raises(ValueError, match="data/0 has not the size"):
        read_tensors(rewritten(archive, changes, compressed="data/0"))


def test_a_network_that_holds_itself_ends(archive):
    endless = b"\x80\x02c__torch__\nNet\n)\x81q\x00}X\x01\x00\x00\x00mh\x00sb."
    with pytest.raises(ValueError, match="holds itself"):
        read_tensors(rewritten(archive, {"data.pkl": endless}))


def test_a_pickle_cannot_ask_for_endless_notes(archive):
    """`LONG_BINPUT` of 2 ** 31: the quick pickle machine makes room for all notes before it."""
    hungry = b"\x80\x02Nr\xff\xff\xff\x7f."
    tracemalloc.start()
    with pytest.raises(ValueError, match="can be read"):
        read_tensors(rewritten(archive, {"data.pkl": hungry}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data.pkl": None}, "it has 0 files named data.pkl"),
        ({"data.pkl": b""}, "can be read"),
        ({"data.pkl": b"\x80\x02J\x01"}, "can be read"),
        ({"data.pkl": b"\x80\x02K\x05."}, "the network wants code"),
        ({"data.pkl": b"\x80\x05\x96" + bytes([2, *[0] * 7]) + b"ab."}, "uses BYTEARRAY8"),
        ({"data.pkl": b"\x80\x02}N" + b"\x85" * 200_000 + b"Ns."}, "no plain values"),
        ({"byteorder": b"big"}, "big-endian"),
        ({"data/2": None}, "can be read"),
        ({"data/2": b"abc"}, "data/2 has not the size"),
    ],
)
def test_damaged_archives(archive, changes, words):
    with pytest.raises(ValueError, match=words):
        read_tensors(rewritten(archive, changes))


@pytest.mark.parametrize("share", [0.2, 0.7, 0.99])
def test_archives_that_are_cut_off(archive, share):
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * share)])
    assert not is_torchscript(archive)
    with pytest.raises(ValueError, match="can be read"):
        lama.load(archive)
