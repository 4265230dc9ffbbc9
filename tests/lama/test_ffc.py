import numpy as np
import pytest
import torch

from lama.ffc import FFC, FourierUnit, SpectralTransform, from_spectrum, spectrum


@pytest.mark.parametrize("size", [(7, 9), (8, 8), (5, 12), (12, 5)])
def test_spectrum_interleaves_and_inverts(size):
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    parts = spectrum(x)
    expected = np.fft.rfft2(x.numpy(), norm="ortho")
    np.testing.assert_allclose(parts[:, 0::2], expected.real, atol=1e-5)
    np.testing.assert_allclose(parts[:, 1::2], expected.imag, atol=1e-5)
    torch.testing.assert_close(from_spectrum(parts, *size), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(6, 8), (7, 9)])
def test_inverse_of_a_spectrum_without_symmetry_is_numpys(size):
    """After the ReLU the DC column is no longer conjugate symmetric; backends disagree there."""
    source = torch.Generator().manual_seed(1)
    parts = torch.rand(1, 2, size[0], size[1] // 2 + 1, generator=source)
    expected = np.fft.irfft2((parts[:, 0] + 1j * parts[:, 1]).numpy(), s=size, norm="ortho")
    np.testing.assert_allclose(from_spectrum(parts, *size)[:, 0], expected, atol=1e-6)


def test_fourier_unit_sees_the_whole_picture():
    unit = FourierUnit(2, 2).eval()
    x = torch.rand(1, 2, 9, 11, requires_grad=True)
    unit(x)[0, 0, 0, 0].backward()
    assert (x.grad[0].abs().sum(0) > 0).float().mean() > 0.9


@pytest.mark.parametrize("size", [(8, 8), (7, 10), (9, 5)])
def test_local_fourier_unit_takes_any_size(size):
    transform = SpectralTransform(8, 16, enable_lfu=True).eval()
    x = torch.rand(2, 8, *size)
    out = transform(x)
    assert out.shape == (2, 16, *size)
    plain = SpectralTransform(8, 16).eval()
    plain.load_state_dict(transform.state_dict(), strict=False)
    assert not torch.allclose(out, plain(x))


def test_empty_branches_have_no_weights():
    layer = FFC(8, 16, 3, ratio_gin=0, ratio_gout=0.75, stride=2, padding=1)
    assert {k.split(".")[0] for k in layer.state_dict()} == {"convl2l", "convl2g"}
    local, glob = layer((torch.rand(1, 8, 10, 14), None))
    assert local.shape == (1, 4, 5, 7)
    assert glob.shape == (1, 12, 5, 7)


def test_half_precision_keeps_the_fft_in_float32():
    unit = FourierUnit(2, 2).eval()
    x = torch.rand(1, 2, 9, 11) * 100
    with torch.autocast("cpu", torch.bfloat16):
        low = unit(x.bfloat16())
    assert low.dtype == torch.bfloat16
    exact = unit(x)
    assert (low.float() - exact).abs().max() < 0.02 * exact.abs().max()


def test_quadrants_are_stacked_in_the_published_order():
    """Rows are split first, so a column's two quadrants are neighbours."""
    x, seen = torch.arange(16.0).view(1, 1, 4, 4).repeat(1, 4, 1, 1), []
    out = SpectralTransform._local(x, lambda quadrants: seen.append(quadrants) or quadrants)
    assert seen[0][0, :, 0, 0].tolist() == [0, 8, 2, 10]
    assert out[0, 0].tolist() == [[0, 1, 0, 1], [4, 5, 4, 5]] * 2


def test_a_stride_of_two_averages_first():
    strided, plain = SpectralTransform(4, 8, stride=2).eval(), SpectralTransform(4, 8).eval()
    plain.load_state_dict(strided.state_dict())
    x = torch.rand(1, 4, 10, 14)
    torch.testing.assert_close(strided(x), plain(torch.nn.functional.avg_pool2d(x, 2)))
