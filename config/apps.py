from django.apps import AppConfig
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.db import models

# Every process that hands work to Celery must know our app: without it, Celery's default one would look for a broker on
# AMQP, and each task of a web process would wait for the sweep.
from config import celery  # noqa: F401 -- imported for its effect


class ConfigConfig(AppConfig):
    name = "config"


class GatehouseAdminConfig(AdminConfig):
    """Django's admin, served by our own site."""

    default_site = "environments.staff.site.GatehouseAdminSite"


class LibraryModelsConfig(AppConfig):
    """An app of django-allauth, whose provider catalogue is used and whose tables are not.

    Its provider code makes objects of its models and never saves one. So they get no tables, no permissions and no admin
    pages, and deleting an operator, at whom they point, does not look for their rows.
    """

    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        """Cut the models loose from the database."""
        for model in self.get_models():
            for options in (vars(model._meta), model._meta.original_attrs):
                options.update(managed=False, default_permissions=())
            for field in model._meta.get_fields():
                if isinstance(field, models.ForeignKey):
                    field.remote_field.on_delete = models.DO_NOTHING
            if admin.site.is_registered(model):
                admin.site.unregister(model)


class LibraryAccountConfig(LibraryModelsConfig):
    """Mail addresses, which providers' answers are read into. The library's own config demands a middleware."""

    name = "allauth.account"
    label = "allauth_account"


class LibrarySocialAccountConfig(LibraryModelsConfig):
    """The provider catalogue."""

    name = "allauth.socialaccount"
    label = "allauth_socialaccount"
