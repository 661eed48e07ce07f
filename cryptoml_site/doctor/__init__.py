"""What is wrong with this installation, and what to do about it; whatever is away, the rest is looked at."""
