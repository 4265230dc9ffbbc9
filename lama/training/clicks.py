"""Trains the network of `lama.selection.clicks` without a single hand-made mask.

    python -m lama.training.clicks PHOTOS [PHOTOS ...] --teacher u2netp.safetensors --output OUT

Teacher: the published U2-Net-p, its tensors by their place in the forward pass. Where it is sure of
the object of a photo, or of a crop, its mask is kept. The student sees these objects alone and
pasted over each other, with clicks or a box that say which is meant.

The weights so far go to `unfinished-OUT` every few hundred steps, and on Ctrl+C or SIGTERM.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from lama.files import write_atomic
from lama.generator import channels_last
from lama.selection.clicks import packed
from lama.selection.u2net import U2NetP
from lama.selection.views import CHANNELS, Window, cut, lay_back, window
from lama.training.signals import stop_on_signal
from masks.annotations import photos
from masks.arguments import LeavingParser, line, natural, positive
from masks.base import Image, Mask
from masks.files import read_image
from masks.ops import within
from masks.selection import Prompt

log = logging.getLogger(__name__)
SHORT_SIDE, CROPS, LOOK = 512, 3, 224
SURE_SHARE = 0.22
"""Most of an object that may be unsure (chances of .15 to .85) for it to be kept."""
BATCH, SIZES, SAVE_EVERY = 8, (96, 112, 128), 250
RATE, STEM_RATE = 3e-4, 1.2e-3


def objects(paths: Sequence[Path], teacher: U2NetP, rng: np.random.Generator) -> Iterator:
    """Yield (picture, mask) wherever the teacher is sure: photos, and crops of them."""
    for path in paths:
        try:
            image = read_image(path)
        except ValueError as error:
            log.warning("left out: %s", error)
            continue
        factor = min(1.0, SHORT_SIDE / min(image.shape[:2]))
        size = round(image.shape[1] * factor), round(image.shape[0] * factor)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        pieces = [image]
        for _ in range(CROPS):
            side = int(min(image.shape[:2]) * rng.uniform(0.35, 0.8))
            top = int(rng.integers(image.shape[0] - side + 1))
            left = int(rng.integers(image.shape[1] - side + 1))
            pieces.append(image[top : top + side, left : left + side])
        for piece in pieces:
            mask = sure_mask(piece, teacher)
            if mask is not None:
                yield shrunk(piece, mask)


@torch.inference_mode()
def sure_mask(image: Image, teacher: U2NetP) -> Mask | None:
    """Return the teacher's mask, bool (H, W), or None where it is unsure or sees (almost) all."""
    height, width = image.shape[:2]
    at = Window(0, 0, max(height, width))
    look = cut(image, at, LOOK, Prompt(points=((0, 0),)))[:3]
    chances = torch.sigmoid(teacher(torch.from_numpy(look)[None]))[0, 0].numpy()
    chances = lay_back(chances, at, height, width)
    mask = chances > 0.5
    unsure = np.count_nonzero((chances > 0.15) & (chances < 0.85))
    if not 0.02 < mask.mean() < 0.55 or unsure >= SURE_SHARE * np.count_nonzero(mask):
        return None
    return mask


def shrunk(image: Image, mask: Mask, side: int = 320) -> tuple[Image, Mask]:
    """Return both with the longer side at most `side`."""
    small, _ = within(image, side)
    return small, cv2.resize(mask.astype(np.float32), small.shape[1::-1]) > 0.5


def scene(bank: Sequence[tuple[Image, Mask]], rng: np.random.Generator) -> tuple[Image, list[Mask]]:
    """Return a picture and its objects: as it was, or with one to four others pasted in."""
    image, mask = bank[int(rng.integers(len(bank)))]
    if rng.random() < 0.4:
        count, pieces = cv2.connectedComponents(mask.astype(np.uint8))
        parts = [pieces == k for k in range(1, count)]
        return image, parts if rng.random() < 0.7 else [mask]
    image, found = image.copy(), [mask] if rng.random() < 0.8 else []
    last = None
    for _ in range(rng.integers(1, 5)):
        # The same object again and beside itself: one click must not take both.
        last = last if last is not None and rng.random() < 0.35 else cutout(bank, rng)
        pasted = paste(image, *last, rng)
        found = [one & ~pasted for one in found] + [pasted]
    return image, found


def cutout(bank: Sequence[tuple[Image, Mask]], rng: np.random.Generator) -> tuple[Image, Mask]:
    """Return an object cut out, preferably one that the border of its picture does not cut."""
    for _ in range(8):
        image, mask = bank[int(rng.integers(len(bank)))]
        x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
        border = mask[0].sum() + mask[-1].sum() + mask[:, 0].sum() + mask[:, -1].sum()
        if border < 0.12 * (w + h):
            break
    return image[y : y + h, x : x + w], mask[y : y + h, x : x + w]


