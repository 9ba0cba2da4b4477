"""The three labs: quadratic and least squares, logistic and softmax regression, and a small transformer on a source
of known entropy rate."""

from noisydescent.problems.base import Oracle, Problem
from noisydescent.problems.least_squares import LeastSquares
from noisydescent.problems.logistic import Logistic
from noisydescent.problems.markov import MarkovSource
from noisydescent.problems.quadratic import Quadratic
from noisydescent.problems.softmax import SoftmaxRegression
from noisydescent.problems.transformer import MarkovLanguage

__all__ = [
    "LeastSquares",
    "Logistic",
    "MarkovLanguage",
    "MarkovSource",
    "Oracle",
    "Problem",
    "Quadratic",
    "SoftmaxRegression",
]
