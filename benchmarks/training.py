"""Training throughput: this project's step against the published configuration's plain loop.

python -m benchmarks.training [--output FILE]

The plain loop is a re-implementation of how the published code trains: 32 bits, contiguous tensors,
the generator's forward pass made again for the discriminator's step, R1 at every step. Both sides
have the same network in the published layout (LaMa-Fourier, by default with 32 channels and 6
blocks at 128 px, a size that two cores can step through; `--ngf 64 --blocks 9 --crop 256` is the
published one), the same losses with the paper's weights, the same perceptual network, the same
batch. Loading of data is left out on both sides. The rows of lama-tiny-128 are the project's own
small network with the losses of that preset.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import masks
from benchmarks.method import Measurement, Timing, interleaved, machine, several, where_time_goes
from lama.checkpoint import build
from lama.config import FourierConfig
from lama.precision import has_bf16
from lama.training import losses
from lama.training.config import PRESETS, LossWeights, TrainConfig
from lama.training.data import Sample
from lama.training.discriminator import Discriminator
from lama.training.loop import one_step
from lama.training.perceptual import perceptual_network
from lama.training.photos import PhotoFiles
from lama.training.run import Run
from masks.arguments import LeavingParser, positive

NEVER = 10**9
LAZY = 16  # R1 every so many steps, as the first presets of lama-tiny have it
SMALL = "lama-tiny-128"  # the last of them that penalises gradients at all


class PlainLoop:
    """The published loop: two optimizers in turn, each with a forward pass of its own."""

    def __init__(self, config: TrainConfig) -> None:
        torch.manual_seed(config.seed)
        self.weights = config.weights
        self.generator = build(config.generator)
        self.discriminator = Discriminator(config.discriminator_ndf, config.discriminator_layers)
        self.perceptual = perceptual_network(config.perceptual, config.dilated)
        self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=config.lr)
        self.optimizer_d = torch.optim.Adam(
            self.discriminator.parameters(), lr=config.lr_discriminator
        )
        self.clip = config.clip

    def step(self, image: Tensor, mask: Tensor) -> None:
        """One batch for the generator, and the same for the discriminator."""
        self._generator_step(image, mask)
        self._discriminator_step(image, mask)

    def _generator_step(self, image: Tensor, mask: Tensor) -> None:
        weights = self.weights
        _train(self.generator, self.discriminator)
        fake = self.generator(image, mask)
        logits, features = self.discriminator(fake)
        _, features_real = self.discriminator(image)
        loss = weights.known_l1 * losses.known_l1_loss(fake, image, mask)
        loss = loss + weights.adversarial * losses.generator_adversarial_loss(logits)
        matching = losses.feature_matching_loss(features, features_real)
        loss = loss + weights.feature_matching * matching
        loss = loss + weights.perceptual * self.perceptual(fake, image)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.generator.parameters(), self.clip)
        self.optimizer.step()

    def _discriminator_step(self, image: Tensor, mask: Tensor) -> None:
        _train(self.discriminator, self.generator)
        fake = self.generator(image, mask)  # again: nothing of the other step is kept
        real = image.clone().requires_grad_()
        logits_real, _ = self.discriminator(real)
        logits_fake, _ = self.discriminator(fake.detach())
        loss = losses.discriminator_loss(logits_real, logits_fake, mask)
        loss = loss + self.weights.r1 * losses.r1_penalty(logits_real, real)
        self.optimizer_d.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.discriminator.parameters(), self.clip)
        self.optimizer_d.step()


def _train(learner: nn.Module, other: nn.Module) -> None:
    learner.requires_grad_(True)
    other.requires_grad_(False)


def our_loop(config: TrainConfig, batch: Sample) -> tuple[Callable[[], None], Callable[[], None]]:
    """A step with R1 and one without, of the loop that `python -m lama train` runs."""
    # Steps write nothing, so the folder is never used.
    run = Run(config, Path("unused"), PhotoFiles([]))
    run.step = 1  # the very first step has R1 whatever its interval

    def stepping(r1_every: int) -> Callable[[], None]:
        def step() -> None:
            run.config = replace(config, r1_every=r1_every)
            one_step(run, batch)

        return step

    return stepping(1), stepping(NEVER)


def batch_of(count: int, size: int) -> Sample:
    """Smooth random pictures and the training strategy's holes."""
    source = torch.Generator().manual_seed(0)
    coarse = torch.rand((count, 3, 9, 9), generator=source)
    image = nn.functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)
    draw = masks.get("training")
    blank = np.zeros((size, size, 3), np.uint8)
    holes = [torch.from_numpy(draw(blank, np.random.default_rng(seed))) for seed in range(count)]
    return Sample(image, torch.stack(holes)[:, None].float(), ())


def rows_of(times: dict[str, Timing], batch: int) -> list[Measurement]:
    """Images a second of every row; lazy R1 is put together from steps with and without it."""
    plain = batch / times["plain loop"].median
    rows = []
    for name, timing in times.items():
        speed = batch / timing.median
        against = {} if SMALL in name else {"times_the_plain_loop": speed / plain}
        rows.append(Measurement(name, timing, {"images_per_second": speed, **against}))
    for name in ("ours", SMALL):
        every, without = times[f"{name}, R1 at every step"], times[f"{name}, step without R1"]
        mixed = [
            (r + (LAZY - 1) * w) / LAZY
            for r, w in (
                (every.median, without.median),
                (every.low, without.low),
                (every.high, without.high),
            )
        ]
        speed = batch / mixed[0]
        against = {} if name == SMALL else {"times_the_plain_loop": speed / plain}
        lazy = Timing(*mixed, every.n)
        more = {"images_per_second": speed, **against}
        rows.append(Measurement(f"{name}, R1 every {LAZY} steps", lazy, more))
    return rows


def main() -> int:
    """Measure, print, write JSON where asked."""
    parser = LeavingParser("python -m benchmarks.training", description=__doc__)
    parser.add_argument("--repeats", type=several, default=7)
    parser.add_argument("--ngf", type=positive, default=32)
    parser.add_argument("--blocks", type=positive, default=6)
    parser.add_argument("--crop", type=positive, default=128)
    parser.add_argument("--batch", type=positive, default=8)
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    precision = "bf16" if has_bf16() else "no"
    size = {"crop": options.crop, "batch": options.batch, "mixed_precision": precision}
    published = TrainConfig(
        generator=FourierConfig(ngf=options.ngf, n_blocks=options.blocks),
        weights=LossWeights(),
        steps=NEVER,
        **size,
    )
    small = replace(PRESETS[SMALL], steps=NEVER, **size)
    batch = batch_of(options.batch, options.crop)
    plain = PlainLoop(published)
    calls: dict[str, Callable[[], None]] = {
        "plain loop": lambda: plain.step(batch.image, batch.mask)
    }
    for name, config in (("ours", published), (SMALL, small)):
        every, without = our_loop(config, batch)
        calls |= {f"{name}, R1 at every step": every, f"{name}, step without R1": without}
    rows = rows_of(interleaved(calls, options.repeats), options.batch)
    for row in rows:
        print(row.text(), flush=True)
    profiles = {name: where_time_goes(calls[name], 14) for name in calls if name != "plain loop"}
    print("\n".join(f"{name}:\n{text}" for name, text in profiles.items()))
    if options.output:
        report = {
            "machine": machine(),
            "configuration": {key: str(value) for key, value in vars(options).items()},
            "precision": precision,
            "rows": [asdict(row) for row in rows],
            "profiles": profiles,
        }
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
