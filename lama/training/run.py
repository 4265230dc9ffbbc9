"""A run: everything that changes while training, how it is saved, and how it is brought back.

The run folder explains itself: options.json, stats.jsonl, samples/*.png, generator.safetensors
(averaged weights, ready for `lama.load`) and state.pt to resume from.
"""

from __future__ import annotations

import io
import json
import logging
import zlib
from collections.abc import Generator as Yielding
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import masks
from lama.checkpoint import build, save_checkpoint
from lama.files import write_atomic
from lama.generator import Generator, channels_last
from lama.training.ade20k import SceneParsingEncoder
from lama.training.config import TrainConfig, to_json
from lama.training.data import Crops, MaskSampler, Sample
from lama.training.discriminator import Discriminator
from lama.training.folding import fold_batch_norm
from lama.training.loader import ShardSampler, default_workers, load
from lama.training.logged import LoggedMasks
from lama.training.matching import KernelMatching
from lama.training.parallel import copy_from_first, gather, leave_at_exit, share_batch_norm
from lama.training.perceptual import LPIPS, EfficientNetFeatures, perceptual_network
from lama.training.photos import Photos
from lama.training.projected import ProjectedDiscriminator
from lama.training.provenance import Data, Origin, Provenance, data_of
from lama.training.starting import first_weights
from lama.training.state import STATE, WEIGHTS, readable
from lama.training.step import LossNetworks
from lama.training.tracking import Tracker
from lama.training.validation import Validation

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=nn.Module)
ParamList = tuple[Tensor, ...] | list[Tensor]


class TrainingError(ValueError):
    """The run cannot go on; the message says why and the last good checkpoint stays."""


