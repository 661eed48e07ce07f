"""A version's files: listed with their hashes, handed out as what they are, and never shown."""

from dataclasses import dataclass
from functools import cached_property

from django.http import Http404, HttpResponse

from registry.bundles import MANIFEST, BundleAltered, FileEntry, read_file, read_manifest
from registry.models import ModelVersion


@dataclass(frozen=True)
class Files:
    version: ModelVersion

    @cached_property
    def entries(self) -> dict[str, FileEntry]:
        """Empty where there are none to be had; `problem` says why."""
        if self.problem:
            return {}
        return dict(sorted(read_manifest(self.version.bundle).items()))

    @cached_property
    def problem(self) -> str:
        if self.version.purged_at is not None:
            return f"Its files were purged at {self.version.purged_at:%Y-%m-%d %H:%M} UTC."
        try:
            read_manifest(self.version.bundle)
        except BundleAltered as altered:
            return str(altered)
        return ""


def hand_out(version: ModelVersion, name: str) -> HttpResponse:
    """One file, as an attachment of bytes: no browser opens it, whatever it holds. Raises BundleAltered."""
    if version.purged_at is not None or name not in read_manifest(version.bundle) or name == MANIFEST:
        raise Http404("there is no such file")
    answer = HttpResponse(read_file(version.bundle, name), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{version.model.name}-v{version.number}-{name}"'
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
