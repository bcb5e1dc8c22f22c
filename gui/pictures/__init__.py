"""Pixels for the screen, off the window's thread: decoding, tiles, thumbnails, ΔE maps, the display's profile."""
