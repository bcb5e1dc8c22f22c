"""Colour in numbers: ICC-aware CIELAB, CIEDE2000, the garment colour match and its quality report."""
