"""One page that says all of a version: for people, to keep, to print and to send."""
