"""Shared by the tests of the library."""

import pytest
import torch


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    """The numbers below were chosen on the CPU's random streams; a GPU would draw others."""
    monkeypatch.setattr("noisydescent.devices._chosen", torch.device("cpu"))


@pytest.fixture(scope="session")
def agrees():
    """`agrees(samples, expected)`: the mean of samples (n, ...) lies within four standard errors of `expected`.

    All seeds are fixed, so nothing here fails at random: a result changes only when the code or torch's random stream
    does. Then one comparison of a correct mean fails with probability 6.3e-5. The comparisons of this folder are
    about 700, many of them correlated, so a new stream makes some test fail with a probability of at most 4.5 %;
    another seed tells such a failure from a defect. The same tolerance finds a bias of 5 standard errors with
    probability 0.84 and one of 7 with 0.999.
    """

    def check(samples: torch.Tensor, expected) -> None:
        samples = samples.double()
        error = samples.std(dim=0) / len(samples) ** 0.5
        gap = (samples.mean(dim=0) - torch.as_tensor(expected, dtype=torch.float64)).abs()
        worst = float((gap / error.clamp_min(1e-15)).max())
        assert worst <= 4, f"{worst:.2f} standard errors from what is expected"

    return check
