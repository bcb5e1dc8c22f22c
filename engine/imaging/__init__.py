"""CPU pixels: reading, masks, colour, drawing and writing of pictures; no torch, no Qt, no SQL."""
