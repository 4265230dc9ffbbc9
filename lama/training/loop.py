"""The training loop, on accelerate: the same code on a laptop CPU, one GPU, or many machines.

The run folder explains itself: options.json, log.txt, stats.jsonl, samples/*.png,
generator.safetensors (averaged weights, ready for `lama.load`) and state.pt to resume from.
"""

from __future__ import annotations

import io
import json
import logging
import math
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader
from tqdm import tqdm

from lama.checkpoint import build, save_checkpoint
from lama.files import write_atomic
from lama.generator import Generator, channels_last
from lama.loading import read_generator
from lama.training.config import TrainConfig, to_json
from lama.training.data import Crops, Strategy
from lama.training.discriminator import Discriminator
from lama.training.logged import LoggedMasks
from lama.training.perceptual import LPIPS, EfficientNetFeatures
from lama.training.step import discriminator_phase, generator_phase, r1_phase
from lama.training.validation import Validation

logger = logging.getLogger(__name__)

ParamList = tuple[Tensor, ...] | list[Tensor]


class TrainingError(ValueError):
    """The run cannot go on; the message says why and the last good checkpoint stays."""


class Run:
    """Everything that changes while training, and how it is saved and brought back.

    Args:
        config: the run's options.
        run_dir: where it lives; made if needed.
        photos: training files.
        strategy: draws holes.
        validation: measures the averaged weights on held-out photos, or None.
        logged: masks that people drew, for a share of the samples.
    """

    def __init__(
        self,
        config: TrainConfig,
        run_dir: Path,
        photos: list[Path],
        strategy: Strategy,
        validation: Validation | None = None,
        logged: LoggedMasks | None = None,
    ) -> None:
        self.config, self.run_dir, self.photos, self.strategy = config, run_dir, photos, strategy
        self.validation, self.logged = validation, logged
        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(), mixed_precision=config.mixed_precision
        )
        torch.manual_seed(config.seed)
        self.step = 0
        self.generator: Generator = channels_last(build(config.generator))
        self.discriminator = channels_last(
            Discriminator(config.discriminator_ndf, config.discriminator_layers)
        )
        self.average = self._averaged()
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
        self.optimizer = kind(self.generator.parameters(), lr=config.lr)
        self.optimizer_d = kind(self.discriminator.parameters(), lr=config.lr_discriminator)
        device, weights = self.accelerator.device, config.weights
        self.perceptual = (
            channels_last(EfficientNetFeatures(config.dilated)).to(device)
            if weights.perceptual
            else None
        )
        self.lpips = channels_last(LPIPS("alex")).to(device) if weights.lpips else None

    def _averaged(self) -> AveragedModel | None:
        """A running average of the weights whose memory grows with its age, up to `ema`."""
        if not self.config.ema:
            return None

        def update(averaged: ParamList, current: ParamList, count: Tensor | int) -> None:
            decay = min(self.config.ema, (1 + int(count)) / (10 + int(count)))
            get_ema_multi_avg_fn(decay)(averaged, current, count)

        return AveragedModel(self.generator, multi_avg_fn=update, use_buffers=True)

    @property
    def best_generator(self) -> Generator:
        """The averaged generator where averaging is on, else the one that is trained."""
        return self.generator if self.average is None else cast(Generator, self.average.module)

    def start_from(self, checkpoint: Path) -> None:
        """Take the generator's weights from a file of the same config, in any known format."""
        loaded = read_generator(checkpoint)
        if loaded.config != self.config.generator:
            raise ValueError(
                f"{checkpoint} holds {loaded.config}, the run wants {self.config.generator}"
            )
        self.generator.load_state_dict(loaded.state_dict())
        self.average = self._averaged()

    def save(self) -> None:
        """Write the shippable generator and the state to resume from, each atomically."""
        if not self.accelerator.is_main_process:
            return
        meta = {"step": self.step, "training": to_json(self.config)}
        save_checkpoint(self.run_dir / "generator.safetensors", self.best_generator, meta)
        state = {
            "step": self.step,
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "optimizer_d": self.optimizer_d.state_dict(),
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomic(self.run_dir / "state.pt", buffer.getvalue())

    def resume(self) -> bool:
        """Go on from `state.pt` if there is one; returns whether there was."""
        path = self.run_dir / "state.pt"
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True, map_location="cpu")
        self.step = state["step"]
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.optimizer_d.load_state_dict(state["optimizer_d"])
        return True

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's share of every batch from the current step on."""
        config, count = self.config, self.accelerator.num_processes
        if config.batch % count:
            raise ValueError(f"a batch of {config.batch} cannot be shared by {count} processes")
        samples = Crops(
            self.photos,
            self.strategy,
            crop=config.crop,
            zoom=config.zoom,
            seed=config.seed,
            start=self.step * config.batch,
            stop=config.steps * config.batch,
            logged=self.logged,
            masks_share=config.masks_share,
        )
        share = config.batch // count
        first = self.accelerator.process_index * share
        order = [
            batch + first + i
            for batch in range(0, len(samples), config.batch)
            for i in range(share)
        ]
        yield from DataLoader(
            samples,
            batch_size=share,
            sampler=order,
            num_workers=config.workers,
            worker_init_fn=_leave_signals_to_the_trainer,
        )


