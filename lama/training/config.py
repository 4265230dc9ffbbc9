"""What a training run is, as frozen dataclasses, and the presets as one table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lama.config import FourierConfig, GeneratorConfig, UNetConfig, from_dict, to_dict


@dataclass(frozen=True)
class LossWeights:
    """Weights of the sum in `lama.training.step`; defaults are the paper's (section 2.3.4)."""

    known_l1: float = 10.0  # published code, not in the paper's sum
    hole_l1: float = 0.0  # ours, per hole pixel
    adversarial: float = 10.0  # kappa
    perceptual: float = 30.0  # alpha, high-receptive-field network
    feature_matching: float = 100.0  # beta, the discriminator's features
    r1: float = 0.001  # gamma
    lpips: float = 0.0  # ours, AlexNet LPIPS of the blended picture
    matching: float = 0.0  # ours, features of many fills against those of many photos
    halves: float = 0.0  # ours, of the same sum at half the size; its square at a quarter, ...


@dataclass(frozen=True)
class TrainConfig:
    """One run. Sizes in pixels, `steps` in optimizer steps, `batch` over all processes."""

    generator: GeneratorConfig = field(default_factory=FourierConfig)
    weights: LossWeights = field(default_factory=LossWeights)
    perceptual: str = "efficientnet"  # or a path to the ADE20K encoder (see docs/training.md)
    dilated: bool = True  # high receptive field of the perceptual network
    masks: str = "training"  # a strategy of `masks`
    masks_share: float = 0.5  # share of holes from saved masks, where such are given
    freeze_batchnorm: bool = False  # the generator's batch statistics stay as they were loaded
    crop: int = 256
    zoom: float = 1.0  # a crop covers up to this many times its size, at most the whole photo
    varied: float = 0.0  # share of crops turned by quarters, with colour channels exchanged
    repeats: float = 0.0  # share of crops made into walls of one repeated cell
    batch: int = 10
    steps: int = 1_000_000
    lr: float = 1e-3
    lr_discriminator: float = 1e-4
    lr_final: float = 1.0  # share of the rates left at the last step (cosine)
    warmup: int = 0  # steps over which the rates rise
    adversarial_from: int = 0  # step at which the discriminator joins
    r1_every: int = 1  # lazy regularisation: scaled up by as much
    clip: float = 1.0  # gradient norm
    clip_discriminator: float | None = 1.0  # None: as it comes
    optimizer: str = "adam"  # or adamw
    ema: float = 0.0  # decay of the averaged weights, 0 = off
    discriminator: str = "patch"  # as published, or projected: heads on a frozen network
    discriminator_ndf: int = 64
    discriminator_layers: int = 4
    shifts: int = 1  # the losses see pictures cropped by 0 to shifts - 1 pixels, in turn
    patch_labels: str = "nearest"  # as published, or centred: where the patches really are
    seed: int = 0
    workers: int | None = None  # processes that make samples, None = `loader.default_workers`
    mixed_precision: str = "no"  # or bf16: convolutions in bf16; weights, FFT and losses in fp32


def to_json(config: TrainConfig) -> dict[str, Any]:
    """JSON-ready form, for the run folder and the checkpoint."""
    return {**asdict(config), "generator": to_dict(config.generator)}


def from_json(values: dict[str, Any]) -> TrainConfig:
    """Inverse of `to_json`."""
    # Runs from before there was a choice did not clip it.
    given = {"clip_discriminator": None} | values
    given["generator"] = from_dict(given["generator"])
    given["weights"] = LossWeights(**given["weights"])
    return TrainConfig(**given)


def differences(its: TrainConfig, other: TrainConfig, passed: Collection[str] = ()) -> str:
    """In what a run differs from another, in words: the first few options, empty if in none.

    Args:
        its: the run.
        other: what it should be.
        passed: options that may differ, named as in `_options`; `workers` always may, samples do
            not depend on it.
    """
    mine, wanted = _options(its), _options(other)
    aside = {*passed, "workers"}
    names = [name for name in wanted if name not in aside and mine.get(name) != wanted[name]]
    return ", ".join(f"{name} is {mine.get(name)}, not {wanted[name]}" for name in names[:4])


