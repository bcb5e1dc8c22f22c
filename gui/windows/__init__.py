"""The main window and its four pages."""
