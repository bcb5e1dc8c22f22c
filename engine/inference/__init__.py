"""Backends: the classical one on the CPU, and FLUX.1 Kontext on torch."""
