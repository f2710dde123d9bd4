from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

# Every process that hands work to Celery must know our app: without it, Celery's default one would look for a broker on
# AMQP, and each task of a web process would wait for the sweep.
from config import celery  # noqa: F401 -- imported for its effect


class ConfigConfig(AppConfig):
    name = "config"


class GatehouseAdminConfig(AdminConfig):
    """Django's admin, served by our own site."""

    default_site = "environments.staff.site.GatehouseAdminSite"
