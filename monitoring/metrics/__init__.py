"""Counts of answers and responses: made by the minute, read by window, day and report."""
