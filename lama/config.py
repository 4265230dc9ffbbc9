"""Every generator's shape as a frozen dataclass that travels inside its checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True)
class FourierConfig:
    """LaMa-Fourier: FFC residual blocks between three halvings and three doublings."""

    kind: ClassVar[str] = "ffc_resnet"
    ngf: int = 64  # channels at full resolution
    n_downsampling: int = 3
    n_blocks: int = 9  # 18 in big-lama
    ratio: float = 0.75  # share of global channels in the blocks
    max_features: int = 1024
    enable_lfu: bool = False  # local Fourier unit; off in every published model
    activation: str = "sigmoid"  # or tanh


@dataclass(frozen=True)
class RegularConfig:
    """LaMa-Regular: plain residual blocks (pix2pixHD's global generator)."""

    kind: ClassVar[str] = "pix2pixhd_global"
    ngf: int = 64
    n_downsampling: int = 3
    n_blocks: int = 9  # 15 in the deep variant
    max_features: int = 1024
    activation: str = "sigmoid"


@dataclass(frozen=True)
class DilatedConfig:
    """LaMa-Dilated: each block convolution is four, dilated 1, 2, 4, 8, over channel quarters."""

    kind: ClassVar[str] = "pix2pixhd_multidilated"
    ngf: int = 64
    n_downsampling: int = 3
    n_blocks: int = 9
    dilation_num: int = 4
    max_features: int = 1024
    activation: str = "sigmoid"


@dataclass(frozen=True)
class UNetConfig:
    """lama-tiny: encoder and decoder with skips, FFC blocks at 1/8, a residual on a prefilled hole.

    Full resolution is entered and left by pixel (un)shuffling; `detail` channels are all that
    works there.
    """

    kind: ClassVar[str] = "ffc_unet"
    width: int = 48  # channels at 1/2, doubled at 1/4 and 1/8
    n_blocks: int = 6
    ratio: float = 0.75
    detail: int = 16  # channels of the full-resolution head
    base: int = 64  # short sides from twice this on are filled coarse to fine
    copies: bool = False  # whether it also sees the hole filled from the picture's own patches


# What a number may be at most; at least it is 1. Wide enough for every network that anybody trains,
# and narrow enough that a damaged file does not keep the machine busy.
_MOST = {"n_blocks": 256, "n_downsampling": 8, "dilation_num": 8, "max_features": 2**16}
_MOST |= {"ngf": 4096, "width": 4096, "detail": 4096, "base": 2**16}
_LEAST = {"base": 16}  # pictures of half of it are what the network sees at least

GeneratorConfig = FourierConfig | RegularConfig | DilatedConfig | UNetConfig
_KINDS: dict[str, type] = {
    c.kind: c for c in (FourierConfig, RegularConfig, DilatedConfig, UNetConfig)
}


def to_dict(config: GeneratorConfig) -> dict[str, Any]:
    """A JSON-ready form that `from_dict` reads back."""
    return {"kind": config.kind, **asdict(config)}


def from_dict(values: Mapping[str, Any]) -> GeneratorConfig:
    """Rebuild a config; missing fields take defaults.

    Raises:
        ValueError: An unknown kind or field, a value of another type or out of its range.
    """
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"unknown generator kind {kind!r}; known are {', '.join(_KINDS)}")
    cls = _KINDS[kind]
    known = {f.name: f for f in fields(cls)}
    given = {k: v for k, v in values.items() if k != "kind"}
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(
            f"generator {kind!r} has no option {', '.join(unknown)}; it has {', '.join(known)}"
        )
    for name, value in given.items():
        _check(f"{name} of generator {kind!r}", name, value, type(known[name].default))
    return cls(**given)


def _check(what: str, name: str, value: object, wanted: type) -> None:
    """ValueError for a value of another type than the default's, or out of its range."""
    fits = isinstance(value, (int, float) if wanted is float else wanted)
    if not fits or (isinstance(value, bool) and wanted is not bool):
        raise ValueError(f"{what} must be {wanted.__name__}, got {value!r}")
    least = _LEAST.get(name, 1)
    if name in _MOST and not least <= value <= _MOST[name]:  # type: ignore[operator]
        raise ValueError(f"{what} must be {least} to {_MOST[name]}, got {value}")
    if name == "ratio" and not 0 <= value <= 1:  # type: ignore[operator]
        raise ValueError(f"{what} must be 0 to 1, got {value}")
    if name == "activation" and value not in ("sigmoid", "tanh"):
        raise ValueError(f"{what} must be sigmoid or tanh, got {value!r}")
