"""Which form of a generator runs, and what is said when one cannot be had."""

import pytest
import torch

from lama import precision
from lama.checkpoint import build
from lama.compiled import cpu
from lama.config import FourierConfig
from lama.generator import Generator
from lama.inference import Inpainter
from lama.precision import check_precision, pick_device, prepare

CPU = torch.device("cpu")


def small() -> Generator:
    torch.manual_seed(0)
    return build(FourierConfig(ngf=8, n_blocks=1)).eval()


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="precision must be one of auto, fp32, bf16, int8"):
        check_precision("fp64", CPU)
    for name in ("warp-drive", "meta", "cuda:99", "cpu:", "fpga", ""):
        with pytest.raises(ValueError, match="cannot be used here"):
            pick_device(name)
    assert pick_device("cpu") == CPU


def test_int8_is_refused_where_it_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "int8_works", lambda: False)
    with pytest.raises(ValueError, match="use precision auto"):
        check_precision("int8", CPU)


@pytest.mark.parametrize(
    ("flags", "works", "wanted"),
    [
        ({"avx2"}, True, "fp32"),
        ({"avx512_vnni"}, True, "int8"),
        ({"avx512_vnni"}, False, "fp32"),
        ({"avx512_bf16"}, True, "bf16"),
    ],
)
def test_auto_takes_what_the_processor_has(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], works: bool, wanted: str
) -> None:
    if "avx512_vnni" in flags and works and not precision.int8_works():
        pytest.skip("no 8-bit convolutions on this machine")
    monkeypatch.setattr(cpu, "flags", lambda: frozenset(flags))
    monkeypatch.setattr(precision, "int8_works", lambda: works)
    compiled, name = prepare(small(), "auto", CPU)
    assert name == wanted
    assert isinstance(compiled, Generator)


def test_a_form_that_disagrees_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "agreement", lambda _a, _b: 12.0)
    generator = small()
    assert prepare(generator, "auto", CPU) == (generator, "fp32")
    with pytest.raises(ValueError, match="changes what this model answers"):
        prepare(generator, "bf16", CPU)


def test_inpainter_keeps_the_generator_it_was_given() -> None:
    generator = small()
    inpainter = Inpainter(generator, precision="fp32")
    assert inpainter.generator is generator
    assert any(key.endswith("bn_l.running_mean") for key in generator.state_dict())


def test_a_gpu_that_computes_nothing_is_not_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = torch.zeros

    def broken(*size: int, device: object = None) -> torch.Tensor:
        if str(device).startswith("cuda"):
            raise RuntimeError("no kernel image is available for execution on the device")
        return zeros(*size, device=device)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "zeros", broken)
    assert pick_device("auto") == torch.device("cpu")
    with pytest.raises(ValueError, match="no kernel image"):
        pick_device("cuda")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(None, "cuda"), ("0", "cuda:0"), ("1", "cuda:1"), ("2", "cuda"), ("x", "cuda")],
)
def test_processes_of_one_machine_take_a_gpu_each(
    monkeypatch: pytest.MonkeyPatch, given: str | None, wanted: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(precision, "_computes", lambda _: True)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if given is not None:
        monkeypatch.setenv("LOCAL_RANK", given)
    assert pick_device("auto") == torch.device(wanted)
    assert pick_device("cpu") == CPU


def test_bf16_that_a_gpu_only_imitates_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert not precision.has_bf16()
    generator = build(FourierConfig(ngf=4, n_blocks=1)).eval()
    assert precision.prepare(generator, "auto", torch.device("cuda")) == (generator, "fp32")
