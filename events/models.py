"""Tables of the outbox."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from foundation import clock
from foundation.actors import ActorKind
from foundation.fields import EncryptedTextField, PrefixedIDField
from foundation.scoping import EnvironmentModel, EnvironmentQuerySet
from foundation.transactions import OldestOpenTransaction, OwnTransaction, WritingTransaction

if TYPE_CHECKING:
    from environments.models import Environment


class Event(EnvironmentModel):
    """Something that happened in an environment: the row that ``GET /events`` lists and that consumers hear of."""

    id = PrefixedIDField(prefix="event")
    name = models.CharField(max_length=80)
    data = models.JSONField()
    context = models.JSONField(default=dict)
    organization_id = models.CharField(max_length=80, blank=True, default="")
    object_id = models.CharField(
        max_length=80,
        blank=True,
        default="",
        help_text="Whom or what the event is about; staff search by it.",
    )
    actor_kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in ActorKind])
    actor_id = models.CharField(max_length=80)
    actor_name = models.CharField(max_length=254, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)
    consumed_at = models.DateTimeField(
        null=True, blank=True, help_text="When every consumer had it; empty while some still wait."
    )

    written_in = models.BigIntegerField(
        editable=False,
        db_default=WritingTransaction(),
        help_text="The number of the transaction on PostgreSQL, before the id the order of the stream "
        "(docs/decisions/0045); 0 elsewhere.",
    )

    class Meta:
        indexes = [
            models.Index(fields=["environment", "id"], name="events_by_id"),
            models.Index(fields=["environment", "written_in", "id"], name="event_stream"),
            models.Index(fields=["environment", "name", "written_in", "id"], name="event_stream_by_name"),
            models.Index(
                fields=["environment", "organization_id", "written_in", "id"],
                name="event_stream_by_organization",
            ),
            models.Index(fields=["environment", "object_id", "id"], name="event_stream_by_object"),
            models.Index(fields=["written_in"], name="event_transactions"),
            models.Index(fields=["created_at"], name="event_retention"),
            models.Index(
                fields=["created_at"], name="event_waiting", condition=models.Q(consumed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def settled(cls, environment: "Environment") -> EnvironmentQuerySet["Event"]:
        """The events before which no other can appear any more, and those of one's own transaction.

        An event of a transaction that began after a still open one waits for that one: it may yet bring events that
        stand before it in the stream.
        """
        return cls.objects.in_environment(environment).filter(  # type: ignore[return-value]  # the stubs lose the class
            Q(written_in__lt=OldestOpenTransaction()) | Q(written_in=OwnTransaction())
        )


# The kinds of a text message, whose recipient is a phone number: one is kept to be read and never leaves, the other is
# carried by the installation's gateway. Neither ever leaves by mail.
SMS_KIND = "sms"
CARRIED_SMS_KIND = "carried_sms"


class Mail(EnvironmentModel):
    """A message to be sent once, or kept for ``/dev/mail`` where no server is configured; or a kept text message.

    The text may hold one-time codes, so it is encrypted, and dropped after a while (``conf.MAIL_RETENTION_DAYS``).
    """

    id = PrefixedIDField(prefix="mail")
    kind = models.CharField(max_length=60, help_text="Which message it is, such as ``email_verification``.")
    recipient = models.CharField(max_length=320, help_text="An address; of a text message, a phone number.")
    sender = models.CharField(max_length=500)
    subject = models.CharField(max_length=300)
    text = EncryptedTextField()
    html = EncryptedTextField(blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(default=clock.now, help_text="Not before this moment.")
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(
        null=True, blank=True, help_text="A worker has it in hand until then; afterwards another may take it."
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True, help_text="Given up after the last attempt.")
    last_error = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        verbose_name_plural = "mail"
        indexes = [
            models.Index(fields=["environment", "id"], name="mail_by_environment"),
            models.Index(
                fields=["due_at"],
                name="mail_waiting",
                condition=models.Q(sent_at__isnull=True, failed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"
