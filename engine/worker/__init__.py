"""The worker process: one job in, events out."""
