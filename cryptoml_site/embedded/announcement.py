"""What a newcomer reads: a few lines while it starts, then where everything is."""

import json

from rich.console import Console

from cryptoml_site.embedded.up import Prepared
from training.features.classic import EXAMPLE

_CONSOLE = Console(highlight=False, markup=False, soft_wrap=True)  # what is printed can be copied and pasted


def say(line: str) -> None:
    _CONSOLE.print(line)


def announce(base_url: str, prepared: Prepared) -> None:
    say(
        f"\n"
        f"CryptoML is up at {base_url}\n"
        f"  API      {base_url}/docs\n"
        f"  Admin    {base_url}/admin/   {prepared.admin_username} / {prepared.admin_password}\n"
        f"  API key  {prepared.api_key}\n"
        f"\n"
        f"{curl(base_url, prepared.api_key)}\n"
        f"\n"
        f"Find its answer again by its id, with the same key: {base_url}/predictions/ID\n"
        f"Ctrl-C stops it."
    )


def curl(base_url: str, api_key: str) -> str:
    """A prediction to try, as one line for a shell."""
    headers = f"-H 'X-API-Key: {api_key}' -H 'Content-Type: application/json'"
    return f"curl -X POST {base_url}/predict {headers} -d '{json.dumps(EXAMPLE)}'"
