"""The training loop, on accelerate: the same code on a laptop CPU, one GPU, or many machines."""

from __future__ import annotations

import json
import logging
import math
import signal
import time
from dataclasses import replace
from types import FrameType

import torch
from torch import Tensor, nn
from tqdm import tqdm

from lama.files import write_atomic
from lama.generator import Generator
from lama.training.config import TrainConfig, to_json
from lama.training.run import Run, TrainingError
from lama.training.step import discriminator_phase, generator_phase, r1_phase

logger = logging.getLogger(__name__)


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
    for batch in run.batches():
        _set_rates(run)
        run.note_broken(batch.broken)
        image = batch.image.to(run.accelerator.device, memory_format=torch.channels_last)
        mask = batch.mask.to(run.accelerator.device)
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
    line: dict[str, float] = {
        "step": run.step,
        "images_per_second": run.config.batch * len(recent) / seconds,
    }
    for name in sorted(names):
        values = [stats[name] for stats in recent if name in stats]
        line[name] = sum(values) / len(values)
    if run.broken:
        line["broken_photos"] = len(run.broken)
    _append(run, line)


def _append(run: Run, line: dict[str, float]) -> None:
    rounded = {k: float(f"{v:.5g}") if isinstance(v, float) else v for k, v in line.items()}
    with (run.run_dir / "stats.jsonl").open("a") as file:
        file.write(json.dumps(rounded) + "\n")


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
