"""The Training page: data sets, training runs, and what they made."""
