"""Pictures the project draws itself, with exact truth: for the demo, for tests and for training the small model.

A scene is a pure function of its seed. Geometry is vector outlines (`shapes`) filled at four times the size; surfaces
are lit in linear light (`painter`); a garment (`garments`, `tops`, `bottoms`) is cut once and drawn twice with the same
cloth (`fabric`), on a posed `body` and spread flat. Masks are the canvas's own books of what covers what.
"""

from engine.imaging.drawn.demo import DemoPair, truth_folder, write_demo_set
from engine.imaging.drawn.garments import CATEGORIES
from engine.imaging.drawn.scene import REGIONS, DrawnScene, Framing, draw_scene
from engine.imaging.drawn.tone import ColorCast

__all__ = [
    "CATEGORIES",
    "REGIONS",
    "ColorCast",
    "DemoPair",
    "DrawnScene",
    "Framing",
    "draw_scene",
    "truth_folder",
    "write_demo_set",
]