class Run:
    """Everything that changes while training, and how it is saved and brought back.

    Args:
        config: the run's options.
        run_dir: where it lives; made if needed.
        photos: to train on.
        validation: measures the averaged weights on held-out photos, or None.
        logged: masks that people drew, for a share of the samples.
        sources: of the photos, as the user named them: for the checkpoint's metadata.

    Attributes:
        strategy: draws the holes, as `config.masks` says.
        tracker: told what the log is told, or None.
    """

    tracker: Tracker | None = None

    def __init__(
        self,
        config: TrainConfig,
        run_dir: Path,
        photos: Photos,
        *,
        validation: Validation | None = None,
        logged: LoggedMasks | None = None,
        sources: Sequence[str] = (),
    ) -> None:
        self.config, self.run_dir, self.photos = config, run_dir, photos
        self.strategy: MaskSampler = masks.get(config.masks)
        saved = (logged.name, len(logged)) if logged is not None else ("", 0)
        self.provenance = Provenance(data_of(sources, photos, *saved))
        self.validation, self.logged = validation, logged
        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(),
            # The others wait while the first process validates.
            kwargs_handlers=[InitProcessGroupKwargs(timeout=timedelta(hours=2))],
        )
        leave_at_exit()
        device = self.accelerator.device
        torch.manual_seed(config.seed)
        self.step = 0
        self.samples = 0  # drawn so far, over all processes
        self.broken: set[str] = set()  # photos that could not be read so far
        self.generator: Generator = self._place(build(config.generator))
        self.perceptual = self._perceptual()
        self.discriminator = self._place(new_discriminator(config, self.perceptual))
        if config.crop % self.generator.multiple or config.crop < self.generator.smallest:
            raise ValueError(
                f"crops must be a multiple of {self.generator.multiple} and at least "
                f"{self.generator.smallest} pixels wide for this generator, got {config.crop}"
            )
        self.average = self._averaged()
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
        self.optimizer = kind(self.generator.parameters(), lr=config.lr, fused=True)
        self.optimizer_d = kind(
            self.discriminator.parameters(), lr=config.lr_discriminator, fused=True
        )
        weights = config.weights
        self.networks = LossNetworks(
            self.perceptual,
            channels_last(LPIPS("alex")).to(device) if weights.lpips else None,
            KernelMatching().to(device) if weights.matching else None,
        )

    def autocast(self) -> torch.autocast:
        """Where convolutions run in bf16, if the options say so.

        Not accelerate's own: that is one for the whole process, and runs may differ.
        """
        reduced = self.config.mixed_precision == "bf16"
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=reduced)

    def _perceptual(self) -> EfficientNetFeatures | SceneParsingEncoder | None:
        if not self.config.weights.perceptual:
            return None
        with torch.random.fork_rng(devices=[]):  # what starts at random does not depend on it
            network = perceptual_network(self.config.perceptual, self.config.dilated)
        return channels_last(fold_batch_norm(network)).to(self.accelerator.device)

    def _place(self, module: M) -> M:
        """On the device, in the layout that is quick there, with batch norm over all processes."""
        share_batch_norm(module)
        return channels_last(module.to(self.accelerator.device))

    def _averaged(self) -> AveragedModel | None:
        """The exponential moving average of the weights, or None without `ema`.

        The decay grows with the number of updates up to `ema`: the first weights soon count little.
        """
        if not self.config.ema:
            return None

        def update(averaged: ParamList, current: ParamList, count: Tensor | int) -> None:
            decay = min(self.config.ema, (1 + int(count)) / (10 + int(count)))
            get_ema_multi_avg_fn(decay)(averaged, current, count)

        # Its counter has to lie there too: NCCL copies nothing that is on the CPU.
        device = self.accelerator.device
        return AveragedModel(self.generator, device, multi_avg_fn=update, use_buffers=True)

    @property
    def best_generator(self) -> Generator:
        """The averaged generator where averaging is on, else the one that is trained."""
        return self.generator if self.average is None else cast(Generator, self.average.module)

    @property
    def sheet(self) -> Path:
        """Where the contact sheet of the present step lies."""
        return self.run_dir / "samples" / f"{self.step:06d}.png"

    def start_from(self, checkpoint: Path) -> None:
        """Take the generator's weights from a file of the same config, in any known format.

        A generator that looks at a copied fill may start from one that does not: what it has more
        starts at zero.
        """
        self.generator.load_state_dict(first_weights(checkpoint, self.generator))
        self.average = self._averaged()
        self.provenance = replace(self.provenance, origin=Origin.of(checkpoint))

    def save(self) -> None:
        """Write the shippable generator and the state to resume from, each atomically.

        Raises:
            TrainingError: The weights are not finite; what was saved before stays.
        """
        for name, tensor in [*self.best_generator.state_dict().items(), *self._moving()]:
            if not torch.isfinite(tensor).all():
                raise TrainingError(
                    f"{name} is not finite at step {self.step}, so nothing was saved; the "
                    f"checkpoint in {self.run_dir} is from before. Resume with a lower --lr."
                )
        if not self.accelerator.is_main_process:
            return
        meta = {
            "step": self.step,
            # A path is its owner's business: its last name is enough.
            "training": {**to_json(self.config), "perceptual": Path(self.config.perceptual).name},
            "provenance": self.provenance.describe(self.config.seed, self.step, self.samples),
        }
        save_checkpoint(self.run_dir / WEIGHTS, self.best_generator, meta)
        matching = self.networks.matching
        state = {
            "step": self.step,
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
            "optimizer_d": self.optimizer_d.state_dict(),
            # Optional keys: states of older runs lack them.
            "samples": self.samples,
            "origin": self.provenance.origin.to_json(),
            "data": asdict(self.provenance.data),
            # Nothing in training draws from the generators of GPUs.
            "random": {"cpu": torch.get_rng_state()},
            "matching": matching.state_dict() if matching is not None else None,
        }
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomic(self.run_dir / STATE, buffer.getvalue())

    def _moving(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor that training changes, by name."""
        yield from self.generator.state_dict().items()
        yield from self.discriminator.state_dict().items()

    def resume(self) -> bool:
        """Go on from `state.pt` if there is one; returns whether there was.

        What the log says of steps after it is struck out, since they will be made again.

        Raises:
            ValueError: It cannot be read, is of another run's networks, or beyond the last step.
        """
        path = self.run_dir / STATE
        if not path.exists():
            return False
        with readable(path):
            state = torch.load(path, weights_only=True, map_location="cpu")
            reached = int(state["step"])
        if reached > self.config.steps:
            raise ValueError(
                f"{self.run_dir} has done {reached} steps, {self.config.steps} are asked for: "
                f"give --steps {reached} or more"
            )
        with readable(path):
            self._take(state)
        if self.accelerator.is_main_process:
            self.forget_later_lines()
        return True

    def _take(self, state: dict[str, Any]) -> None:
        """Continue from what `save` wrote; keys that older runs did not write may be missing."""
        self.step = state["step"]
        self.samples = state.get("samples", self.step * self.config.batch)
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.optimizer_d.load_state_dict(state["optimizer_d"])
        if self.networks.matching is not None and state.get("matching"):
            self.networks.matching.load_state_dict(state["matching"])
        if "origin" in state:
            origin = Origin.from_json(state["origin"])
            self.provenance = replace(self.provenance, origin=origin)
        if "data" in state:
            data = self.provenance.data.after(Data.from_json(state["data"]))
            self.provenance = replace(self.provenance, data=data)
        if "random" in state:
            torch.set_rng_state(state["random"]["cpu"])

    def forget_later_lines(self) -> None:
        """Remove the log's lines of later steps: they were never saved and will be made again."""
        path = self.run_dir / "stats.jsonl"
        if path.exists():
            lines = path.read_text().splitlines(keepends=True)
            whole = [line for line in lines if line.endswith("}\n")]
            kept = [line for line in whole if json.loads(line)["step"] <= self.step]
            if kept != lines:
                write_atomic(path, "".join(kept).encode())

    def agree(self) -> None:
        """Let every process have the first one's weights, in case their machines differ.

        Raises:
            ValueError: They are at different places, or in different runs of an ablation: they do
                not see the same folder.
        """
        run = zlib.crc32(self.run_dir.name.encode())
        place = torch.tensor([[self.step, self.samples, run]], device=self.accelerator.device)
        places = gather(place)
        if not (places == place).all():
            steps = ", ".join(map(str, places[:, 0].tolist()))
            raise ValueError(
                f"the processes are not at one place of one run (steps {steps}): {self.run_dir} "
                "has to be a folder that all machines share"
            )
        for module in (self.generator, self.discriminator, self.average):
            if module is not None:
                copy_from_first(module)

    def note_broken(self, names: Sequence[str]) -> None:
        """Count photos that cannot be read, and say so once for each."""
        for name in sorted(set(names) - self.broken):
            logger.warning("not a picture that can be read, skipped: %s", name)
        self.broken |= set(names)

    def batches(self) -> Yielding[Sample, None, None]:
        """This process's share of every batch from the current step on; close it to end early."""
        config, count = self.config, self.accelerator.num_processes
        if config.batch % count:
            raise ValueError(f"a batch of {config.batch} cannot be shared by {count} processes")
        samples = Crops(
            self.photos,
            self.strategy,
            config,
            start=self.samples,
            stop=self.samples + (config.steps - self.step) * config.batch,
            logged=self.logged,
            copier=self.generator.copier,
        )
        shard = config.batch // count
        order = ShardSampler(len(samples), config.batch, shard, self.accelerator.process_index)
        device, streamed = self.accelerator.device, not hasattr(self.photos, "__len__")
        asked = config.workers
        workers = default_workers(device, streamed) if asked is None else asked
        yield from load(samples, order, shard, workers, pinned=device.type == "cuda")


def new_discriminator(
    config: TrainConfig, perceptual: nn.Module | None = None
) -> Discriminator | ProjectedDiscriminator:
    """The discriminator of a run; ValueError for a kind that does not exist.

    One that looks through an EfficientNet takes that of the perceptual loss, if it is the same.
    """
    match config.discriminator:
        case "patch":
            return Discriminator(config.discriminator_ndf, config.discriminator_layers)
        case "projected":
            if isinstance(perceptual, EfficientNetFeatures) and not config.dilated:
                return ProjectedDiscriminator(perceptual)
            return ProjectedDiscriminator()
    raise ValueError(f"discriminator must be patch or projected, got {config.discriminator!r}")
