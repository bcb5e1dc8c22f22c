"""Nano Kontext: FLUX.1 Kontext's own classes with a few million weights, taught on drawn figures.

`tokenizers` and `parts` assemble it, `block_code` and `decoder` make its VAE, `copying` lets it begin as a model that
returns its control picture, `lessons_set` draws what it learns from, `base` trains it.
"""
