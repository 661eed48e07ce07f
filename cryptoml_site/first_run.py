"""What `up` does before it opens the door: tables, a way in, candles, and a model that answers."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, transaction
from rest_framework.exceptions import AuthenticationFailed

from cryptoml_site.clock import now
from cryptoml_site.real_markets import load_real_markets
from predictions.keyring import keyring
from predictions.models import ApiKey, Scope
from registry.gates import GateRefused
from registry.models import ModelVersion, RegisteredModel
from training.market_data.simulate import extend_all_simulated, extend_simulated, simulate_candles
from training.market_data.store import StoreReport
from training.models import Market, TrainingRun
from training.queueing import enqueue
from training.summary import summary

Say = Callable[[str], None]

ACTOR = "command:up"
DEMO = "demo-usd-1m"
DEMO_CANDLES = 10_000  # a week of minutes: what a first forest needs
DEMO_SEED = 7
DEMO_SIGNAL = 0.35  # at 8 of 8 start moments a first forest passed its gates; with 0.3 at 8 of 9, with 0.2 at 4 of 10
KEY_RATE_LIMIT = 10_000_000  # requests per minute: above what one machine can send


@dataclass(frozen=True)
class Credentials:
    """The way in for a newcomer; kept in the home, mode 0600, so that the next start shows the same."""

    admin_username: str
    admin_password: str
    api_key: str


@dataclass(frozen=True)
class Prepared(Credentials):
    """What `up` prints once the door is open."""

    model: str
    simulated: bool


def prepare(say: Say) -> Prepared:
    """Everything that must be there before the first request; the second time it is quick, for all is there."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    credentials = ensure_credentials(credentials_file())
    default = furnish(say)
    return Prepared(**asdict(credentials), model=default.name, simulated=Market.objects.named(default.market).simulated)


def furnish(say: Say) -> RegisteredModel:
    """Markets, and a model of each that answers; which of them is the default one."""
    real, demo = load_real_markets(say), load_demo(say)
    markets = [*(market for market in real if can_answer(market, say)), demo]
    ensure_answering(demo, say)
    extend_all_simulated()  # training took a while, and the worker that goes on from here has yet to start
    return ensure_default(markets)


def follow_up(say: Say) -> None:
    """What may take its time once the door is open: `technical` on the default model's market, as a model of its own.

    So that outcomes compare the two, it answers too. Returns when it does, when its run has ended otherwise, or when
    the servers stop.
    """
    with suppress(OperationalError, InterfaceError):
        _train_technical(say)


def _train_technical(say: Say) -> None:
    default = RegisteredModel.objects.get(is_default=True)
    model = RegisteredModel.objects.of_market(default.market, name=f"{default.market}-technical")
    if model.versions.exists():
        return
    run = model.training_runs.order_by("-pk").first() or TrainingRun.objects.create(
        market=Market.objects.named(default.market),
        model=model,
        feature_set="technical",
        estimator="random_forest",
        actor=ACTOR,
    )
    enqueue(run)
    while run.status in (TrainingRun.Status.QUEUED, TrainingRun.Status.RUNNING):
        time.sleep(1)
        run.refresh_from_db()
    if run.version is not None:
        put_into_production(run.version)
        say(f"{run.version} was trained meanwhile, with relative features; outcomes compare it with {default}")


def credentials_file() -> Path:
    return settings.CRYPTOML_HOME / "credentials.json"


def ensure_credentials(path: Path) -> Credentials:
    """The stored ones where they still open the doors; otherwise a new password for `admin` and a new key."""
    stored = _stored(path)
    if stored is not None and _still_open(stored):
        return stored
    with transaction.atomic():  # a user whose password no file holds would be left alone by the next start
        made = _make_credentials()
        path.touch(mode=0o600, exist_ok=True)
        os.chmod(path, 0o600)
        path.write_text(json.dumps(asdict(made)))
    return made


