"""Garment masks without a neural network: stills on a plain background, figures before a studio wall."""
