"""Honest figures: masks and colours against the truth, checkpoint by checkpoint, and KontextBench.

`evaluate` takes a frozen request and gives records; it needs torch only where a model has to paint, and belongs into a
process of its own there. `read_evaluation` reads what one left behind.
"""
