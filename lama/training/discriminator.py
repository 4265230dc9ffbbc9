"""The patch discriminator (pix2pixHD's N-layer discriminator), which also gives its features."""

from __future__ import annotations

from torch import Tensor, nn

from lama.training.losses import Grid


class Discriminator(nn.Module):
    """Judges overlapping patches; with the published 4 layers a patch is 142 pixels wide.

    Args:
        ndf: channels of the first layer, doubled up to 512.
        n_layers: strided layers.
    """

    def __init__(self, ndf: int = 64, n_layers: int = 4) -> None:
        super().__init__()
        self.n_layers = n_layers
        widths = [min(512, ndf * 2**i) for i in range(n_layers + 1)]
        self.model0 = nn.Sequential(nn.Conv2d(3, ndf, 4, 2, 2), nn.LeakyReLU(0.2, inplace=True))
        for i in range(1, n_layers + 1):
            stride = 2 if i < n_layers else 1
            layer = nn.Sequential(
                nn.Conv2d(widths[i - 1], widths[i], 4, stride, 2),
                nn.BatchNorm2d(widths[i]),
                nn.LeakyReLU(0.2, inplace=True),
            )
            self.add_module(f"model{i}", layer)
        self.add_module(f"model{n_layers + 1}", nn.Sequential(nn.Conv2d(widths[-1], 1, 4, 1, 2)))

    @property
    def grid(self) -> Grid:
        """Where the patches are that the logits judge."""
        first = -1.0  # kernels of 4 with a padding of 2 move by half a pixel; here the last two
        for _ in range(self.n_layers):
            first = 2 * first - 0.5
        return Grid(2**self.n_layers, first)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge pictures.

        Args:
            image: (B, 3, H, W) in [0, 1].

        Returns:
            Logits (B, 1, h, w), positive = real; features of every layer but the last.
        """
        features = []
        x = image
        for i in range(self.n_layers + 1):
            x = self.get_submodule(f"model{i}")(x)
            features.append(x)
        return self.get_submodule(f"model{self.n_layers + 1}")(x), features
