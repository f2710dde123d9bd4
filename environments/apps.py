from django.apps import AppConfig


class EnvironmentsConfig(AppConfig):
    name = "environments"

    def ready(self) -> None:
        from environments import checks  # noqa: F401, PLC0415 -- checks register themselves, once apps are loaded
