"""What is trained: quadratic and least squares, logistic and softmax regression, and a small transformer on a source
of known entropy rate; and the same with another gradient, `Clipped` or `Noisy`."""

from noisydescent.problems.base import LocalQuadratic, Oracle, Problem
from noisydescent.problems.clipped import Clipped
from noisydescent.problems.clipping import clip_norm
from noisydescent.problems.least_squares import LeastSquares
from noisydescent.problems.logistic import Logistic
from noisydescent.problems.markov import MarkovSource
from noisydescent.problems.noisy import NOISE_KINDS, Noisy, stable_noise
from noisydescent.problems.quadratic import Quadratic
from noisydescent.problems.softmax import SoftmaxRegression
from noisydescent.problems.transformer import MarkovLanguage

__all__ = [
    "NOISE_KINDS",
    "Clipped",
    "LeastSquares",
    "LocalQuadratic",
    "Logistic",
    "MarkovLanguage",
    "MarkovSource",
    "Noisy",
    "Oracle",
    "Problem",
    "Quadratic",
    "SoftmaxRegression",
    "clip_norm",
    "stable_noise",
]
