"""Widgets that hold no catalog state: they show what they are given."""
