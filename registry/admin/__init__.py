"""The registry as people see it; its modules register their rows when this package is imported."""

from registry.admin import answer_policy, gate_override, ledger, model_import, registered_model, version

__all__ = ["answer_policy", "gate_override", "ledger", "model_import", "registered_model", "version"]
