"""Who did it, as a label: the ledger hangs on no user row."""

import getpass


def command_actor() -> str:
    """Whoever runs this command, by the name of their account."""
    try:
        return f"command:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return "command:unknown"
