"""Where a generator runs and with what arithmetic: what this machine has, which form is used."""

from __future__ import annotations

import os
import re

import torch

from lama.compiled import agreement, compile_generator, cpu, int8_works
from lama.generator import Generator, channels_last

PRECISIONS = ("auto", "fp32", "bf16", "int8")
# dB against the plain form on a test picture (`agreement`). 8 bits stay far above what an eye can
# tell (40); the exact form differs by rounding alone.
_LEAST_AGREEMENT = {"fp32": 90.0, "bf16": 40.0, "int8": 40.0}


def pick_device(device: str) -> torch.device:
    """The device of that name, "auto" being the GPU if there is one; ValueError otherwise.

    Of several processes on one machine "auto" gives each its own GPU, by `LOCAL_RANK`.

    Args:
        device: "auto", or one that networks run on: cpu, cuda, mps or xpu, with a number or not.
    """
    if device == "auto":
        gpu = _own_gpu()
        return torch.device(gpu if torch.cuda.is_available() and _computes(gpu) else "cpu")
    if not re.fullmatch(r"(cpu|cuda|mps|xpu)(:\d+)?", device):
        raise ValueError(
            f"device {device!r} cannot be used here: auto, cpu, cuda, cuda:1, mps, xpu are known"
        )
    try:
        picked = torch.device(device)
        (torch.zeros(8, device=picked) + 1).sum().item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"device {device!r} cannot be used here: {reason}") from error
    return picked


def _own_gpu() -> str:
    """This process's GPU, as torchrun and `accelerate launch` number them; any if not launched."""
    number = os.environ.get("LOCAL_RANK", "")
    if number.isdecimal() and int(number) < torch.cuda.device_count():
        return f"cuda:{int(number)}"
    return "cuda"


def _computes(device: str) -> bool:
    """Whether it can compute at all: torch also lists cards that it has no code for."""
    try:
        return (torch.zeros(8, device=device) + 1).sum().item() == 8
    except RuntimeError:
        return False


def check_precision(precision: str, device: torch.device) -> None:
    """ValueError for a precision that does not exist or cannot be had on the device."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if precision == "int8" and not (device.type == "cpu" and int8_works()):
        raise ValueError("8-bit convolutions do not work here: use precision auto, fp32 or bf16")


def prepare(generator: Generator, precision: str, device: torch.device) -> tuple[Generator, str]:
    """The form of a generator to run on a device, and its precision's name.

    On a CPU it is compiled (`lama.compiled`) and checked against the plain form; a form that does
    not agree is not used. On a GPU it is the generator itself.

    Args:
        generator: in evaluation mode, on the device.
        precision: a name of `PRECISIONS`; "auto" is the quickest that this machine does well.
        device: as `pick_device` gave it.
    """
    if device.type != "cpu":
        reduced = precision == "auto" and device.type == "cuda" and _gpu_has_bf16()
        return generator, "bf16" if reduced or precision == "bf16" else "fp32"
    candidates = _quickest_first() if precision == "auto" else [precision]
    for name in candidates:
        compiled = channels_last(compile_generator(generator, name))
        if agreement(generator, compiled) >= _LEAST_AGREEMENT[name]:
            return compiled, name
    if precision in ("int8", "bf16"):
        raise ValueError(f"{precision} changes what this model answers: use precision auto or fp32")
    return generator, "fp32"


def _quickest_first() -> list[str]:
    """Measured order: AMX computes bf16 as quickly as it is fed, and without 8 bits' rounding."""
    names = ["fp32"]
    if cpu.has_bf16():
        names.insert(0, "bf16")
    if cpu.has_int8() and int8_works():
        names.insert(1 if "amx_bf16" in cpu.flags() else 0, "int8")
    return names


def has_bf16() -> bool:
    """Whether this machine (its GPU, or without one its CPU) computes in bf16 quicker than fp32."""
    if torch.cuda.is_available():
        return _gpu_has_bf16()
    return cpu.has_bf16()


def _gpu_has_bf16() -> bool:
    """Whether the GPU computes in bf16; older ones only emulate it, more slowly than fp32."""
    return torch.cuda.is_bf16_supported(including_emulation=False)
