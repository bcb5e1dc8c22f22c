"""Chromask's engine: everything that is neither a window nor a database."""
