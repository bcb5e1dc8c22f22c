"""One module per revision, named by its number. A released revision is never edited."""
