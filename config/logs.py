"""Logs: one line an event, JSON in production, with the request's id and environment, never a secret."""

import logging.config
from typing import Any

import structlog

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_settings(log_format: str, level: str) -> dict[str, Any]:
    """Return the logging configuration for ``json`` or ``console`` lines."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        # Where rich is installed, structlog would print local variables with each trace: passwords, keys, bodies.
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if log_format == "json":
        final.append(structlog.processors.format_exc_info)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [*final, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            # The access log has a line for each refusal already, and Django's would show the path.
            "django.request": {"level": "ERROR"},
            "kombu.connection": {"level": "ERROR"},
        }
        | {
            name: {"level": level}
            for name in (
                "gatehouse",
                "config",
                "foundation",
                "environments",
                "events",
                "accounts",
                "authorization",
                "organizations",
                "authentication",
            )
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Set up logging; called once by ``django.setup()``."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(settings)
