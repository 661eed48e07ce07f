"""A clock that runs only while somebody sleeps."""


class Times:
    """Stands in for time.monotonic and time.sleep, and remembers how long each sleep was."""

    def __init__(self):
        self.seconds = 1_000.0
        self.slept = []

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds
