"""Fast Fourier convolution (FFC, Chi et al. 2020) as LaMa uses it (arXiv 2109.07161, section 2.1).

Attribute names (`convl2l`, `conv_layer`, `bn_l`, ...) are a contract with published weights.

Shape legend: B batch, C channels, H x W pixels, F = W // 2 + 1 frequencies.
A feature map travels as a pair (x_local, x_global); a branch without channels is None.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Pair = tuple[Tensor | None, Tensor | None]


def spectrum(x: Tensor) -> Tensor:
    """Real 2-D FFT with the real and imaginary numbers as neighbouring channels.

    Args:
        x: (B, C, H, W), float32.

    Returns:
        (B, 2C, H, F): re0, im0, re1, im1, ... — the order that published weights expect.
    """
    B, C, H, W = x.shape
    parts = torch.view_as_real(torch.fft.rfft2(x, norm="ortho"))  # (B, C, H, F, 2)
    return parts.permute(0, 1, 4, 2, 3).reshape(B, 2 * C, H, W // 2 + 1)


def from_spectrum(x: Tensor, height: int, width: int) -> Tensor:
    """Inverse of `spectrum` for a spectrum of any content.

    After a ReLU the DC and Nyquist columns are no longer conjugate symmetric, and FFT backends
    disagree about `irfft2` of such input. Inverting first the columns and then the rows has one
    meaning everywhere, and it is the one that the published weights were trained with.

    Args:
        x: (B, 2C, H, F), float32, interleaved as `spectrum` returns it.
        height: H of the result.
        width: W of the result (its parity cannot be told from F).

    Returns:
        (B, C, H, W).
    """
    B, C2, H, Fr = x.shape
    parts = x.view(B, C2 // 2, 2, H, Fr).permute(0, 1, 3, 4, 2).contiguous()
    columns = torch.fft.ifft(torch.view_as_complex(parts), n=height, dim=-2, norm="ortho")
    return torch.fft.irfft(columns, n=width, dim=-1, norm="ortho")


class FourierUnit(nn.Module):
    """1x1 convolution in the frequency domain: its receptive field is the whole picture.

    FFT runs in float32 whatever the input's type: half precision overflows there.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(in_channels * 2, out_channels * 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels * 2)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C_out, H, W)."""
        height, width = x.shape[-2:]
        x = x.contiguous()
        with torch.autocast(x.device.type, enabled=False):
            frequencies = spectrum(x.float())
        frequencies = self.relu(self.bn(self.conv_layer(frequencies.to(x.dtype))))
        with torch.autocast(x.device.type, enabled=False):
            return from_spectrum(frequencies.float().contiguous(), height, width).to(x.dtype)


class SpectralTransform(nn.Module):
    """The global-to-global path: reduce, Fourier unit with a shortcut, expand.

    Args:
        in_channels: channels in.
        out_channels: channels out; half of them inside.
        stride: 1, or 2 to average-pool first.
        enable_lfu: add the local Fourier unit (FFC paper); no published LaMa has it.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, enable_lfu: bool = False
    ) -> None:
        super().__init__()
        half = out_channels // 2
        self.downsample = nn.AvgPool2d(2, 2) if stride == 2 else nn.Identity()
        self.conv1 = nn.Sequential(
            nn.Conv2d(in_channels, half, 1, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(inplace=True),
        )
        self.fu = FourierUnit(half, half)
        self.lfu = FourierUnit(half // 4 * 4, half) if enable_lfu else None
        self.conv2 = nn.Conv2d(half, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, H, W) to (B, C_out, H / stride, W / stride)."""
        x = self.conv1(self.downsample(x))
        out = x + self.fu(x)
        if self.lfu is not None:
            out = out + self._local(x, self.lfu)
        return self.conv2(out)

    @staticmethod
    def _local(x: Tensor, unit: FourierUnit) -> Tensor:
        """The first quarter of the channels, its four quadrants stacked as channels, tiled back.

        Odd sizes are mirrored to even ones first (the published code takes even squares only).
        """
        height, width = x.shape[-2:]
        part = F.pad(x[:, : x.shape[1] // 4], (0, width % 2, 0, height % 2), mode="replicate")
        half_h, half_w = part.shape[-2] // 2, part.shape[-1] // 2
        rows = torch.cat(torch.split(part, half_h, dim=-2), dim=1)
        quadrants = torch.cat(torch.split(rows, half_w, dim=-1), dim=1)
        return unit(quadrants).repeat(1, 1, 2, 2)[..., :height, :width]


class FFC(nn.Module):
    """Fast Fourier convolution: local and global channels, each feeding both.

    Args:
        in_channels: all channels in.
        out_channels: all channels out.
        kernel_size: of the three spatial paths.
        ratio_gin: share of the input's channels that are global.
        ratio_gout: share of the output's channels that are global.
        stride: 1 or 2.
        padding: reflect padding of the spatial paths.
        enable_lfu: local Fourier unit in the global path.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        ratio_gin: float,
        ratio_gout: float,
        stride: int = 1,
        padding: int = 0,
        enable_lfu: bool = False,
    ) -> None:
        super().__init__()
        in_global, out_global = int(in_channels * ratio_gin), int(out_channels * ratio_gout)
        in_local, out_local = in_channels - in_global, out_channels - out_global

        def spatial(cin: int, cout: int) -> nn.Module | None:
            if not cin or not cout:
                return None
            return nn.Conv2d(
                cin, cout, kernel_size, stride, padding, bias=False, padding_mode="reflect"
            )

        self.convl2l = spatial(in_local, out_local)
        self.convl2g = spatial(in_local, out_global)
        self.convg2l = spatial(in_global, out_local)
        self.convg2g = (
            SpectralTransform(in_global, out_global, stride, enable_lfu)
            if in_global and out_global
            else None
        )
        self.out_local, self.out_global = out_local, out_global

    def forward(self, pair: Pair) -> Pair:
        """(x_local, x_global) to (y_local, y_global)."""
        x_local, x_global = pair
        y_local = _sum(_apply(self.convl2l, x_local), _apply(self.convg2l, x_global))
        y_global = _sum(_apply(self.convl2g, x_local), _apply(self.convg2g, x_global))
        return y_local, y_global


class FFCBatchNormAct(nn.Module):
    """FFC, batch norm on each branch, activation on each branch (`FFC_BN_ACT` of the source)."""

    def __init__(self, ffc: FFC) -> None:
        super().__init__()
        self.ffc = ffc
        self.bn_l = nn.BatchNorm2d(ffc.out_local) if ffc.out_local else None
        self.bn_g = nn.BatchNorm2d(ffc.out_global) if ffc.out_global else None
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor | Pair) -> Pair:
        """(x_local, x_global), or one tensor that is all local, to (y_local, y_global)."""
        y_local, y_global = self.ffc((x, None) if isinstance(x, Tensor) else x)
        if self.bn_l is not None and y_local is not None:
            y_local = self.act(self.bn_l(y_local))
        if self.bn_g is not None and y_global is not None:
            y_global = self.act(self.bn_g(y_global))
        return y_local, y_global


class FFCResnetBlock(nn.Module):
    """Two FFC layers and a shortcut; a ReLU stands before the sum and none after it."""

    def __init__(self, channels: int, ratio: float, enable_lfu: bool = False) -> None:
        super().__init__()
        self.conv1, self.conv2 = (
            FFCBatchNormAct(
                FFC(channels, channels, 3, ratio, ratio, padding=1, enable_lfu=enable_lfu)
            )
            for _ in range(2)
        )

    def forward(self, pair: Pair) -> Pair:
        """(x_local, x_global) to the same shapes."""
        y_local, y_global = self.conv2(self.conv1(pair))
        return _sum(pair[0], y_local), _sum(pair[1], y_global)


def split_channels(x: Tensor, ratio: float) -> Pair:
    """Split (B, C, H, W) into (local, global); the last int(C * ratio) channels are global."""
    n_global = int(x.shape[1] * ratio)
    n_local = x.shape[1] - n_global
    return (x[:, :n_local] if n_local else None), (x[:, n_local:] if n_global else None)


def join_channels(pair: Pair) -> Tensor:
    """Concatenate (local, global) on the channels."""
    return torch.cat([x for x in pair if x is not None], dim=1)


def _apply(module: nn.Module | None, x: Tensor | None) -> Tensor | None:
    return None if module is None or x is None else module(x)


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b
