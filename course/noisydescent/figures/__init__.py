"""One style, and the pictures of the labs. Figures are pure functions: state in, figure out."""

from noisydescent.figures.style import draw_curve, draw_level, draw_measured, draw_theory, new_figure, show

__all__ = ["draw_curve", "draw_level", "draw_measured", "draw_theory", "new_figure", "show"]
