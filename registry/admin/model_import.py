from django.contrib import admin

from registry.admin.lists import ReadOnlyAdmin
from registry.models import ModelImport


@admin.register(ModelImport)
class ModelImportAdmin(ReadOnlyAdmin[ModelImport]):
    """Files on their way to becoming versions; a worker opens them."""

    list_display = ("id", "model", "kind", "status", "version_number", "actor", "created_at", "finished_at", "error")
    list_filter = ("status", "kind", "model")
    list_select_related = ("model", "version")
    search_fields = ("model__name", "actor", "=sha256")
    search_help_text = "Name of a model, actor, or the file's sha256"

    @admin.display(description="version", empty_value="-")
    def version_number(self, row: ModelImport) -> int | None:
        return row.version.number if row.version else None
