"""Use cases: intake, queue, review, export, registries, settings."""
