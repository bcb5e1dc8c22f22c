"""Qt models: tables and lists over the domain's dataclasses. GUI thread only."""
