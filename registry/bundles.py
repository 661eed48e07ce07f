"""Content-addressed files of a version, behind Django's storage API.

A bundle's name is the sha256 of its manifest.json, which holds the sha256 and size of every other file: whoever knows
the name can tell whether any byte was changed.
"""

import json
from dataclasses import dataclass
from hashlib import sha256

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from cryptoml_site.errors import Refused

MANIFEST = "manifest.json"
ONNX = "model.onnx"
NATIVE = "native.joblib"  # a pickle: read in a worker or a command, never in a web process
SIGNATURE = "signature.json"
REPORT = "report.json"
EVALUATION = "evaluation.npz"
REFERENCE = "reference.npz"
GOLDEN = "golden.npz"
NOVELTY = "novelty.npz"
DRIFT = "drift.npz"


class BundleAltered(Refused):
    """A file of the bundle is gone, or its bytes are not those that were registered."""

    code = "bundle_altered"


class BundleAway(BundleAltered):
    """Its storage does not answer, so nobody can tell."""

    code = "bundle_away"


class BundleTooLarge(Refused):
    code = "bundle_too_large"


@dataclass(frozen=True)
class FileEntry:
    sha256: str
    size: int  # bytes


def write_bundle(files: dict[str, bytes]) -> str:
    """Store the files and their manifest; the bundle's name. Writing the same content twice changes nothing.

    Raises BundleTooLarge when model.onnx is over settings.ONNX_LIMIT: such a version would cost every web worker.
    """
    if len(files.get(ONNX, b"")) > settings.ONNX_LIMIT:
        raise BundleTooLarge(
            f"{ONNX} has {len(files[ONNX]):,} bytes, {settings.ONNX_LIMIT:,} are allowed (CRYPTOML_ONNX_LIMIT): train "
            "with fewer or shallower trees"
        )
    entries = {name: {"sha256": sha256(data).hexdigest(), "size": len(data)} for name, data in sorted(files.items())}
    manifest = json.dumps({"files": entries}, indent=1).encode()
    bundle = sha256(manifest).hexdigest()
    for name, data in [*files.items(), (MANIFEST, manifest)]:  # the manifest last: without it there is no bundle
        store_file(path_in_storage(bundle, name), data)
    return bundle


def read_manifest(bundle: str) -> dict[str, FileEntry]:
    """The bundle's files by name. Raises BundleAltered."""
    raw = _fetch(bundle, MANIFEST)
    _compare(bundle, MANIFEST, sha256(raw).hexdigest(), bundle)
    return {name: FileEntry(**entry) for name, entry in json.loads(raw)["files"].items()}


def read_file(bundle: str, name: str) -> bytes:
    """One file, its sha256 checked. Raises BundleAltered."""
    entries = read_manifest(bundle)
    if name not in entries:
        raise BundleAltered(f"bundle {bundle[:12]} holds no {name}")
    data = _fetch(bundle, name)
    _compare(bundle, name, sha256(data).hexdigest(), entries[name].sha256)
    return data


def verify_bundle(bundle: str) -> dict[str, FileEntry]:
    """Read every file and check its sha256. Raises BundleAltered at the first that differs."""
    entries = read_manifest(bundle)
    for name in entries:
        read_file(bundle, name)
    return entries


def delete_bundle(bundle: str) -> None:
    """Delete every file, the manifest first: without it there is no bundle, should this be cut short.

    Raises BundleAway.
    """
    storage = _bundle_storage()
    folder = path_in_storage(bundle, "")
    try:
        for name in [MANIFEST, *storage.listdir(folder)[1]]:
            storage.delete(f"{folder}{name}")
    except TimeoutError as error:
        raise BundleAway(
            f"the version is purged, but its files could not be deleted ({error.strerror}): delete {folder} by hand"
        ) from error


def _bundle_storage() -> Storage:
    return storages["bundles"]


def path_in_storage(bundle: str, name: str) -> str:
    return f"{bundle[:2]}/{bundle}/{name}"


def store_file(path: str, data: bytes) -> None:
    """Written once: what is there already with the same bytes stays as it is."""
    storage = _bundle_storage()
    if storage.exists(path):
        with storage.open(path) as existing:
            if existing.read() == data:
                return
        storage.delete(path)  # torn by a kill in the middle of an earlier write
    storage.save(path, ContentFile(data))


def _fetch(bundle: str, name: str) -> bytes:
    try:
        with _bundle_storage().open(path_in_storage(bundle, name)) as stored:
            data: bytes = stored.read()
            return data
    except OSError as error:
        kind = BundleAway if isinstance(error, TimeoutError) else BundleAltered
        raise kind(f"bundle {bundle[:12]}: {name} cannot be read ({error.strerror})") from error


def _compare(bundle: str, name: str, found: str, registered: str) -> None:
    if found != registered:
        raise BundleAltered(
            f"bundle {bundle[:12]}: {name} has sha256 {found[:12]}, registered was {registered[:12]}: the file was "
            "altered; put the original back, or roll back to another version"
        )
