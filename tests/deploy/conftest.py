"""A proxy, as docker-compose.yml has it: the real nginx, with this machine's addresses for those of containers."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest

from cryptoml_site.embedded.home import SITE

AS_WE_ARE = "daemon off; user root;" if os.getuid() == 0 else "daemon off;"  # another user may not read our folder
PROXY = SITE / "deploy" / "proxy"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the process ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    pytest.fail(f"nobody listens on {port}")


@contextmanager
def stopped_at_the_end(process):
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def nginx(tmp_path):
    """nginx(web=PORT) is a proxy: its published port, and that which trusts what stands before it."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("nginx is not installed")
    with ExitStack() as exits:

        def start(*, web):
            ports = free_port(), free_port()
            conf = configured(tmp_path, web=web, ports=ports)
            subprocess.run([program, "-t", "-c", str(conf)], check=True, capture_output=True)
            process = subprocess.Popen([program, "-c", str(conf), "-g", AS_WE_ARE])
            exits.enter_context(stopped_at_the_end(process))
            wait_for_port(ports[0], process)
            return ports

        yield start


def configured(folder, *, web, ports):
    """deploy/proxy with other addresses and folders, and not a word more."""
    text = (PROXY / "nginx.conf").read_text()
    for ours, here in (
        ("/tmp/", f"{folder}/"),  # noqa: S108
        ("listen 8080", f"listen 127.0.0.1:{ports[0]}"),
        ("listen 8082", f"listen 127.0.0.1:{ports[1]}"),
        ("/etc/nginx/locations.conf", f"{folder}/locations.conf"),
    ):
        assert ours in text
        text = text.replace(ours, here)
    locations = (PROXY / "locations.conf").read_text()
    assert "http://web:8000" in locations
    (folder / "locations.conf").write_text(locations.replace("web:8000", f"127.0.0.1:{web}"))
    (folder / "nginx.conf").write_text(text)
    return folder / "nginx.conf"
