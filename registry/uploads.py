"""Model files that people bring: kept in the bundles' storage until a worker has opened them."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from pathlib import PurePath
from typing import Any

from celery import current_app
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db import transaction

from cryptoml_site.errors import Invalid, Refused
from registry.models import ACTOR, ModelImport, RegisteredModel

TASK = "training.import_model"
KINDS = {
    ".onnx": ModelImport.Kind.ONNX,
    ".joblib": ModelImport.Kind.JOBLIB,
    ".pkl": ModelImport.Kind.JOBLIB,
    ".pickle": ModelImport.Kind.JOBLIB,
}
LONGEST_TAG = 64
LONGEST_ACTOR = 100


def queue_import(
    model: RegisteredModel,
    *,
    name: str,
    data: bytes,
    actor: str,
    claimed: Mapping[str, Any] | None = None,
    tags: Sequence[str] = (),
    trusted: bool = False,
) -> ModelImport:
    """A file on its way to the worker that opens it; its kind is told by the end of its name.

    Raises Refused (untrusted_pickle) and Invalid before anything is stored.
    """
    facts = {
        "kind": _kind(name, trusted=trusted),
        "claimed": checked_claims(claimed or {}),
        "tags": checked_tags(tags),
        "actor": checked_actor(actor),
    }
    if not data:
        raise Invalid(f"{name} is empty", code="empty_file", field="file")
    digest = sha256(data).hexdigest()
    with transaction.atomic():
        upload = _storage().save(f"uploads/{digest}", ContentFile(data))  # a name of its own, should that one be taken
        brought = ModelImport.objects.create(model=model, upload=upload, sha256=digest, trusted=trusted, **facts)
        # with the broker away, the sweep sends it; no partial, since Django asks what fails for its __qualname__
        transaction.on_commit(lambda: current_app.send_task(TASK, [brought.pk]), robust=True)
    return brought


def read_upload(brought: ModelImport) -> bytes:
    """Its bytes, as they were brought. Raises Refused (upload_altered) otherwise."""
    try:
        with _storage().open(brought.upload) as stored:
            data: bytes = stored.read()
    except OSError as error:
        raise Refused(
            f"the uploaded file cannot be read ({error.strerror}): bring it again", code="upload_gone"
        ) from error
    found = sha256(data).hexdigest()
    if found != brought.sha256:
        raise Refused(
            f"the uploaded file has sha256 {found[:12]}, brought was {brought.sha256[:12]}: it was altered in between",
            code="upload_altered",
        )
    return data


def discard_upload(brought: ModelImport) -> None:
    """Once its import has ended; what became of the file is in the version's bundle."""
    if brought.ended:
        _storage().delete(brought.upload)


def checked_actor(actor: str) -> str:
    if re.fullmatch(ACTOR, actor) and len(actor) <= LONGEST_ACTOR:
        return actor
    raise Invalid(
        f"'{actor}' is no actor: write 'user:anna' or 'command:nightly', at most {LONGEST_ACTOR} letters",
        code="invalid_actor",
        field="actor",
    )


def checked_tags(tags: Sequence[str]) -> list[str]:
    """Sorted, each once, as VersionEdit writes them."""
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
        raise Invalid(f"tags are a list of words, not {tags!r}", code="invalid_tags", field="tags")
    words = sorted({tag.strip() for tag in tags if tag.strip()})
    for word in words:
        if len(word) > LONGEST_TAG or "\0" in word:
            raise Invalid(f"tag '{word}' is over {LONGEST_TAG} letters long", code="invalid_tags", field="tags")
    return words


def checked_claims(claimed: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps them. Raises Invalid, saying what cannot be kept."""
    try:
        written = json.dumps(dict(claimed), default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Invalid(f"metadata is kept as JSON: {error}", code="invalid_metadata", field="metadata") from None
    if "\\u0000" in written:
        raise Invalid("metadata holds a NUL character", code="invalid_metadata", field="metadata")
    kept: dict[str, Any] = json.loads(written)
    return kept


def _plain(value: object) -> Any:  # JSON has no type of its own
    """NumPy's and pandas' numbers, arrays and indexes as lists; moments and paths as text."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, date | PurePath):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is none")


def _kind(name: str, *, trusted: bool) -> ModelImport.Kind:
    kind = KINDS.get(PurePath(name).suffix.lower())
    if kind is None:
        raise Invalid(f"{name} is none of {', '.join(KINDS)}", code="unknown_file_kind", field="file")
    if kind == ModelImport.Kind.JOBLIB and not trusted:
        raise Refused(
            f"{name} is a pickle, which can run any code in the worker that opens it: say trusted=True if you know who "
            "made it, or bring an ONNX file",
            code="untrusted_pickle",
            field="trusted",
        )
    return kind


def _storage() -> Storage:
    return storages["bundles"]
