"""The registry as people see it; its modules register their rows when this package is imported."""

from registry.admin import ledger, model_import, registered_model, version

__all__ = ["ledger", "model_import", "registered_model", "version"]