def _make_credentials() -> Credentials:
    password = secrets.token_urlsafe(15)
    admin, _ = User.objects.get_or_create(username="admin", defaults={"is_staff": True, "is_superuser": True})
    admin.set_password(password)
    admin.save(update_fields=["password"])
    _, secret = ApiKey.objects.issue(
        name="made by `up`", scopes=Scope.values, created_by=ACTOR, rate_limit=KEY_RATE_LIMIT
    )
    return Credentials("admin", password, secret)


def load_demo(say: Say) -> Market:
    """The simulated market, always beside the real ones; brought up to now by the law that it was made with."""
    held = Market.objects.filter(name=DEMO).first()
    stored = extend_simulated(held) if held else _make_demo()
    say(f"Market data: {DEMO}, simulated: {stored.inserted:,} candles made, up to now")
    return Market.objects.named(DEMO)


def _make_demo() -> StoreReport:
    return simulate_candles(DEMO, candles=DEMO_CANDLES, seed=DEMO_SEED, signal=DEMO_SIGNAL, pull=True).stored


def ensure_answering(market: Market, say: Say) -> None:
    """Train and promote a first version where nothing is in production. The gates are asked; something must answer."""
    model = RegisteredModel.objects.of_market(market.name)
    if model.versions.in_production().exists():
        return
    version = model.versions.exclude(stage=ModelVersion.Stage.ARCHIVED).first() or _train(model, market, say)
    say(summary(version))
    if put_into_production(version):
        say("  gates      passed: it answers\n")
    else:
        say(
            "  gates      not passed; it answers all the same, because something must, and both the ledger and each\n"
            "             answer's warnings say so\n"
        )


def can_answer(market: Market, say: Say) -> bool:
    """False where nothing can be learnt from a real market yet: too few candles, as training has said by now."""
    try:
        ensure_answering(market, say)
    except subprocess.CalledProcessError:
        say(f"No version of {market} could be trained, for the reason above: going on without it\n")
        return False
    return True


def put_into_production(version: ModelVersion) -> bool:
    """Whether its gates passed; where not, it answers by an override that the ledger shows."""
    try:
        version.promote(actor=ACTOR, reason="first version, its gates passed")
    except GateRefused:
        version.promote(actor=ACTOR, reason="first version: something must answer", override=True)
        return False
    return True


def ensure_default(markets: list[Market]) -> RegisteredModel:
    """What answers where a request names no model: the first market's, unless a person has chosen."""
    chosen = RegisteredModel.objects.filter(is_default=True).first()
    if chosen is not None and (chosen.market != DEMO or markets[0].name == DEMO):
        return chosen
    model = RegisteredModel.objects.named(markets[0].name)
    model.make_default()
    return model


def _train(model: RegisteredModel, market: Market, say: Say) -> ModelVersion:
    """In a process of its own: what fits models needs 250 MB that `up` would keep for as long as it runs."""
    _await_other_run(model, say)
    if model.versions.exists():
        return model.versions.latest("number")
    manage = Path(settings.BASE_DIR) / "manage.py"
    command = [sys.executable, str(manage), "train", market.name, "--model", model.name]
    subprocess.run([*command, "--feature-set", "classic", "--estimator", "random_forest", "--quiet"], check=True)
    return model.versions.latest("number")


def _await_other_run(model: RegisteredModel, say: Say) -> None:
    """Until a run of another process ends, or has been silent for so long that its process must have been killed."""
    told = False
    while other := model.training_runs.under_way().exclude(pk__in=model.training_runs.silent(now())).first():
        if not told:
            say(f"Waiting for {other}, which another process trains, or trained when it was killed ...")
            told = True
        time.sleep(1)


def _stored(path: Path) -> Credentials | None:
    try:
        return Credentials(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _still_open(stored: Credentials) -> bool:
    admin = User.objects.filter(username=stored.admin_username, is_active=True).first()
    if admin is None or not admin.check_password(stored.admin_password):
        return False
    try:
        keyring.known(stored.api_key)
    except AuthenticationFailed:
        return False
    return True
