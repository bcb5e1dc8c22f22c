"""The Intake page: photographs, pairs, problems, plans, presets, watch folders."""
