"""Whoever sets a webhook must not reach into our own network by it, nor keep us waiting, nor fill our memory."""

import json
import shutil
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpcore
import pytest

from cryptoml_site.errors import Invalid
from monitoring.alerts import posting
from monitoring.alerts.addresses import Target
from monitoring.alerts.posting import MOST_READ, TOTAL_SECONDS, ping, post
from tests.monitoring.alerts.receivers import drip, flood, hang, receiving, talking


@pytest.fixture(autouse=True)
def _nobody_is_private(settings):
    settings.ALERT_PRIVATE_HOSTS = frozenset()


@pytest.fixture
def local(settings):
    settings.ALERT_PRIVATE_HOSTS = frozenset({"127.0.0.1", "receiver.test"})


PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
    *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1"),
    *("fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_as_it_is_written(address):
    host = f"[{address}]" if ":" in address else address
    outcome = post(f"http://{host}:9/x", b"{}", {})
    assert "no public address" in outcome.error
    with pytest.raises(Invalid):
        Target.parse(f"http://{host}:9/x").refuse_what_is_private_by_name()


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_refused(address, monkeypatch):
    monkeypatch.setattr(posting, "resolve", lambda host, port: ["93.184.215.14", address])
    outcome = post("https://innocent.example/hook", b"{}", {})
    assert "no public address" in outcome.error
    assert "innocent.example" in outcome.error


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "a.localhost", "0x7f.1", "2130706433", "127.1"]
)
def test_other_spellings_of_this_machine_are_refused_without_a_look_up(host):
    with pytest.raises(Invalid):
        Target.parse(f"http://{host}/x").refuse_what_is_private_by_name()


@pytest.mark.parametrize(
    "url",
    [
        *("", "hook", "ftp://example.org/x", "file:///etc/passwd", "gopher://example.org/", "http://", "http:///x"),
        *(
            "https://user:secret@example.org/x",
            "https://user@example.org/",
            "https://example.org:0/",
            "//example.org/x",
        ),
        *(
            "https://example.org:99999/",
            "https://exa mple.org/",
            "https://example.org\\@127.0.0.1/",
            "https://bücher.de/",
        ),
        *("https://example.org/\r\nX: y", "http://[::1/", "javascript:alert(1)", "http://exam<ple.org/"),
    ],
)
def test_what_is_no_address_is_refused_with_a_sentence_that_does_not_repeat_it(url):
    with pytest.raises(Invalid) as refused:
        Target.parse(url)
    assert "https://HOST/PATH" in str(refused.value) or "leave that out" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(monkeypatch):
    """A name server that says a public address first and a private one next is asked once."""
    asked, connected = [], []

    def resolve(host, port):
        asked.append(host)
        return ["93.184.215.14"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(self, host, port, timeout=None, **kwargs):
        connected.append(host)
        raise httpcore.ConnectError("nobody here")

    monkeypatch.setattr(posting, "resolve", resolve)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: pytest.fail("the name was looked up again"))
    post("https://rebinding.example/hook", b"{}", {})
    assert (asked, connected) == (["rebinding.example"], ["93.184.215.14"])
    post("https://rebinding.example/hook", b"{}", {})
    assert connected == ["93.184.215.14"]  # the second time the check refuses


def test_the_host_header_bears_the_name_and_not_the_address(local, monkeypatch):
    with receiving() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        monkeypatch.setattr(posting, "resolve", lambda host, port: ["127.0.0.1"])
        assert post(f"http://receiver.test:{port}/hook?a=b", b"{}", {}).error == ""
        assert receiver.got[0][0]["Host"] == f"receiver.test:{port}"


@pytest.mark.parametrize("where", ["http://127.0.0.1:9/", "http://169.254.169.254/latest/meta-data/", "/elsewhere"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(local, where, status):
    with receiving() as receiver:
        receiver.answers = [(status, {"Location": where})]
        outcome = post(receiver.url, b"{}", {})
        assert "no redirect is followed" in outcome.error
        assert outcome.status == status
        assert len(receiver.got) == 1


def test_a_proxy_of_the_environment_is_not_asked(local, monkeypatch):
    with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert post(receiver.url, b"{}", {}).error == ""
        assert (len(proxy.got), len(receiver.got)) == (0, 1)


@pytest.mark.parametrize("talk", [hang, drip], ids=["hangs", "drips"])
def test_who_hangs_or_drips_is_left_when_the_time_is_over(local, talk, monkeypatch):
    monkeypatch.setattr(posting, "TOTAL_SECONDS", 1.0)
    with talking(talk) as url:
        began = time.monotonic()
        outcome = post(url, b"{}", {})
        took = time.monotonic() - began
    assert 0.9 < took < 2.0
    assert outcome.error
    assert "1 s" in outcome.error


def test_who_sends_without_end_is_read_to_a_limit(local, monkeypatch):
    read = []
    monkeypatch.setattr(posting, "_start_of", lambda response, old=posting._start_of: read.append(old(response)) or b"")
    with talking(flood) as url:
        outcome = post(url, b"{}", {})
    assert outcome.error == ""
    assert len(read[0]) == MOST_READ
    assert outcome.milliseconds < 1_000 * TOTAL_SECONDS


def test_a_name_server_that_hangs_is_left_when_the_time_is_over(monkeypatch):
    monkeypatch.setattr(posting, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **kwargs: time.sleep(1) or [])
    began = time.monotonic()
    assert "no connection within" in post("https://example.org/x", b"{}", {}).error
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", b"\xff" * 200_000]
)
def test_what_speaks_no_http_is_an_attempt_in_vain(local, answer):
    def talk(connection, stop):
        connection.recv(65_536)
        connection.send(answer)

    with talking(talk) as url:
        assert post(url, b"{}", {}).error != ""


def test_an_answer_may_be_any_bytes(local):
    with receiving() as receiver:
        receiver.body = b"\x00\xff" + b"x" * 2_000
        assert len(post(receiver.url, b"{}", {}).answer) == 500
        assert "\x00" not in post(receiver.url, b"{}", {}).answer


def test_whoever_runs_the_site_may_ping_a_private_host():
    with receiving() as receiver:
        assert ping(receiver.url).error == ""
        assert "no public address" in post(receiver.url, b"{}", {}).error


def test_tls_is_checked_against_the_name(local, tmp_path, monkeypatch):
    """A certificate of the name is taken although the address is connected to; of another name it is not."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=receiver.test"]
    made += ["-addext", "subjectAltName=DNS:receiver.test", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    asked_for = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    context.sni_callback = lambda connection, name, _: asked_for.append(name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setattr(posting, "resolve", lambda host, port: ["127.0.0.1"])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    try:
        here = f"receiver.test:{server.server_port}"
        assert post(f"https://{here}/x", json.dumps({}).encode(), {}).error == ""
        assert asked_for == ["receiver.test"]
        assert "connection failed" in post(f"https://127.0.0.1:{server.server_port}/x", b"{}", {}).error
    finally:
        server.shutdown()
        server.server_close()
