"""A site in production does not start with what no site may be that others reach."""

import secrets

import pytest
from django.core.exceptions import ImproperlyConfigured

from cryptoml_site.checked_env import CheckedEnv
from cryptoml_site.production import refuse_unsafe

KEY = secrets.token_urlsafe(48)
SAFE = {
    "CRYPTOML_ENV": "production",
    "SECRET_KEY": KEY,
    "DATABASE_URL": "postgres://cryptoml:biscuit7@db.example.com:5432/cryptoml",
    "REDIS_URL": "redis://cache:6379/0",
    "PUBLIC_URL": "https://crypto.example.com",
    "TRUSTED_PROXIES": "1",
}


def refusal(**changed):
    """The sentence; None where it starts."""
    url = changed.pop("database", SAFE["DATABASE_URL"])
    owner = changed.pop("owner", "")
    env = CheckedEnv({"url": url, "owner": owner})
    facts = {
        "debug": False,
        "secret_key": KEY,
        "hosts": ["localhost", "crypto.example.com"],
        "databases": {
            "DATABASE_URL": env.postgres("url", default="") if url else None,
            "MIGRATE_DATABASE_URL": env.postgres("owner", default="") if owner else None,
        },
        "public_url": SAFE["PUBLIC_URL"],
        "allow_http": False,
    }
    try:
        refuse_unsafe(**facts | changed)
    except ImproperlyConfigured as refused:
        return str(refused)
    return None


def test_a_safe_site_starts():
    assert refusal() is None


def test_debug_is_refused():
    assert "DEBUG is true" in refusal(debug=True)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "SECRET_KEY is not set"),
        ("changeme", "SECRET_KEY has 8 characters, fewer than 50"),
        (KEY[:49], "SECRET_KEY has 49 characters"),
        ("django-insecure-" + KEY, "one that Django makes for development"),
        ("a" * 64, "can be guessed"),
        ("password" * 8, "can be guessed"),
        ("0123456789abcdef" * 4, "can be guessed"),
    ],
    ids=["none", "a word", "too short", "Django's own", "one letter", "a word again and again", "in order"],
)
def test_a_secret_that_can_be_guessed_is_refused_and_not_said(key, said):
    sentence = refusal(secret_key=key)
    assert said in sentence
    assert len(key) < 9 or key not in sentence


def test_no_secret_that_chance_makes_is_refused():
    made = [secrets.token_urlsafe(48), secrets.token_hex(25), "".join(secrets.choice("0123456789") for _ in range(50))]
    assert [refusal(secret_key=key) for key in made * 100] == [None] * 300


@pytest.mark.parametrize("host", ["*", ".com"])
def test_any_name_as_host_is_refused(host):
    assert f"ALLOWED_HOSTS holds '{host}'" in refusal(hosts=["localhost", host])
    assert refusal(hosts=[".example.com"]) is None


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("postgres://cryptoml@db.example.com/cryptoml", True),
        ("postgres://cryptoml@8.8.8.8/cryptoml", True),
        ("postgres://cryptoml@[2606:4700::1111]/cryptoml", True),
        ("postgres://cryptoml:biscuit7@8.8.8.8/cryptoml", False),
        ("postgres://cryptoml@db.example.com/cryptoml?sslcert=/run/cert.pem", False),
        ("postgres://cryptoml@db/cryptoml", False),
        ("postgres://cryptoml@localhost/cryptoml", False),
        ("postgres://cryptoml@127.0.0.1/cryptoml", False),
        ("postgres://cryptoml@10.1.2.3/cryptoml", False),
        ("postgres://cryptoml@db.internal/cryptoml", False),
        ("postgres://cryptoml@:5432/%2Frun%2Fpostgresql/cryptoml", False),
        ("postgres://u@/x?host=db.example.com", True),
        ("postgres://u@10.0.0.5/x?hostaddr=8.8.8.8", True),
        ("postgres://u@db.example.com/x?host=/var/run/postgresql", False),
        ("postgres://u@db.example.com/x?password=secret", False),
    ],
)
def test_a_database_that_anybody_can_open_is_refused(url, refused):
    sentence = refusal(database=url)
    assert (sentence is not None and "DATABASE_URL has no password" in sentence) is refused
    assert ("MIGRATE_DATABASE_URL has no password" in str(refusal(owner=url))) is refused


def test_without_a_database_the_sentence_names_compose():
    assert "docker compose up" in refusal(database="", secret_key="")


def test_http_needs_a_word_of_its_own():
    assert "PUBLIC_URL is not set" in refusal(public_url="")
    assert "ALLOW_HTTP=true" in refusal(public_url="http://crypto.example.com")
    assert refusal(public_url="http://crypto.example.com", allow_http=True) is None


def test_an_origin_has_no_path():
    assert CheckedEnv({"PUBLIC_URL": "https://Crypto.Example/"}).origin("PUBLIC_URL") == "https://crypto.example"
    assert CheckedEnv({}).origin("PUBLIC_URL") == ""
    with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL has the path /ml"):
        CheckedEnv({"PUBLIC_URL": "https://crypto.example/ml"}).origin("PUBLIC_URL")


def test_a_secret_may_begin_with_a_dollar():
    assert CheckedEnv({"SECRET_KEY": "$SHELL"}).secret("SECRET_KEY") == "$SHELL"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"CRYPTOML_ENV": "prod"}, "CRYPTOML_ENV is 'prod': set it to development or production\n"),
        ({"DEBUG": "true"}, "DEBUG is true"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS holds '*'"),
        ({"DATABASE_URL": "postgres://u@8.8.8.8/x"}, "DATABASE_URL has no password"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
        ({"PUBLIC_URL": "http://crypto.example.com"}, "PUBLIC_URL is http://crypto.example.com"),
    ],
)
def test_a_command_refuses_in_one_sentence(command, home, changed, said):
    stopped = command("check", **SAFE | changed)
    _, errors = stopped.communicate()
    assert stopped.returncode == 1
    assert errors.startswith(said)
    assert errors.count("\n") == 1
    assert not (home.path / "secret_key").exists()  # none is made up for a site that others reach


def test_djangos_own_check_of_a_deployment_finds_nothing(command):
    done = command("check", "--deploy", "--fail-level", "WARNING", **SAFE)
    said, errors = done.communicate()
    assert (done.returncode, errors) == (0, "")
    assert "no issues" in said
