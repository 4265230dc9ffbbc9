"""A discriminator on the features of a frozen network, for short training runs.

Idea: Sauer et al., "Projected GANs Converge Faster", NeurIPS 2021. A discriminator that starts from
nothing has learned nothing yet when a short run ends; one that only has to weigh the features of a
network that knows pictures tells holes from photos after some hundred steps.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lama.training.losses import Grid
from lama.training.perceptual import EfficientNetFeatures

CHANNELS = (24, 40, 112)  # of EfficientNet-Lite0's maps at 1/4, 1/8 and 1/16
WIDTH = 64


class ProjectedDiscriminator(nn.Module):
    """Patch logits from three maps of a frozen EfficientNet-Lite0.

    Args:
        network: the one to look through, if there is one already.
    """

    grid: Grid | None = None  # its patches lie evenly over the picture, as masks are stretched

    def __init__(self, network: EfficientNetFeatures | None = None) -> None:
        super().__init__()
        self.heads = nn.ModuleList(_head(channels) for channels in CHANNELS)
        # In a list: it is neither trained nor saved.
        self._network = [network or EfficientNetFeatures(dilated=False)]

    @property
    def network(self) -> EfficientNetFeatures:
        """What it looks through."""
        return self._network[0]

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge pictures.

        Args:
            image: (B, 3, H, W) in [0, 1].

        Returns:
            Logits (B, 3, H / 4, W / 4), positive = real, a channel for each map; no features, since
            matching those is the perceptual loss.
        """
        return self.judge(self.network.to(image.device).features(image))

    def judge(self, maps: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """As `forward`, from the network's maps of the pictures."""
        # Maps differ in scale by orders; what counts is their direction, as in LPIPS.
        logits = [
            head(F.normalize(x, dim=1) * x.shape[1] ** 0.5)
            for head, x in zip(self.heads, maps[1:], strict=True)
        ]
        size = logits[0].shape[-2:]
        return torch.cat([F.interpolate(x.float(), size) for x in logits], dim=1), []


def _head(channels: int) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Conv2d(channels, WIDTH, 1)),
        nn.LeakyReLU(0.2, inplace=True),
        spectral_norm(nn.Conv2d(WIDTH, WIDTH, 3, padding=1)),
        nn.LeakyReLU(0.2, inplace=True),
        spectral_norm(nn.Conv2d(WIDTH, 1, 1)),
    )