def train(run: Run, *, save_every: int = 500, log_every: int = 50) -> None:
    """Train until `config.steps`, or until SIGTERM or Ctrl+C, which save first.

    Args:
        run: new, or resumed.
        save_every: steps between checkpoints.
        log_every: steps between lines of stats.jsonl.

    Raises:
        TrainingError: A loss is no longer finite.
    """
    run.run_dir.mkdir(parents=True, exist_ok=True)
    options = json.dumps(to_json(run.config), indent=1)
    write_atomic(run.run_dir / "options.json", options.encode())
    prepare = run.accelerator.prepare
    generator, discriminator, optimizer, optimizer_d = prepare(
        run.generator, run.discriminator, run.optimizer, run.optimizer_d
    )
    stopping = _StopOnSignal()
    bar = tqdm(total=run.config.steps, initial=run.step, unit="step", mininterval=5)
    recent: list[dict[str, float]] = []
    began = time.monotonic()
    for image, mask in run.batches():
        _set_rates(run)
        image = image.to(run.accelerator.device, memory_format=torch.channels_last)
        mask = mask.to(run.accelerator.device)
        stats = _one_step(run, generator, discriminator, optimizer, optimizer_d, image, mask)
        run.step += 1
        bar.update()
        recent.append(stats)
        if run.step % log_every == 0:
            _log(run, recent, time.monotonic() - began)
            recent, began = [], time.monotonic()
        if run.step % save_every == 0 or stopping.asked or run.step == run.config.steps:
            run.save()
            if run.validation is not None and run.accelerator.is_main_process:
                _append(run, {"step": run.step, **run.validation.measure(run)})
        if stopping.asked:
            logger.info("stopped at step %d; --resume goes on from here", run.step)
            break
    bar.close()


def _one_step(
    run: Run,
    generator: Generator,
    discriminator: nn.Module,
    optimizer: torch.optim.Optimizer,
    optimizer_d: torch.optim.Optimizer,
    image: Tensor,
    mask: Tensor,
) -> dict[str, float]:
    config, accelerator = run.config, run.accelerator
    adversarial = run.step >= config.adversarial_from and config.weights.adversarial > 0
    generator.train()
    if config.freeze_batchnorm:
        freeze_batchnorm(generator)
    discriminator.requires_grad_(False)
    with accelerator.autocast():
        loss, prediction, stats = generator_phase(
            generator,
            discriminator if adversarial else None,
            image,
            mask,
            config.weights,
            run.perceptual,
            run.lpips,
        )
    if not torch.isfinite(loss):
        raise TrainingError(
            f"the loss is {loss.item()} at step {run.step}; the checkpoint in {run.run_dir} is "
            "from before. Resume with a lower --lr."
        )
    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    norm = accelerator.clip_grad_norm_(generator.parameters(), config.clip)
    optimizer.step()
    if run.average is not None:
        run.average.update_parameters(run.generator)
    stats = {**stats, "loss": loss.detach(), "gradient_norm": norm}
    if adversarial:
        stats |= _discriminator_step(run, discriminator, optimizer_d, image, prediction, mask)
    return {name: float(value.detach()) for name, value in stats.items()}


def _discriminator_step(
    run: Run,
    discriminator: nn.Module,
    optimizer_d: torch.optim.Optimizer,
    image: Tensor,
    prediction: Tensor,
    mask: Tensor,
) -> dict[str, Tensor]:
    config, accelerator = run.config, run.accelerator
    discriminator.requires_grad_(True)
    optimizer_d.zero_grad(set_to_none=True)
    with accelerator.autocast():
        loss, stats = discriminator_phase(discriminator, image, prediction, mask)
    accelerator.backward(loss)
    if config.weights.r1 and run.step % config.r1_every == 0:
        stats["r1"] = r1_phase(discriminator, image)
        accelerator.backward(stats["r1"] * config.weights.r1 * config.r1_every)
    optimizer_d.step()
    return stats


def freeze_batchnorm(module: nn.Module) -> None:
    """Leave batch statistics as they are: small batches of few photos would ruin them."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()


def _set_rates(run: Run) -> None:
    """Linear rise over `warmup`, then a cosine down to `lr_final` of the rate."""
    config = run.config
    rise = min(1.0, (run.step + 1) / max(1, config.warmup))
    place = 0.5 + 0.5 * math.cos(math.pi * run.step / config.steps)
    factor = rise * (config.lr_final + (1 - config.lr_final) * place)
    for optimizer, rate in ((run.optimizer, config.lr), (run.optimizer_d, config.lr_discriminator)):
        for group in optimizer.param_groups:
            group["lr"] = rate * factor


def _log(run: Run, recent: list[dict[str, float]], seconds: float) -> None:
    if not run.accelerator.is_main_process:
        return
    names = {name for stats in recent for name in stats}
    line = {"step": run.step, "images_per_second": run.config.batch * len(recent) / seconds}
    for name in sorted(names):
        values = [stats[name] for stats in recent if name in stats]
        line[name] = sum(values) / len(values)
    _append(run, line)


def _append(run: Run, line: dict[str, float]) -> None:
    rounded = {k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in line.items()}
    with (run.run_dir / "stats.jsonl").open("a") as file:
        file.write(json.dumps(rounded) + "\n")


def _leave_signals_to_the_trainer(_worker: int) -> None:
    """Ctrl+C reaches the whole group; a loader that died of it would take the save along."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _StopOnSignal:
    """Turns SIGTERM and Ctrl+C into a flag, so that the step in work ends and is saved."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, _signum: int, _frame: FrameType | None) -> None:
        self.asked = True


def longer(config: TrainConfig, steps: int) -> TrainConfig:
    """The same run with another length (the learning rate's course follows it)."""
    return replace(config, steps=steps)
