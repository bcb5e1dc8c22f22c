"""Colour-managed reading and writing of photographs, in every format a studio delivers."""
