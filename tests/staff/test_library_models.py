"""The models of the social library are made loose from the database: no tables, no pages, no obstacles."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection

from environments.models import Operator

LIBRARY = ("allauth_account", "allauth_socialaccount")


def library_models():
    return [model for label in LIBRARY for model in apps.get_app_config(label).get_models()]


@pytest.mark.django_db
def test_the_social_library_has_no_tables_no_permissions_and_no_admin_pages():
    tables = set(connection.introspection.table_names())
    assert len(library_models()) >= 4
    assert not tables & {model._meta.db_table for model in library_models()}
    assert not Permission.objects.filter(content_type__app_label__in=LIBRARY).exists()
    assert not [model for model in library_models() if admin.site.is_registered(model)]


@pytest.mark.django_db
def test_an_operator_can_be_deleted_though_the_library_points_at_them():
    operator = Operator.objects.create_user("staff@acme.example", "a long passphrase of staff")
    operator.delete()
    assert not Operator.objects.filter(email="staff@acme.example").exists()
