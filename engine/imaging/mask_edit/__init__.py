"""Editing a mask by hand at the photograph's full size: strokes, areas, edges, and undo by tiles. No Qt in here."""
