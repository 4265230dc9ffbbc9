import pytest
import torch

from lama.components import principal_components


@pytest.mark.parametrize("shape", [(300, 27), (41, 147)])
def test_they_are_those_of_the_singular_values(shape):
    source = torch.Generator().manual_seed(0)
    scales = torch.logspace(0, -2, shape[1])
    samples = torch.randn(shape, generator=source) * scales + 3
    basis = principal_components(samples, 4)
    assert torch.allclose(basis.t() @ basis, torch.eye(4), atol=1e-5)
    centred = samples - samples.mean(0)
    best = torch.linalg.svd(centred, full_matrices=False).S[:4].square().sum()
    assert float((centred @ basis).square().sum()) > 0.95 * float(best)


def test_flat_samples_have_some_basis_too():
    basis = principal_components(torch.full((50, 27), 0.25), 3)
    assert torch.allclose(basis.t() @ basis, torch.eye(3), atol=1e-5)
