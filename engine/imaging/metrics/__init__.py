"""Measures of evaluation: masks against true masks, colours against true ones, pictures against what they were."""
