"""What the page's histograms are compared with: the published parameters at the published size.

Shares of the ten hole-area buckets over 6,000 masks at 256 pixels and 3,000 at 512, drawn with the
published parameters; their quantiles agree with the published generator's (docs/masks.md).
Segmentation depends on the picture and has no such curve.
"""

from masks.presets import SMALL_UP_TO
from space.mask_lab.plot import Reference

_SHARES = {
    ("wide", 256): (0.051, 0.098, 0.111, 0.128, 0.155, 0.162, 0.148, 0.106, 0.036, 0.004),
    ("box", 256): (0.131, 0.227, 0.292, 0.251, 0.089, 0.010, 0.0, 0.0, 0.0, 0.0),
    ("narrow", 256): (0.304, 0.227, 0.137, 0.142, 0.130, 0.054, 0.005, 0.0, 0.0, 0.0),
    ("outpaint", 256): (0.096, 0.217, 0.269, 0.221, 0.135, 0.055, 0.006, 0.0, 0.0, 0.0),
    ("training", 256): (0.089, 0.163, 0.208, 0.185, 0.120, 0.088, 0.074, 0.052, 0.017, 0.003),
    ("thin", 256): (0.094, 0.186, 0.201, 0.259, 0.228, 0.032, 0.0, 0.0, 0.0, 0.0),
    ("thin", 512): (0.110, 0.172, 0.198, 0.249, 0.237, 0.034, 0.0, 0.0, 0.0, 0.0),
    ("medium", 256): (0.229, 0.097, 0.282, 0.280, 0.100, 0.011, 0.0, 0.0, 0.0, 0.0),
    ("medium", 512): (0.144, 0.137, 0.165, 0.236, 0.213, 0.094, 0.011, 0.0, 0.0, 0.0),
    ("thick", 256): (0.078, 0.144, 0.157, 0.143, 0.125, 0.127, 0.117, 0.078, 0.026, 0.004),
    ("thick", 512): (0.076, 0.117, 0.129, 0.119, 0.110, 0.114, 0.123, 0.119, 0.070, 0.023),
}


def published(name: str, short_side: int) -> Reference | None:
    """The published distribution of a strategy for pictures of this short side, if there is one."""
    sizes = [size for (known, size) in _SHARES if known == name]
    if not sizes:
        return None
    size = max(sizes) if short_side > SMALL_UP_TO else min(sizes)
    return Reference(_SHARES[name, size], f"published parameters at {size} × {size}")
