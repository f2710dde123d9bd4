from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConfigConfig(AppConfig):
    name = "config"


class GatehouseAdminConfig(AdminConfig):
    """Django's admin, served by our own site."""

    default_site = "environments.staff.site.GatehouseAdminSite"
