from django.db import migrations


def make_rows(apps, _schema_editor):
    """Give each environment the rows that a new one starts with."""
    Environment = apps.get_model('environments', 'Environment')
    for model in ('Branding', 'MailSettings'):
        Model = apps.get_model('environments', model)
        for environment_id in Environment.objects.values_list('pk', flat=True):
            Model._base_manager.get_or_create(environment_id=environment_id)


class Migration(migrations.Migration):

    dependencies = [
        ('environments', '0003_methods_impersonation_and_bot_check'),
    ]

    operations = [
        migrations.RunPython(make_rows, migrations.RunPython.noop),
    ]