def _options(config: TrainConfig) -> dict[str, Any]:
    """Every option by a name of its own: a field, or `generator.FIELD` or `weights.FIELD`.

    Without the prefix two options would share the name `perceptual`: a network and a weight.
    """
    options = to_json(config)
    for part in ("generator", "weights"):
        options |= {f"{part}.{name}": value for name, value in options.pop(part).items()}
    return options


_TINY = TrainConfig(
    generator=UNetConfig(),
    weights=LossWeights(
        known_l1=0, hole_l1=4, adversarial=0.3, perceptual=2, feature_matching=5, r1=0.001, lpips=2
    ),
    dilated=False,
    crop=128,
    zoom=3.0,
    batch=8,
    steps=20_000,
    lr=7e-4,
    lr_discriminator=2e-4,
    lr_final=0.1,
    warmup=100,
    adversarial_from=1000,
    r1_every=16,
    clip_discriminator=None,
    optimizer="adamw",
    ema=0.998,
    discriminator_ndf=32,
    discriminator_layers=3,
    patch_labels="centred",
)

_COPYING = replace(
    _TINY,
    generator=UNetConfig(copies=True),
    weights=replace(_TINY.weights, hole_l1=1, adversarial=0.5, feature_matching=0, r1=0, lpips=3),
    varied=0.5,
    batch=4,
    lr=3e-4,
    lr_discriminator=1e-3,
    adversarial_from=0,
    discriminator="projected",
    shifts=4,
)

_TEXTURE = replace(
    _COPYING,
    weights=replace(_COPYING.weights, hole_l1=0.3, adversarial=2.5, lpips=4, matching=24),
    crop=256,
    zoom=2.0,
    repeats=0.2,
)

# Short runs from good weights, with the losses that made them but for two: a new discriminator
# would first have to learn, and matching needs more photos than a few. With more L1 and smaller
# crops, as the first phases have them, fills of lama-tiny lose texture again. Crops reach up to the
# whole photo, however large: that is how the app looks at large holes.
_FINE_TUNE = replace(
    _TINY,
    weights=replace(_TEXTURE.weights, adversarial=0, matching=0),
    crop=256,
    zoom=64.0,
    batch=4,
    steps=1000,
    lr=1e-4,
    warmup=50,
    freeze_batchnorm=True,
)

PUBLISHED = ("lama-fourier", "big-lama")  # presets that compute in 32 bits unless asked otherwise

PRESETS: dict[str, TrainConfig] = {
    "lama-fourier": TrainConfig(batch=30),  # published: 10 on each of three GPUs
    "big-lama": TrainConfig(generator=FourierConfig(n_blocks=18), batch=120),
    # Grown in five phases, each started from the one before (docs/training.md).
    "lama-tiny-64": replace(_TINY, crop=64, zoom=6.0, batch=16, adversarial_from=1500),
    "lama-tiny-128": replace(_TINY, lr=4e-4, adversarial_from=0),
    "lama-tiny-192": replace(_COPYING, crop=192, zoom=2.5),
    "lama-tiny": _TEXTURE,
    # Two pictures have no statistics of their own that would do for others.
    "lama-tiny-512": replace(
        _TEXTURE,
        weights=replace(_TEXTURE.weights, halves=0.5),
        crop=512,
        zoom=1.0,
        batch=2,
        lr=2.5e-4,
        lr_discriminator=5e-4,
        freeze_batchnorm=True,
    ),
    "fine-tune": _FINE_TUNE,
}


def for_generator(config: TrainConfig, generator: GeneratorConfig) -> TrainConfig:
    """The same run for another generator, as fine-tuning wants it.

    A generator that does not start from a filled hole also has to keep what is known, as the
    published configuration asks; one that does leaves it alone by itself.
    """
    prefilled = isinstance(generator, UNetConfig)
    known = 0.0 if prefilled else LossWeights().known_l1
    return replace(config, generator=generator, weights=replace(config.weights, known_l1=known))
