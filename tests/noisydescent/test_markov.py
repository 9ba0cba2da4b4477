import itertools
import math

import pytest
import torch

from noisydescent import MarkovSource
from noisydescent.devices import generator

SOURCES = {
    "order 1": MarkovSource.random(vocabulary=5, order=1, seed=1),
    "order 2": MarkovSource.random(vocabulary=4, order=2, seed=2),
    # tokens that never follow, and a last token of probability zero
    "zeros": MarkovSource(torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75], [1.0, 0.0, 0.0]])),
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_stationary_law_is_a_left_eigenvector_of_the_chain_of_contexts(name):
    source = SOURCES[name]
    contexts = list(itertools.product(range(source.vocabulary), repeat=source.order))
    chain = torch.zeros(len(contexts), len(contexts), dtype=torch.float64)
    for i, context in enumerate(contexts):
        for token in range(source.vocabulary):
            chain[i, contexts.index((*context[1:], token))] += source.transition[*context, token]
    torch.testing.assert_close(source.stationary @ chain, source.stationary, rtol=0, atol=1e-13)
    assert float(source.stationary.sum()) == pytest.approx(1.0, abs=1e-14)
    assert (source.stationary >= 0).all()


def test_entropy_rate_of_chains_known_by_hand():
    assert MarkovSource(torch.full((8, 8), 1 / 8)).entropy_rate == pytest.approx(math.log(8))
    assert MarkovSource(torch.eye(3)[[1, 2, 0]]).entropy_rate == 0.0  # a cycle
    # stays with probability 0.9 and 0.5: stationary law (5/6, 1/6)
    entropies = [-sum(p * math.log(p) for p in row) for row in [(0.9, 0.1), (0.5, 0.5)]]
    source = MarkovSource(torch.tensor([[0.9, 0.1], [0.5, 0.5]], dtype=torch.float64))
    torch.testing.assert_close(source.stationary, torch.tensor([5 / 6, 1 / 6], dtype=torch.float64))
    assert source.entropy_rate == pytest.approx(5 / 6 * entropies[0] + 1 / 6 * entropies[1], abs=1e-13)


def transitions(source: MarkovSource, text: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Index of (context, next token) at every position with a whole context."""
    k = source.order
    return tuple(text[:, i : text.shape[1] - k + i] for i in range(k + 1))


@pytest.mark.parametrize("name", SOURCES)
def test_entropy_rate_is_the_mean_negative_log_probability_of_text(name, agrees):
    source = SOURCES[name]
    text = source.sample(5000, 20, generator(0))
    surprise = -source.transition[transitions(source, text)].log()
    assert torch.isfinite(surprise).all(), "a token of probability zero was drawn"
    agrees(surprise.mean(dim=1), source.entropy_rate)  # sequences are independent, tokens of one are not


@pytest.mark.parametrize("name", SOURCES)
def test_text_has_the_stationary_frequencies_and_the_transition_probabilities(name, agrees):
    source = SOURCES[name]
    text = source.sample(20_000, source.order + 3, generator(1))
    assert text.shape == (20_000, source.order + 3) and text.dtype == torch.int64
    shape = (source.vocabulary,) * (source.order + 1)
    joint = source.stationary.reshape(shape[:-1])[..., None] * source.transition
    for first in range(3):  # stationary from the very first token on
        index = torch.zeros(len(text), dtype=torch.int64)
        for position in range(first, first + source.order + 1):
            index = index * source.vocabulary + text[:, position]
        seen = torch.nn.functional.one_hot(index, joint.numel())
        agrees(seen, joint.flatten())


def test_order_two_takes_the_older_token_first():
    # the next token is the older of the two, whatever the newer: 0 1 0 1 or 1 1 1 1 ...
    transition = torch.zeros(2, 2, 2)
    transition[0, :, 0] = transition[1, :, 1] = 1.0
    text = MarkovSource(transition).sample(100, 10, generator(0))
    assert torch.equal(text[:, 2:], text[:, :-2])
    assert len(text[:, :2].unique(dim=0)) == 4


def test_a_text_may_be_shorter_than_the_order():
    assert SOURCES["order 2"].sample(3, 1, generator(0)).shape == (3, 1)


def test_sharper_rows_have_a_lower_entropy_rate():
    rates = [MarkovSource.random(sharpness=s).entropy_rate for s in (0.5, 1.5, 3.0)]
    assert math.log(16) > rates[0] > rates[1] > rates[2] > 0


@pytest.mark.parametrize(
    ("transition", "words"),
    [
        (torch.tensor([[0.5, 0.4], [0.5, 0.5]]), "each last axis summing to one"),
        (torch.tensor([[1.5, -0.5], [0.5, 0.5]]), "not negative"),
        (torch.tensor([[float("nan"), 1.0], [0.5, 0.5]]), "probabilities"),
        (torch.full((2, 3), 1 / 3), r"equal axes \(V, ..., V\), got \(2, 3\)"),
        (torch.ones(2) / 2, "equal axes"),
        # almost never leaves a token: the stationary law cannot be told from the start in so few iterations
        (torch.tensor([[1 - 1e-6, 1e-6], [3e-6, 1 - 3e-6]], dtype=torch.float64), "mixes too slowly"),
    ],
)
def test_bad_transitions(transition, words):
    with pytest.raises(ValueError, match=words):
        MarkovSource(transition)


@pytest.mark.parametrize(("name", "value"), [("vocabulary", 1), ("order", 0)])
def test_bad_sizes(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a whole number"):
        MarkovSource.random(**{name: value})
