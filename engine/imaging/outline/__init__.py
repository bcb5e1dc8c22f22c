"""Soft masks to Bezier paths: the sub-pixel contour, the curves fitted to it, and the subpaths made of them.

Own code, because the libraries there are do not fit: potrace traces hard masks only and is under the GPL, contourpy
wants coordinates and values of every pixel as doubles (1.2 GB at 48 megapixels), fontTools converts curves but fits
none, and SciPy's splines know neither corners nor Bezier knots.
"""

from engine.imaging.outline.subpaths import outline, simplified, usual_tolerance

__all__ = ["outline", "simplified", "usual_tolerance"]
