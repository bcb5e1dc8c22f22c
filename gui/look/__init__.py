"""How everything looks: palettes, type and space, the style sheet, icons."""
