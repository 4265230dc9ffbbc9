"""A run small enough for tests, as a program: python -m tests.lama.training.toy RUN_DIR PHOTOS."""

import argparse
import os
import struct
from dataclasses import replace
from pathlib import Path
from zlib import compress, crc32

import numpy as np
from PIL import Image

import masks
from lama.config import UNetConfig
from lama.training.config import LossWeights, TrainConfig
from lama.training.data import Crops, MaskSampler
from lama.training.loop import train
from lama.training.photos import Indexed, PhotoFiles, Photos, find_photos
from lama.training.run import Run
from lama.training.validation import Validation

TOY = TrainConfig(
    generator=UNetConfig(width=8, n_blocks=1, detail=4),
    weights=LossWeights(known_l1=0, hole_l1=4, adversarial=0.1, perceptual=0, feature_matching=1),
    crop=32,
    batch=4,
    steps=12,
    lr=2e-3,
    adversarial_from=4,
    r1_every=3,
    optimizer="adamw",
    ema=0.9,
    discriminator_ndf=4,
    discriminator_layers=2,
    workers=0,
)
# Every loss that divides by something of the batch, and odd numbers of pixels in many maps. A small
# rate: Adam's first steps have the size of the rate whatever the gradient, rounding errors too.
ALL_LOSSES = replace(
    TOY,
    weights=LossWeights(
        known_l1=1,
        hole_l1=4,
        adversarial=0.3,
        perceptual=2,
        feature_matching=5,
        r1=0.01,
        lpips=2,
        matching=0.5,
    ),
    crop=40,
    batch=6,
    steps=6,
    lr=1e-4,
    patch_labels="centred",
    adversarial_from=1,
    r1_every=2,
)


def draw_photos(folder: Path, phase: float = 0.0) -> None:
    """Five photos; those of another phase are others."""
    folder.mkdir(exist_ok=True)
    y, x = np.mgrid[:60, :80]
    for i in range(5):
        waves = 120 + 100 * np.sin((x + y * i) / 9 + phase)
        bands = np.stack([x * 3, y * 4, waves], 2).astype(np.uint8)
        Image.fromarray(bands).save(folder / f"{i}.png")


def photos_in(folder: Path) -> PhotoFiles:
    return PhotoFiles(find_photos([folder]))


def pictures(photos: Indexed, count: int) -> list[np.ndarray]:
    """The first so many photos, to validate on."""
    found = (photos.read(i) for i in range(count))
    return [photo.image for photo in found if photo is not None]


def crops(photos: Photos, strategy: MaskSampler, **options) -> Crops:
    """Samples of a run; options are fields of its config, or arguments of `Crops`."""
    names = ("start", "stop", "logged", "copier")
    given = {name: options.pop(name) for name in names if name in options}
    return Crops(photos, strategy, TrainConfig(**options), **given)


def bomb(side: int = 60_000) -> bytes:
    """A PNG whose head says that it is larger than OpenCV takes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--config", choices=("toy", "all"), default="toy")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--save-every", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--validate", action="store_true")
    options = parser.parse_args()
    config = {"toy": TOY, "all": ALL_LOSSES}[options.config]
    config = replace(config, workers=options.workers, steps=options.steps or config.steps)
    photos = photos_in(options.photos)
    watched = Validation(pictures(photos, 2), masks.get("thick"), 64) if options.validate else None
    # A path with {rank} in it is another one for each process.
    folder = Path(str(options.run_dir).replace("{rank}", os.environ.get("RANK", "0")))
    run = Run(config, folder, photos, validation=watched)
    if options.resume:
        assert run.resume()
    train(run, save_every=options.save_every, log_every=1)


if __name__ == "__main__":
    main()
