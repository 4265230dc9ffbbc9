"""The training loop, on accelerate: the same code on a laptop CPU, one GPU, or many machines."""

from __future__ import annotations

import json
import logging
import math
import time
from contextlib import closing
from pathlib import Path

import torch
from accelerate.utils import gather_object
from torch import Tensor, nn
from tqdm import tqdm

from lama.files import write_atomic
from lama.training.config import to_json
from lama.training.data import Sample
from lama.training.parallel import average_gradients, in_any_process, mean_over_processes
from lama.training.run import Run, TrainingError
from lama.training.signals import Stop, stop_on_signal
from lama.training.state import BEST, OPTIONS, WEIGHTS
from lama.training.step import ScaleBatch, cut_at, discriminator_phase, generator_phase

logger = logging.getLogger(__name__)


def train(run: Run, *, save_every: int = 500, log_every: int = 50) -> bool:
    """Train until `config.steps`, or until SIGTERM or Ctrl+C, which save first.

    What these signals did before, they do again afterwards. Whatever ends it, the processes that
    make the samples end too.

    Args:
        run: new, or resumed.
        save_every: steps between checkpoints.
        log_every: steps between lines of stats.jsonl.

    Returns:
        Whether a signal asked it to stop; also if that came during the last step.

    Raises:
        TrainingError: A loss is no longer finite.
        ValueError: The processes do not go on from the same step.
    """
    accelerator = run.accelerator
    run.agree()
    if accelerator.is_main_process:
        run.run_dir.mkdir(parents=True, exist_ok=True)
        options = json.dumps(to_json(run.config), indent=1)
        write_atomic(run.run_dir / OPTIONS, options.encode())
        run.forget_later_lines()
    try:
        with stop_on_signal() as stop:
            _steps(run, stop, save_every, log_every)
            return in_any_process(stop.asked, accelerator.device)
    finally:
        if run.tracker is not None:
            run.tracker.close()


def _steps(run: Run, stop: Stop, save_every: int, log_every: int) -> None:
    accelerator = run.accelerator
    recent: list[dict[str, float]] = []
    began = time.monotonic()
    bar = tqdm(
        total=run.config.steps,
        initial=run.step,
        unit="step",
        mininterval=5,
        disable=not accelerator.is_main_process,
    )
    with bar, closing(run.batches()) as batches:
        for batch in batches:
            run.note_broken(batch.broken)
            recent.append(one_step(run, batch))
            bar.update()
            if run.step % log_every == 0:
                _log(run, recent, time.monotonic() - began)
                recent, began = [], time.monotonic()
            # A signal reaches one process first; all have to stop after the same step.
            asked = in_any_process(stop.asked, accelerator.device)
            if run.step % save_every == 0 or asked or run.step == run.config.steps:
                run.save()
                if run.validation is not None and accelerator.is_main_process:
                    measured = run.validation.measure(run.best_generator, run.sheet)
                    _keep_best(run, measured)
                    _append(run, {"step": run.step, **measured}, run.sheet)
            if asked:
                logger.info("stopped at step %d; --resume goes on from here", run.step)
                break


def _keep_best(run: Run, measured: dict[str, float]) -> None:
    """Copy the weights that were saved just now, if none before them had a lower LPIPS."""
    log = run.run_dir / "stats.jsonl"
    lines = map(json.loads, log.read_text().splitlines() if log.exists() else ())
    before = [line["val_lpips"] for line in lines if "val_lpips" in line]
    if measured["val_lpips"] < min(before, default=math.inf):
        write_atomic(run.run_dir / BEST, (run.run_dir / WEIGHTS).read_bytes())


