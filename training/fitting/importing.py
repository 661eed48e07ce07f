"""From a file that somebody brought to a candidate in the registry."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from cryptoml_site.errors import Invalid, Refused
from registry.bundles import GOLDEN, NATIVE, ONNX, REPORT, SIGNATURE, write_bundle
from registry.models import ModelImport, ModelVersion
from registry.onnx_model import OnnxClassifier
from registry.uploads import read_upload
from training.features.feature_set import FeatureSet
from training.features.matching import DEFAULT, set_with_names, set_with_width
from training.fitting.converting import Opened, open_classifier, to_onnx
from training.fitting.environment import environment
from training.fitting.probing import probe_rows, try_out
from training.models import Market
from training.revision import code_revision

IMPORTED = "imported:"  # before the name of a version's estimator
NAMES = ("features", "feature_names")  # of the metadata, either


@dataclass(frozen=True, eq=False)
class Brought:
    """A file that was opened: as ONNX, and as what it was before, if it was anything else."""

    onnx: bytes
    features: FeatureSet
    native: Opened | None = None

    @property
    def estimator(self) -> str:
        return f"{IMPORTED}{self.native.name if self.native else 'ONNX'}"[:100]


def import_model(model_import: ModelImport) -> ModelVersion:
    """Open the file, try it, and register it as a candidate without evidence: it may have seen every candle we hold.

    Raises Refused with the reason. Opens a pickle where that is what was brought: for workers alone.
    """
    file = read_upload(model_import)
    is_onnx = model_import.kind == ModelImport.Kind.ONNX
    brought = from_onnx(file, model_import.claimed) if is_onnx else from_joblib(file, model_import.claimed)
    market = Market.objects.filter(name=model_import.model.market).first()
    classifier = brought.native.classifier if brought.native else None
    trial = try_out(brought.onnx, probe_rows(market, brought.features), native=classifier)
    files = {
        ONNX: brought.onnx,
        SIGNATURE: json.dumps(brought.features.signature(), indent=1).encode(),
        GOLDEN: trial.golden,
        REPORT: json.dumps(trial.report).encode(),
    }
    bundle = write_bundle(files if is_onnx else {**files, NATIVE: file})
    with transaction.atomic():
        version = register(model_import, brought, bundle, simulated=market is not None and market.simulated)
        model_import.succeed(version)
    return version


def from_onnx(file: bytes, claimed: dict[str, Any]) -> Brought:
    width = OnnxClassifier.from_bytes(file).width
    return Brought(file, features_asked(claimed, own=None, width=width))


def from_joblib(file: bytes, claimed: dict[str, Any]) -> Brought:
    opened = open_classifier(file)
    features = features_asked(claimed, own=opened.feature_names, width=opened.width)
    return Brought(to_onnx(opened, len(features.names)), features, opened)


def features_asked(claimed: dict[str, Any], *, own: list[str] | None, width: int | None) -> FeatureSet:
    """The feature set that the model was fitted on.

    claimed: the metadata. own: names that the model remembers. width: features that it takes. Raises Refused where
    these contradict each other, or leave it open.
    """
    names = _claimed_names(claimed)
    if own and names and own != names:
        raise Refused(
            f"the metadata names the features {', '.join(names)}, the model was fitted on {', '.join(own)}",
            code="features_disagree",
            field="features",
        )
    named = own or names
    if named is None:
        if width is None:
            raise Refused(
                "neither the model nor the metadata says which features it takes", code="no_features", field="features"
            )
        return set_with_width(width, name=str(claimed.get("feature_set") or DEFAULT))
    features = set_with_names(named)
    return set_with_width(width if width is not None else len(named), name=features.name)


def _claimed_names(claimed: dict[str, Any]) -> list[str] | None:
    given = next((claimed[key] for key in NAMES if claimed.get(key) is not None), None)
    if given is None or (isinstance(given, list) and given and all(isinstance(name, str) for name in given)):
        return given
    raise Invalid(
        f"the metadata's features are {given!r}: give their names, in order", code="invalid_features", field="features"
    )


def register(model_import: ModelImport, brought: Brought, bundle: str, *, simulated: bool) -> ModelVersion:
    """A candidate: no metrics, and no stretch of data, since nobody here knows what it was fitted on."""
    features, native = brought.features, brought.native
    fitted_with = {"fitted_with_sklearn": native.fitted_with} if native and native.fitted_with else {}
    return ModelVersion.objects.register(
        model_import.model,
        bundle=bundle,
        estimator=brought.estimator,
        feature_set=features.name,
        feature_set_sha256=features.sha256,
        signature=features.signature(),
        params=native.params if native else {},
        simulated=simulated,
        code_revision=code_revision(),
        environment={**environment(), **fitted_with},
        claimed=model_import.claimed,
        tags=model_import.tags,
        created_by=model_import.actor,
    )
