from django.apps import AppConfig
from django.core.checks import register

from registry.checks import check_promotion_gates


class RegistryConfig(AppConfig):
    name = "registry"
    verbose_name = "Registry"

    def ready(self) -> None:
        register(check_promotion_gates)
