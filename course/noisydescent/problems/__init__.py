"""The three labs: a quadratic, logistic regression and a small transformer on a source of known entropy rate."""

from noisydescent.problems.base import Oracle, Problem
from noisydescent.problems.logistic import Logistic
from noisydescent.problems.markov import MarkovSource
from noisydescent.problems.quadratic import Quadratic
from noisydescent.problems.transformer import MarkovLanguage

__all__ = ["Logistic", "MarkovLanguage", "MarkovSource", "Oracle", "Problem", "Quadratic"]
