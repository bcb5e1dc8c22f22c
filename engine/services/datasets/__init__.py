"""Training sets: building, checking, splitting, and the layouts of other trainers."""
