"""The registry as people see it; its modules register their rows when this package is imported."""

from registry.admin import gate_override, ledger, model_import, registered_model, version

__all__ = ["gate_override", "ledger", "model_import", "registered_model", "version"]