def one_step(run: Run, batch: Sample) -> dict[str, float]:
    """One step of the generator and one of the discriminator; returns this process's figures.

    Raises:
        TrainingError: A loss or a gradient is no longer finite. The processes share their gradients
            first, so they all find out in the same step.
    """
    config = run.config
    _set_rates(run)
    batch = _on_device(batch, run.accelerator.device)
    adversarial = run.step >= config.adversarial_from and config.weights.adversarial > 0
    run.generator.train()
    if config.freeze_batchnorm:
        freeze_batchnorm(run.generator)
    run.discriminator.requires_grad_(False)
    with run.autocast():
        loss, scales, stats = generator_phase(
            run.generator,
            run.discriminator if adversarial else None,
            batch,
            config.weights,
            run.networks,
            cut_at(run.step, config.shifts),
        )
    _descend(run, loss, run.generator, run.optimizer, config.clip, stats)
    if run.average is not None:
        run.average.update_parameters(run.generator)
    stats["loss"] = loss
    if adversarial:
        stats |= _discriminator_step(run, scales)
    run.step += 1
    run.samples += config.batch
    return {name: float(value.detach()) for name, value in stats.items()}


def _on_device(batch: Sample, device: torch.device) -> Sample:
    """The batch where it is trained on, its pictures in the layout that is quickest there."""
    pinned = device.type == "cuda"  # the loader pins for GPUs, so the copy need not be waited for
    image = batch.image.to(device, memory_format=torch.channels_last, non_blocking=pinned)
    mask = batch.mask.to(device, non_blocking=pinned)
    copied = None if batch.copied is None else batch.copied.to(device, non_blocking=pinned)
    return batch._replace(image=image, mask=mask, copied=copied)


def _discriminator_step(run: Run, scales: list[ScaleBatch]) -> dict[str, Tensor]:
    """One step of the discriminator on every size; returns its figures at the picture's own."""
    config = run.config
    run.discriminator.requires_grad_(True)
    grid = run.discriminator.grid if config.patch_labels == "centred" else None
    r1 = config.weights.r1 > 0 and run.step % config.r1_every == 0
    total, figures = torch.zeros((), device=run.accelerator.device), list[dict[str, Tensor]]()
    with run.autocast():
        for scale in scales:
            loss, stats = discriminator_phase(run.discriminator, scale, grid, r1)
            if r1:
                loss = loss + stats["r1"] * config.weights.r1 * config.r1_every
            total = total + scale.weight * loss
            figures.append(stats)
    clip = config.clip_discriminator
    _descend(run, total, run.discriminator, run.optimizer_d, clip, figures[0])
    return figures[0]


def _descend(
    run: Run,
    loss: Tensor,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    clip: float | None,
    stats: dict[str, Tensor],
) -> None:
    """One optimizer step down the loss's gradient, averaged over the processes and clipped."""
    optimizer.zero_grad(set_to_none=True)
    # Not accelerate's own, which divides by what its launcher may have set up for other programs.
    loss.backward()
    average_gradients(module.parameters())
    norm = nn.utils.clip_grad_norm_(module.parameters(), math.inf if clip is None else clip)
    if not torch.isfinite(norm):
        raise TrainingError(
            f"the loss is {loss.item():.4g} and its gradient {norm.item():.4g} at step {run.step}; "
            f"what {run.run_dir} holds is from before. Go on with a lower --lr."
        )
    optimizer.step()
    stats["gradient_norm" if module is run.generator else "gradient_norm_d"] = norm


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
    """A line of the log: averages over the steps since the last one, and over the processes."""
    names = sorted({name for stats in recent for name in stats})
    columns = [[stats[name] for stats in recent if name in stats] for name in names]
    means = torch.tensor([sum(c) / len(c) for c in columns], device=run.accelerator.device)
    means = mean_over_processes(means)
    run.broken = set(gather_object(sorted(run.broken)))
    if not run.accelerator.is_main_process:
        return
    line: dict[str, float] = {
        "step": run.step,
        "images_per_second": run.config.batch * len(recent) / seconds,
        **dict(zip(names, means.tolist(), strict=True)),
    }
    if run.broken:
        line["broken_photos"] = len(run.broken)
    _append(run, line)


def _append(run: Run, line: dict[str, float], sheet: Path | None = None) -> None:
    rounded = {k: float(f"{v:.7g}") if isinstance(v, float) else v for k, v in line.items()}
    with (run.run_dir / "stats.jsonl").open("a") as file:
        file.write(json.dumps(rounded) + "\n")
    if run.tracker is not None:
        run.tracker.log(rounded, sheet)
