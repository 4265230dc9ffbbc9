"""Winograd's 3x3 convolution (Lavin and Gray 2016): a quarter of the multiplications.

Tiles of 6x6 pixels that overlap by two become 4x4 outputs: the 36 pixels of a tile are transformed
by a small matrix, each of the 36 results gets a matrix product over channels of its own, and a
second small matrix makes 16 outputs of them. Notation of arXiv 1509.09308:
Y = A^T [U * (B^T d B)] A with U = G g G^T.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lama.compiled.convolution import Codes, Convolution, Geometry, convolve, pack

_TILE, _STEP = 6, 4  # pixels of a tile, outputs of a tile
# With 0, +-1, +-2 rounding errors are four times as large.
_POINTS = (0.0, math.sqrt(0.5), -math.sqrt(0.5), math.sqrt(2), -math.sqrt(2))
_LEAST_CHANNELS = 128  # below that the transforms cost more than they save
# Tiles worked on at once. They stay in the cache, and as their number is the same for all maps,
# weights are laid out for it once: for a shape that they do not suit, oneDNN takes 0.25 s a call.
_ROWS = 8
_AT_ONCE = _ROWS**2


class WinogradConvolution(Convolution):
    """A 3x3 convolution of stride 1 by F(4x4, 3x3), in float32; any size of map.

    Args: as `Convolution`.
    """

    forth: Tensor
    back: Tensor

    def __init__(
        self, weight: Tensor, bias: Tensor, geometry: Geometry, relu: bool, dtype: torch.dtype
    ) -> None:
        super().__init__(weight, bias, geometry, relu, dtype)
        del self.weight
        self.outputs, self.inputs = weight.shape[:2]
        forth, kernel, back = transforms()
        self.register_buffer("forth", torch.kron(forth, forth).float())
        self.register_buffer("back", torch.kron(back, back).float())
        products = torch.einsum("ai,bj,kcij->abkc", kernel, kernel, weight.double()).flatten(0, 2)
        # Packed weights have no storage that could be copied or moved, so they are no buffer.
        shape = (1, _TILE**2 * self.inputs, _ROWS, _ROWS)
        self.packed = pack(products.float()[..., None, None], shape, _TILE**2)
        # Becomes a constant over the tile.
        one = torch.linalg.lstsq(back, torch.ones(_STEP, 1, dtype=back.dtype)).solution[:, 0]
        self.register_buffer("bias", torch.einsum("a,b,k->abk", one, one, bias).flatten().float())

    @staticmethod
    def pays(weight: Tensor, geometry: Geometry, dtype: torch.dtype) -> bool:
        """Whether it is quicker for this weight (C_out, C_in, k, k)."""
        plain = geometry.stride == geometry.dilation == geometry.padding == (1, 1)
        wide = min(weight.shape[:2]) >= _LEAST_CHANNELS
        return plain and wide and weight.shape[2:] == (3, 3) and dtype == torch.float32

    def forward(self, x: Tensor | Codes, add: Tensor | None = None) -> Tensor:
        """See `Convolution.forward`."""
        x = (x.real() if isinstance(x, Codes) else x).to(self.dtype)
        B, C, H, W = x.shape
        if not self.geometry.reflect:
            x = F.pad(x, (1, 1, 1, 1))
        pixels = x.permute(0, 2, 3, 1).reshape(-1, C)
        places = tile_places(B, H, W, self.geometry.reflect)
        tiles = torch.empty((len(places), _STEP**2, self.outputs))
        for chosen, out in zip(
            places.flatten(1).split(_AT_ONCE), tiles.split(_AT_ONCE), strict=True
        ):
            self._convolve(pixels.index_select(0, chosen.flatten()), out)
        rows, columns = -(-H // _STEP), -(-W // _STEP)
        tiles = tiles[: B * rows * columns].view(B, rows, columns, _STEP, _STEP, -1)
        y = torch.empty((B, rows, _STEP, columns, _STEP, self.outputs))
        outputs = tiles.transpose(2, 3)
        if self.relu and add is None:
            torch.clamp_min(outputs, 0, out=y)
        else:
            y.copy_(outputs)
        y = y.view(B, _STEP * rows, _STEP * columns, -1)[:, :H, :W].permute(0, 3, 1, 2)
        y = y.contiguous(memory_format=torch.channels_last)
        if add is not None:
            y += add
            return y.relu_() if self.relu else y
        return y

    def _convolve(self, pixels: Tensor, out: Tensor) -> None:
        """Pixels of tiles (64 * 36, C_in) to their outputs (64, 16, C_out)."""
        forth, back = self.forth, self.back
        d = torch.bmm(forth.expand(_AT_ONCE, -1, -1), pixels.view(_AT_ONCE, len(forth), -1))
        transformed = d.view(1, _ROWS, _ROWS, -1).permute(0, 3, 1, 2)
        m = convolve(transformed, self.packed, self.bias, groups=_TILE**2)
        m = m.permute(0, 2, 3, 1).view(_AT_ONCE, len(forth), -1)
        torch.bmm(back.expand(_AT_ONCE, -1, -1), m, out=out)


@functools.lru_cache(maxsize=16)
def tile_places(batch: int, height: int, width: int, reflect: bool) -> Tensor:
    """Where the pixels of each tile are, tile by tile and row by row.

    Args:
        batch: number of pictures.
        height: of the map in pixels.
        width: of the map in pixels.
        reflect: whether the border is mirrored; otherwise the map has one of a pixel already.

    Returns:
        (tiles, 36), int64: places in the flat (batch * height * width, C), with tiles to spare
        up to a multiple of those in work at once.
    """
    along = []
    for length in (height, width):
        starts = torch.arange(0, length, _STEP)
        place = starts[:, None] + torch.arange(_TILE)
        if reflect:
            place = (place - 1).abs()
            along.append((length - 1 - (length - 1 - place).abs()).clamp(min=0))
        else:
            along.append(place.clamp(max=length + 1))
    border = 0 if reflect else 2
    height, width = height + border, width + border
    rows, columns = along
    places = rows[:, None, :, None] * width + columns[:, None, :]
    places = torch.arange(batch)[:, None, None] * height * width + places.flatten(0, 1).flatten(1)
    places = places.flatten(0, 1)
    return F.pad(places, (0, 0, 0, -len(places) % _AT_ONCE))


def transforms() -> tuple[Tensor, Tensor, Tensor]:
    """B^T (6, 6) for pixels, G (6, 3) for kernels and A^T (4, 6) for what comes out, float64.

    Polynomials through five points and infinity, multiplied (Toom and Cook); transposed.
    """
    points = torch.tensor(_POINTS, dtype=torch.float64)
    forth = torch.zeros(_TILE, _TILE, dtype=torch.float64)
    for i in range(len(points)):
        others = torch.cat([points[:i], points[i + 1 :]])
        forth[i, : len(points)] = _polynomial(others) / (points[i] - others).prod()
    forth[-1] = _polynomial(points)
    infinity = torch.zeros(_TILE, 1, dtype=torch.float64)
    infinity[-1] = 1
    powers = points[:, None] ** torch.arange(_STEP)
    kernel = torch.zeros(_TILE, 3, dtype=torch.float64)
    kernel[:-1], kernel[-1, -1] = powers[:, :3], 1
    back = torch.zeros(_STEP, _TILE, dtype=torch.float64)
    back[:, :-1], back[-1, -1] = powers.t(), 1
    return forth, kernel, back


def _polynomial(roots: Tensor) -> Tensor:
    """Coefficients of the product of (x - root), the constant first."""
    coefficients = torch.ones(1, dtype=torch.float64)
    for root in roots:
        higher = F.pad(coefficients, (1, 0))
        coefficients = higher - root * F.pad(coefficients, (0, 1))
    return coefficients
