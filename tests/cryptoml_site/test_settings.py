"""What the environment and the command line cannot mean is one sentence, before anything else happens."""

import pytest
from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured

from cryptoml_site import first_run
from cryptoml_site.checked_env import CheckedEnv
from cryptoml_site.errors import Invalid
from manage import main
from predictions.models import Scope

NOBODY = CheckedEnv({})


@pytest.mark.parametrize("text", ["web", "0", "-1", "65536", "80.5", "1e3"])
def test_a_port_is_a_whole_number_to_65535(text):
    with pytest.raises(ImproperlyConfigured, match=f"PORT is '{text}': set it to a whole number from 1 to 65535"):
        CheckedEnv({"PORT": text}).whole_number("PORT", default=8000, most=65_535)


@pytest.mark.parametrize("text", ["0", "-5", "many"])
def test_a_limit_is_1_or_more(text):
    with pytest.raises(ImproperlyConfigured, match=r"WEB_WORKERS is .* whole number of 1 or more"):
        CheckedEnv({"WEB_WORKERS": text}).whole_number("WEB_WORKERS", default=2)


@pytest.mark.parametrize(("text", "meant"), [("Yes", True), ("1", True), ("off", False), ("0", False), ("", False)])
def test_a_boolean_is_one_of_few_words(text, meant):
    assert CheckedEnv({"DEBUG": text}).boolean("DEBUG", default=False) is meant
    with pytest.raises(ImproperlyConfigured, match="DEBUG is 'perhaps'"):
        CheckedEnv({"DEBUG": "perhaps"}).boolean("DEBUG", default=False)


@pytest.mark.parametrize("url", ["sqlite:///x", "junk", "mysql://u:secret@h/x", "postgres://u:secret@h:port/x"])
def test_there_is_one_engine_and_no_password_is_said(url):
    with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL names no Postgres, .* the one engine") as refused:
        CheckedEnv({"DATABASE_URL": url}).postgres("DATABASE_URL", default="")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["junk", "secret", "redis://:secret/x@h:1/0", "redis://:s#ecret@h/0", "http://h/0", "unix://"]
)
def test_a_broker_is_a_valkey_and_no_password_is_said(url):
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL names no Valkey") as refused:
        CheckedEnv({"REDIS_URL": url}).valkey("REDIS_URL", default="")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["redis://cache:6379/0", "rediss://me:s%2Fecret@cache", "unix:///run/v.sock?db=0", ""])
def test_a_broker_is_taken_as_it_stands(url):
    own = "unix:///var/valkey.sock?db=0"
    assert CheckedEnv({"REDIS_URL": url}).valkey("REDIS_URL", default=own) == (url or own)


def test_a_data_folder_must_be_there(tmp_path):
    assert CheckedEnv({"CRYPTOML_DATA_DIR": str(tmp_path)}).folder("CRYPTOML_DATA_DIR") == tmp_path
    with pytest.raises(ImproperlyConfigured, match=r"CRYPTOML_DATA_DIR is '.*/none', which is no folder"):
        CheckedEnv({"CRYPTOML_DATA_DIR": str(tmp_path / "none")}).folder("CRYPTOML_DATA_DIR")


@pytest.mark.parametrize("text", ["CG key", "CG-ключ", "CG\nkey", "CG\x7f"])
def test_a_key_has_no_spaces_and_is_not_said(text):
    with pytest.raises(ImproperlyConfigured, match="COINGECKO_API_KEY is no key") as refused:
        CheckedEnv({"COINGECKO_API_KEY": text}).token("COINGECKO_API_KEY")
    assert "CG" not in str(refused.value)
    assert CheckedEnv({"COINGECKO_API_KEY": " CG-x1 \n"}).token("COINGECKO_API_KEY") == "CG-x1"


@pytest.mark.parametrize(
    "text",
    [
        "api.example",
        "ftp://api.example",
        "file:///etc/passwd",
        "http://",
        "https:///v3",
        "https://user:secret@api.example",
        "https://api.example/v3?key=secret",
        "https://api.example/#secret",
        "https://api example",
        "https://[::1",
        "https://api.example:port",
        "https://api.example:0",
    ],
)
def test_an_address_is_that_of_a_service(text):
    with pytest.raises(ImproperlyConfigured, match="COINGECKO_URL is no address of a service") as refused:
        CheckedEnv({"COINGECKO_URL": text}).url("COINGECKO_URL")
    assert "secret" not in str(refused.value)
    assert CheckedEnv({"COINGECKO_URL": "http://127.0.0.1:90/v3/"}).url("COINGECKO_URL") == "http://127.0.0.1:90/v3"


