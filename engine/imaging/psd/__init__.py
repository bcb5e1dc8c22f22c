"""Layered Photoshop documents: what one holds, how it is written, and the check that it reads back.

Importing `writer` or `verify` loads psd-tools (0.4 s): import them where a file is written, not at start-up.
"""
