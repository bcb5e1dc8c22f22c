"""Garment masks without a neural network: plain-background stills, figures before a studio wall, garments on figures."""
