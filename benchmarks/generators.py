"""Compiled forms of the generators against the plain one, and against what the CPU could do."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import lama
from benchmarks import method
from benchmarks.method import Measurement, interleaved
from lama.checkpoint import build
from lama.compiled import compile_generator, int8_works
from lama.config import FourierConfig
from lama.generator import Generator, channels_last
from lama.unet import FFCUNet

SIZE = 512
COPYING = "fill to copy from"
EVERYWHERE = "plain fp32, all of the picture"


def forms(generator: Generator) -> dict[str, Generator]:
    """The plain form as published (contiguous, 32 bits), and the compiled ones.

    lama-tiny is measured once more as it is trained, looking at all of the picture at every size.
    """
    made = {"plain fp32": generator, "compiled fp32": compile_generator(generator, "fp32")}
    if isinstance(generator, FFCUNet):
        made[EVERYWHERE] = copy.deepcopy(generator)
        made[EVERYWHERE].margin = SIZE
    if int8_works():
        made["compiled int8"] = compile_generator(generator, "int8")
    return made | {"compiled bf16": compile_generator(generator, "bf16")}


def networks() -> dict[str, Generator]:
    """The published layout with weights that do something, and the shipped model."""
    torch.manual_seed(0)
    big = build(FourierConfig(n_blocks=18)).eval().requires_grad_(False)
    for module in big.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features) * 0.1
            module.running_var = torch.rand(module.num_features) + 0.5
    tiny = lama.load("lama-tiny", "cpu", "fp32").generator
    return {"big-lama layout": big, "lama-tiny": tiny.to(memory_format=torch.contiguous_format)}


def measure(name: str, generator: Generator, repeats: int, bf16: bool) -> list[Measurement]:
    """Time, agreement and share of the arithmetic bound of every form at 512x512.

    What a network copies from is made ahead and has a row of its own: it is no part of the network,
    and the same for all forms.
    """
    image, mask = picture()
    copier = generator.copier
    copied = None if copier is None else copier(image, mask)
    flops = FlopCounterMode(display=False)
    with torch.inference_mode(), flops:
        exact = generator(image, mask, copied)
    laid_out = image.contiguous(memory_format=torch.channels_last)
    calls = {
        form: _call(module, image if "plain" in form else laid_out, mask, copied)
        for form, module in forms(generator).items()
        if bf16 or "bf16" not in form
    }
    if copier is not None:
        calls[COPYING] = lambda: copier(image, mask)
    matrix = torch.randn(1536, 1536)
    calls["gemm"] = lambda: matrix @ matrix
    seconds = interleaved(calls, repeats)
    gemm = 2 * 1536**3 / seconds.pop("gemm").median
    bound = flops.get_total_flops() / gemm
    copying = seconds.pop(COPYING, None)
    rows = [] if copying is None else [Measurement(f"{name}, {COPYING}", copying, {})]
    whole = calls[EVERYWHERE]() if EVERYWHERE in calls else None
    for form, timing in seconds.items():
        answer = calls[form]()
        figures = {
            "times_as_fast": seconds["plain fp32"].median / timing.median,
            "psnr_db": _decibels(answer, exact),
            "max_error": float((answer - exact).abs().max()),
            "gigaflop": flops.get_total_flops() / 1e9,
            "gemm_gigaflops": gemm / 1e9,
            "share_of_bound": bound / timing.median,
        }
        if whole is not None:
            figures["times_as_fast_as_all"] = seconds[EVERYWHERE].median / timing.median
            figures["psnr_db_to_all"] = _decibels(answer, whole)
        rows.append(Measurement(f"{name}, {form}", timing, figures))
    return rows


def _decibels(answer: torch.Tensor, wanted: torch.Tensor) -> float:
    error = float((answer - wanted).square().mean())
    return min(200.0, -10 * float(np.log10(error + 1e-20)))


def picture() -> tuple[torch.Tensor, torch.Tensor]:
    """A smooth random picture with edges, and a hole in its middle."""
    source = torch.Generator().manual_seed(0)
    coarse = torch.rand((1, 3, 24, 24), generator=source)
    image = torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bicubic").clamp(0, 1)
    image[..., : SIZE // 3] = image[..., : SIZE // 3].round()
    mask = torch.zeros(1, 1, SIZE, SIZE)
    mask[..., 120:350, 140:400] = 1
    return image, mask


def where_time_goes(generator: Generator, precision: str) -> str:
    """A profile of the compiled form: operators by their own time."""
    compiled = channels_last(compile_generator(generator, precision))
    image, mask = picture()
    copied = None if compiled.copier is None else compiled.copier(image, mask)
    call = _call(compiled, image.contiguous(memory_format=torch.channels_last), mask, copied)
    call()
    return method.where_time_goes(call)


def _call(  # noqa: ANN202
    module: Generator, image: torch.Tensor, mask: torch.Tensor, copied: torch.Tensor | None
):
    def call() -> torch.Tensor:
        with torch.inference_mode():
            return module(image, mask, copied).float()

    return call
