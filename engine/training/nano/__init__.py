"""Nano Kontext: FLUX.1 Kontext's own classes with a few million weights, taught on drawn figures.

`parts` assembles it, its tokenizers as well; `block_code` and `decoder` make its VAE; `copying` lets it begin as a
model that returns its control picture; `lessons_set` and `pair_lessons` draw what it learns from; `base` trains it;
`measure` says what it can do; `recipe` does all of that by a `plan`. `drawn_pairs` draws what its LoRAs are trained on.
"""
