"""From logs as they are found to a corpus."""
