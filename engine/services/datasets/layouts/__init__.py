"""Data sets in the folders and files of other trainers, and back."""
