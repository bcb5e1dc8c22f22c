"""The engine thread: claims jobs and supervises worker processes."""
