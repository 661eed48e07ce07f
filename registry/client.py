"""The registry for notebooks and scripts: `from registry.client import ModelRegistry`."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.db import OperationalError, ProgrammingError, close_old_connections, transaction

if not apps.ready:  # a notebook or a script: models cannot be imported before this
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cryptoml_site.settings")
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # a notebook's cells run inside an event loop of its own
    django.setup()

from cryptoml_site.errors import Invalid, Refused, Unavailable, Unknown
from registry.actors import command_actor
from registry.comparison import described, side_by_side
from registry.models import Deployment, ModelImport, ModelVersion, RegisteredModel
from registry.uploads import checked_actor, queue_import

POLL_SECONDS = 0.2
TIMEOUT_SECONDS = 300.0


class ModelRegistry:
    """One registered model: bring versions, move them, look at them. A version's id is its number, an int.

    model: its name; the default model's where absent. actor: who is written into the ledger, such as 'user:anna'; the
    account that runs this where absent. reason: why versions are moved, unless a call says so itself. trusted: joblib
    files may be opened; such a file runs whatever code its maker put into it.

    What is not allowed raises Refused with one sentence and a `code`.
    """

    def __init__(
        self, model: str | None = None, *, actor: str | None = None, reason: str = "", trusted: bool = False
    ) -> None:
        self.actor, self.reason, self.trusted = checked_actor(actor or command_actor()), reason, trusted
        with database_at_hand():
            self.name = RegisteredModel.objects.named(model).name if model else _default_name()

    def __repr__(self) -> str:
        return f"<ModelRegistry: {self.name} as {self.actor}>"

    @property
    def model(self) -> RegisteredModel:
        """As it is now."""
        if not transaction.get_connection().in_atomic_block:
            close_old_connections()  # a notebook lives longer than a connection
        with database_at_hand():
            return RegisteredModel.objects.named(self.name)

    def register_model(
        self,
        path: str | Path,
        metadata: Mapping[str, Any] | None = None,
        tags: Sequence[str] = (),
        *,
        timeout: float = TIMEOUT_SECONDS,
    ) -> int:
        """Bring a joblib or ONNX file; the new version's number, once a worker has converted and checked it.

        metadata: what you claim of it. Its `features` (or `feature_names`) name the model's inputs in order, where the
        file does not; `feature_set` names one of the product's sets instead. timeout: seconds. Raises Unavailable when
        no worker has answered by then.
        """
        model = self.model
        if transaction.get_connection().in_atomic_block:
            raise Refused("a worker sees the file once your transaction is committed: register outside of it")
        brought = queue_import(
            model,
            name=Path(path).name,
            data=_contents(Path(path)),
            actor=self.actor,
            claimed=metadata,
            tags=tags,
            trusted=self.trusted,
        )
        return _awaited(brought, timeout).number

    def promote_to_staging(self, version_id: int, *, reason: str | None = None) -> Deployment:
        """Make a candidate ready to answer; the ledger's row."""
        because = self._because(reason)
        return self.model.versions.numbered(version_id).to_staging(actor=self.actor, reason=because)

    def promote_to_production(
        self, version_id: int, *, override: bool = False, leaving: int | None = None, reason: str | None = None
    ) -> Deployment:
        """Let a version answer; the ledger's row. `override` passes gates, as a file without evidence needs.

        leaving: as in `rollback_production`.
        """
        because = self._because(reason)
        version = self.model.versions.numbered(version_id)
        return version.promote(actor=self.actor, reason=because, override=override, leaving=leaving)

    def rollback_production(
        self,
        *,
        to: int | None = None,
        leaving: int | None = None,
        override: bool = False,
        reason: str | None = None,
    ) -> Deployment:
        """Put back the version that the newest move replaced, or version `to`; the ledger's row.

        leaving: the version that you believe in production, 0 for none: the move is refused where it is another.
        `override`: although clients would have to send other features.
        """
        because = self._because(reason)
        return self.model.rollback(actor=self.actor, reason=because, to=to, leaving=leaving, override=override)

    def suspend(self, *, reason: str | None = None) -> Deployment:
        """Give no answers until `resume`; the ledger's row."""
        return self.model.suspend(actor=self.actor, reason=self._because(reason))

    def resume(self, *, reason: str | None = None) -> Deployment:
        """Answer again; the ledger's row."""
        return self.model.resume(actor=self.actor, reason=self._because(reason))

    def list_models(self) -> list[dict[str, Any]]:
        """The model's versions, newest first."""
        return [described(version) for version in self.model.versions.all()]

    def compare(self, a: int, b: int) -> dict[str, dict[int, Any]]:
        """Two versions side by side: by figure, then by version number. None is 'not measured', never zero."""
        versions = self.model.versions
        return side_by_side(versions.numbered(a), versions.numbered(b))

    def _because(self, reason: str | None) -> str:
        because = self.reason if reason is None else reason
        if because.strip():
            return because
        raise Invalid(
            "the ledger keeps why: say reason='...' in this call, or once in ModelRegistry(reason='...')",
            code="missing_reason",
            field="reason",
        )


@contextmanager
def database_at_hand() -> Iterator[None]:
    """Within, a database that cannot be asked is one sentence."""
    try:
        yield
    except OperationalError as error:
        sentence = "the database does not answer: start everything with `make up`, or name another in DATABASE_URL"
        raise Unavailable(sentence, code="no_database") from error
    except ProgrammingError as error:
        sentence = "the database lacks the registry's tables: run `manage.py migrate`"
        raise Unavailable(sentence, code="no_tables") from error


def _default_name() -> str:
    default = RegisteredModel.objects.filter(is_default=True).first()
    if default is None:
        raise Unknown(
            "there is no default model: name one by ModelRegistry(model='...')", code="unknown_model", field="model"
        )
    return default.name


def _contents(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", code="unreadable_file", field="file") from error


def _awaited(brought: ModelImport, timeout: float) -> ModelVersion:
    """The version it became. Raises Refused with the worker's sentence, Unavailable after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not brought.ended and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        brought.refresh_from_db(fields=["status", "error", "code", "version"])
    if brought.status == ModelImport.Status.REFUSED:
        raise Refused(brought.error, code=brought.code)
    if brought.version is None:
        raise Unavailable(
            f"{brought} is still {brought.status} after {timeout:g} s: is a worker of the queue 'training' running "
            "(`make up` has one), or busy with a long fit? It goes on without you: look at list_models() later",
            code="import_timeout",
        )
    return brought.version
