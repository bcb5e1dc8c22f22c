"""The command line, one module per command, on the same services as the window."""