def paste(image: Image, piece: Image, mask: Mask, rng: np.random.Generator) -> Mask:
    """Paste an object into the picture, in place; return where it lies, bool (H, W)."""
    height, width = image.shape[:2]
    longest = max(piece.shape[:2])
    factor = min(
        2.5, np.exp(rng.uniform(np.log(0.12), np.log(0.75))) * max(height, width) / longest
    )
    size = max(6, round(piece.shape[1] * factor)), max(6, round(piece.shape[0] * factor))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    piece = cv2.resize(piece, size, interpolation=way).astype(np.uint8, copy=False)
    cover = cv2.GaussianBlur(cv2.resize(mask.astype(np.float32), size), (3, 3), 0)
    if rng.random() < 0.5:
        piece, cover = piece[:, ::-1], cover[:, ::-1]
    lit = piece.astype(np.float32) * rng.uniform(0.75, 1.25) + rng.uniform(-20, 20)
    x = int(rng.integers(-(size[0] // 3), max(1, width - 2 * size[0] // 3)))
    y = int(rng.integers(-(size[1] // 3), max(1, height - 2 * size[1] // 3)))
    x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + size[0]), min(height, y + size[1])
    where = np.zeros((height, width), np.bool_)
    if x0 < x1 and y0 < y1:
        part = np.s_[y0 - y : y1 - y, x0 - x : x1 - x]
        share = np.clip((cover[part] - 0.5) * 2.5 + 0.5, 0, 1)[..., None]
        mixed = image[y0:y1, x0:x1] * (1 - share) + np.clip(lit[part], 0, 255) * share
        image[y0:y1, x0:x1] = mixed.astype(np.uint8)
        where[y0:y1, x0:x1] = share[..., 0] > 0.5
    return where


def sample(
    bank: Sequence[tuple[Image, Mask]], size: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return one input (6, size, size) and its mask (size, size)."""
    while True:
        image, found = scene(bank, rng)
        found = [m for m in found if m.sum() > max(60, 0.004 * m.size)]
        if not found:
            continue
        mask = found[rng.integers(len(found))]
        prompt, at = question(mask, rng)
        height, width = mask.shape
        inside = cut(np.repeat(mask[..., None].astype(np.uint8) * 255, 3, 2), at, size, prompt)
        truth = (inside[0] > 0).astype(np.float32)
        if not truth.sum() > 20 or not 0 < at.side < 4 * max(height, width):
            continue
        return cut(image, at, size, prompt), truth


def question(mask: Mask, rng: np.random.Generator) -> tuple[Prompt, Window]:
    """Return what is pointed at (click 45 %, box 35 %, clicks on and off 20 %), and the view."""
    height, width = mask.shape
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    kind = rng.choice(3, p=(0.45, 0.35, 0.2))
    low, high = (1.1, 1.7) if kind == 1 else (1.15, 5.0)
    side = max(w, h) * float(np.exp(rng.uniform(np.log(low), np.log(high))))
    side = min(max(24.0, side), 1.2 * max(height, width))
    middle = (
        x + w / 2 + rng.uniform(-0.15, 0.15) * side,
        y + h / 2 + rng.uniform(-0.15, 0.15) * side,
    )
    if kind == 1:
        slip = rng.normal(0, 0.04, 4) * (w, h, w, h)
        left, top, right, bottom = np.array([x, y, x + w, y + h]) + slip
        return Prompt(box=(left, top, right, bottom)), window(middle, side, height, width)
    clicks = [point(mask, rng)]
    centre = clicks[0] if rng.random() < 0.6 else middle
    away = []
    if kind == 2:
        clicks += [point(mask, rng) for _ in range(rng.integers(0, 3))]
        wide = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3)), iterations=max(2, max(w, h) // 4))
        ring = (wide > 0) & ~mask
        away = [point(ring, rng) for _ in range(rng.integers(1, 4))] if ring.sum() > 20 else []
    return Prompt(tuple(clicks), tuple(away)), window(centre, side, height, width)


def point(mask: Mask, rng: np.random.Generator) -> tuple[float, float]:
    """Return a pixel of the mask: often far from its outline, as people click."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    least = 0.7 if rng.random() < 0.6 else 0.1
    rows, columns = np.nonzero(depth >= least * depth.max())
    k = rng.integers(len(rows))
    return float(columns[k]), float(rows[k])


def student(teacher: U2NetP) -> U2NetP:
    """Return the teacher with three more channels in its stem."""
    network = U2NetP(CHANNELS)
    arrays = [p.detach() for p in teacher.parameters()]
    more = 0.05 * torch.randn(arrays[0].shape[0], CHANNELS - 3, *arrays[0].shape[2:])
    network.from_arrays([torch.cat([arrays[0], more], 1), *arrays[1:]])
    return channels_last(network).train()


def loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy and soft intersection over union of (B, H, W)."""
    chances = torch.sigmoid(logits)
    common = (chances * truth).sum((1, 2))
    union = (chances + truth - chances * truth).sum((1, 2))
    return (
        F.binary_cross_entropy_with_logits(logits, truth) + (1 - (common + 1) / (union + 1)).mean()
    )


def train(
    bank: Sequence[tuple[Image, Mask]],
    teacher: U2NetP,
    steps: int,
    seed: int = 0,
    keep: Callable[[list[Tensor]], None] = lambda _: None,
) -> tuple[list[Tensor], int]:
    """Train for so many steps of 8, or until Ctrl+C or SIGTERM, which end the step in work first.

    Args:
        bank: pictures with an object each.
        teacher: whose weights it starts from.
        steps: how many.
        seed: of the samples and of the new channels.
        keep: is given the averaged weights every `SAVE_EVERY` steps, and when a signal came.

    Returns:
        The averaged weights in the order of the forward pass, and the number of steps done.

    Raises:
        FloatingPointError: the loss or its gradient is no longer finite.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = student(teacher)
    stem, *rest = network.parameters()
    optimizer = torch.optim.AdamW(
        [{"params": [stem], "rate": STEM_RATE}, {"params": rest, "rate": RATE}],
        weight_decay=1e-4,
        betas=(0.9, 0.98),
    )
    average = [p.detach().clone() for p in network.parameters()]
    began = time.monotonic()
    done = 0
    with stop_on_signal() as stop:
        while done < steps and not stop.asked:
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * share_of_rate(done, steps)
            value = descend(network, optimizer, bank, rng)
            with torch.no_grad():
                for kept, now in zip(average, network.parameters(), strict=True):
                    kept.lerp_(now, 1 - min(0.99, done / (done + 20)))
            if done % 25 == 0:
                log.info("%d %.0f s, loss %.3f", done, time.monotonic() - began, value)
            done += 1
            if done % SAVE_EVERY == 0 or stop.asked:
                keep(average)
    return average, done


def share_of_rate(step: int, steps: int) -> float:
    """Return the share of the rates at a step: up over 30 of them, then a cosine down to 3 %."""
    fall = 0.03 + 0.97 * 0.5 * (1 + float(np.cos(np.pi * step / steps)))
    return min(1.0, (step + 1) / 30) * fall


def descend(
    network: U2NetP,
    optimizer: torch.optim.Optimizer,
    bank: Sequence[tuple[Image, Mask]],
    rng: np.random.Generator,
) -> float:
    """Take one step on new samples and return the loss; FloatingPointError if it is not finite."""
    size = int(rng.choice(SIZES))
    inputs, truths = zip(*(sample(bank, size, rng) for _ in range(BATCH)), strict=True)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.from_numpy(np.stack(inputs)))[:, 0]
    value = loss(logits.float(), torch.from_numpy(np.stack(truths)))
    optimizer.zero_grad()
    value.backward()
    norm = nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    if not (value.isfinite() and norm.isfinite()):  # before the weights are touched
        raise FloatingPointError(f"the loss is {value.item():.4g}, its gradient {norm.item():.4g}")
    optimizer.step()
    return value.item()


def read_teacher(path: Path) -> U2NetP:
    """Return the network with the weights of a file; ValueError if they are not its own."""
    try:
        stored = load_file(path)
        teacher = U2NetP().eval()
        teacher.from_arrays([stored[name] for name in sorted(stored)])
    except (ValueError, SafetensorError) as error:
        raise ValueError(f"--teacher {path}: {error}") from None
    return teacher


def main(arguments: Sequence[str] | None = None) -> int:
    """Collect objects, train, write the weights; 1 if training ended early, for bad input 2."""
    parser = LeavingParser("python -m lama.training.clicks", description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=positive, default=1500)
    parser.add_argument("--seed", type=natural, default=0)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)  # before hours of work, not after
        teacher = read_teacher(options.teacher)
        paths = [path for folder in options.photos for path in photos(folder)]
    except (OSError, ValueError) as error:
        parser.error(line(error))
    bank = list(objects(paths, teacher, np.random.default_rng(options.seed)))
    if not bank:
        parser.error(f"the teacher is sure of no object in {len(paths)} photos: take others")
    log.info("%d objects of %d photos", len(bank), len(paths))
    unfinished = options.output.with_name(f"unfinished-{options.output.name}")

    def keep(weights: list[Tensor]) -> None:
        write_atomic(unfinished, save(packed(weights)))

    try:
        weights, done = train(bank, teacher, options.steps, options.seed, keep)
    except FloatingPointError as error:
        log.error("%s; weights from before, if any, are in %s", error, unfinished)
        return 1
    if done < options.steps:
        log.warning("stopped after %d steps; the weights so far are in %s", done, unfinished)
        return 1
    write_atomic(options.output, save(packed(weights)))
    unfinished.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
