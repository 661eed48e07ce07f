class Failed(Exception):
    """A contender did not start, gave a wrong answer or lost one: it gets no figure."""
