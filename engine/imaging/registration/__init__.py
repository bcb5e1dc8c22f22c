"""Brings a picture that a model painted back to the photograph it was painted from."""

from engine.imaging.registration.features import LinearMap, MapKind, Matches, agreed_map, matched_features
from engine.imaging.registration.field import DisplacementField, covered, moved
from engine.imaging.registration.register import Method, Registration, register

__all__ = [
    "DisplacementField",
    "LinearMap",
    "MapKind",
    "Matches",
    "Method",
    "Registration",
    "agreed_map",
    "covered",
    "matched_features",
    "moved",
    "register",
]
