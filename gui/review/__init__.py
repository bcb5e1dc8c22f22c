"""The Review page: results, figures, verdicts, versions, edits."""
