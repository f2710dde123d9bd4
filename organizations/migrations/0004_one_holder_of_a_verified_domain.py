from django.db import migrations
from django.db.models import Count

VERIFIED = ("verified", "legacy_verified")


def leave_one_holder(apps, _schema_editor):
    """Of several organizations with the same verified domain, one keeps it: who proved it by DNS, else the first."""
    domains = apps.get_model("organizations", "OrganizationDomain")._base_manager
    repeated = (
        domains.filter(state__in=VERIFIED)
        .values("environment_id", "domain")
        .annotate(holders=Count("id"))
        .filter(holders__gt=1)
        .order_by()
    )
    for group in list(repeated.values_list("environment_id", "domain")):
        rows = list(
            domains.filter(environment_id=group[0], domain=group[1], state__in=VERIFIED)
            .order_by("id")
            .values_list("id", "verification_strategy")
        )
        keeper = next((row_id for row_id, strategy in rows if strategy == "dns"), rows[0][0])
        domains.filter(id__in=[row_id for row_id, _strategy in rows if row_id != keeper]).update(
            state="unverified"
        )


class Migration(migrations.Migration):

    dependencies = [
        ('organizations', '0003_organization_policy'),
    ]

    operations = [
        migrations.RunPython(leave_one_holder, migrations.RunPython.noop),
    ]
