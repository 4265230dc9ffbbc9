"""The kernel distance (squared MMD) between a set of fills and a set of photos as a loss.

Other losses compare a fill with its own photo, or judge it patch by patch. This one compares the
distribution of many fills' features with that of many photos' (Li et al., "Generative Moment
Matching Networks", ICML 2015; the cubic kernel is that of Binkowski et al., ICLR 2018), on the
network that `kernel_distance` measures with. One batch is far too small a set, so the features of
the last pictures are kept. Kept features are constants; the gradient goes to the batch at hand.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.image.kid import poly_kernel

from lama.training.folding import fold_batch_norm
from lama.training.kernel_distance import INPUT, corner_around
from lama.training.parallel import gather, rank
from lama.training.perceptual import EfficientNetPooled, freeze

CHANNELS = 1280
GOLDEN = 0.6180339887  # its multiples modulo 1 spread evenly, however many there are


class KernelMatching(nn.Module):
    """Squared MMD between fills and photos, on features of a frozen EfficientNet-Lite0.

    Args:
        kept: pictures whose features are remembered, of fills and of photos.

    Its state holds those features, so that a run that is resumed goes on as it would have.
    """

    fills: Tensor
    photos: Tensor
    seen: Tensor

    def __init__(self, kept: int = 256) -> None:
        super().__init__()
        # In a list: it is neither trained nor saved.
        self._network = [freeze(fold_batch_norm(EfficientNetPooled()))]
        self.register_buffer("fills", torch.zeros(kept, 2, CHANNELS))
        self.register_buffer("photos", torch.zeros(kept, 2, CHANNELS))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, fill: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
        """The terms of the squared MMD between these fills and what is kept; then keeps them too.

        Args:
            fill: (B, 3, H, W) in [0, 1], what is known as in the photo.
            photo: what the fills are of.
            mask: (B, 1, H, W), 1 = hole.

        Returns:
            Scalar; below 0 if these fills are nearer to kept photos than to kept fills, 0 as long
            as nothing is kept.
        """
        first = int(self.seen) + rank() * len(mask)
        places = [square_in_hole(m[0], first + i) for i, m in enumerate(mask)]
        ours = self._features(fill, places)
        with torch.no_grad():
            theirs = self._features(photo, places)
        count = min(int(self.seen), len(self.fills))
        loss = ours.sum() * 0
        if count:
            one = ours.flatten(0, 1)
            # Copies, since what is remembered changes before the gradient is asked for.
            fills, photos = (x[:count].flatten(0, 1).clone() for x in (self.fills, self.photos))
            loss = 2 * (cubic(one, fills).mean() - cubic(one, photos).mean())
        if self.training:
            self._remember(gather(ours.detach()), gather(theirs))
        return loss

    def _features(self, picture: Tensor, places: list[tuple[int, int, int]]) -> Tensor:
        """(B, 2, CHANNELS): the whole picture's and the square's."""
        network = self._network[0].to(picture.device)
        squares = torch.cat(
            [
                _resized(part)
                for one, (top, left, side) in zip(picture, places, strict=True)
                for part in (one[None], one[None, :, top : top + side, left : left + side])
            ]
        )
        return network(squares).float().unflatten(0, (-1, 2))

    def _remember(self, fills: Tensor, photos: Tensor) -> None:
        kept = len(self.fills)
        where = (torch.arange(len(fills), device=fills.device) + self.seen) % kept
        self.fills[where], self.photos[where] = fills, photos
        self.seen += len(fills)


def square_in_hole(mask: Tensor, number: int) -> tuple[int, int, int]:
    """(top, left, side) of a square of half the picture's side around a pixel of the hole (H, W).

    Which one follows from `number`, so that a run that is resumed takes the same.
    """
    height, width = mask.shape
    side = min(height, width) // 2
    pixels = mask.flatten().nonzero().flatten()
    if not len(pixels):
        return (height - side) // 2, (width - side) // 2, side
    y, x = divmod(int(pixels[int(number * GOLDEN % 1 * len(pixels))]), width)
    return *corner_around(y, x, side, (height, width)), side


def cubic(a: Tensor, b: Tensor) -> Tensor:
    """The cubic polynomial kernel of (N, C) and (M, C): (N, M), with all digits of fp32."""
    with torch.autocast(a.device.type, enabled=False):
        return poly_kernel(a, b)


def _resized(picture: Tensor) -> Tensor:
    return F.interpolate(picture, (INPUT, INPUT), mode="bilinear", antialias=True)