@pytest.mark.parametrize(
    ("text", "said"),
    [("predict,admin", "admin: choose"), ("registry:write", "needs a key"), ("registry:override", "needs a key")],
)
def test_nobody_gets_an_unknown_scope_or_the_registry_without_a_key(text, said):
    with pytest.raises(ImproperlyConfigured, match=f"ANYBODY holds .*{said}"):
        CheckedEnv({"ANYBODY": text}).anonymous_scopes("ANYBODY", known=Scope.values)


def test_absent_variables_have_their_defaults():
    assert NOBODY.whole_number("PORT", default=8000) == 8000
    assert NOBODY.folder("CRYPTOML_DATA_DIR") is None
    assert (NOBODY.token("COINGECKO_API_KEY"), NOBODY.url("COINGECKO_URL")) == ("", "")
    assert NOBODY.anonymous_scopes("ANYBODY", known=Scope.values) == frozenset()
    assert NOBODY.postgres("DATABASE_URL", default=site.EMBEDDED.database_url)["NAME"] == "cryptoml"


def test_settings_know_every_scope():
    assert list(site.SCOPES) == Scope.values


def test_wrong_settings_stop_a_command_with_one_sentence(command):
    stopped = command("check", PORT="web")
    _, errors = stopped.communicate()
    assert (stopped.returncode, errors) == (1, "PORT is 'web': set it to a whole number from 1 to 65535\n")


def test_an_argument_that_is_not_utf8_is_refused_before_anything_else():
    with pytest.raises(SystemExit) as refused:
        main(["manage.py", "issue_key", "caf\udce9"])
    assert refused.value.code == r"argument 2 holds a byte that is not UTF-8: 'caf\udce9'"


def test_markets_must_be_names_of_markets(settings, tmp_path):
    settings.MARKET_SOURCE, settings.MARKETS, settings.CRYPTOML_DATA_DIR = "", ["foo"], tmp_path
    with pytest.raises(Invalid, match="'foo' is no market name"):
        first_run.load_real_markets(print)


@pytest.mark.parametrize(
    "text",
    ["mail.example", "imap://mail.example", "smtp://", "smtp://:secret@", "smtp://u:secret@host:0", "smtp://[::1"],
)
def test_a_mail_server_is_named_and_its_password_is_not_said(text):
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL names no mail server") as refused:
        CheckedEnv({"EMAIL_URL": text}).mail("EMAIL_URL")
    assert "secret" not in str(refused.value)
    for good in ("smtp+tls://u:p@mail.example:587", "smtp://mail.example", "consolemail://", ""):
        assert CheckedEnv({"EMAIL_URL": good}).mail("EMAIL_URL") == good


@pytest.mark.parametrize(
    "text", ["hc.example/secret", "ftp://hc.example/secret", "https://u:secret@hc.example", "https:///secret"]
)
def test_the_dead_mans_address_may_hold_a_secret_that_is_not_said(text):
    with pytest.raises(ImproperlyConfigured, match="DEADMAN_URL is no address") as refused:
        CheckedEnv({"DEADMAN_URL": text}).secret_url("DEADMAN_URL")
    assert "secret" not in str(refused.value)
    for good in ("https://hc.example/id?token=x", "http://10.0.0.1:3001/api/push/x", ""):
        assert CheckedEnv({"DEADMAN_URL": good}).secret_url("DEADMAN_URL") == good


@pytest.mark.parametrize(
    ("url", "meant"),
    [("s3://models", ("models", "")), ("s3://my.models/live/a", ("my.models", "live/a")), ("", None)],
)
def test_bundles_may_lie_in_a_bucket(url, meant):
    assert CheckedEnv({"BUNDLES_URL": url}).bucket("BUNDLES_URL") == meant


@pytest.mark.parametrize("url", ["models", "https://models", "s3://", "s3://UP", "s3://b/../c d", "s3://a"])
def test_what_is_no_bucket_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match=r"BUNDLES_URL is .*: set it to s3://BUCKET or"):
        CheckedEnv({"BUNDLES_URL": url}).bucket("BUNDLES_URL")
