import base64
from typing import Any, cast

import pytest

from environments.models import SigningKey
from events.models import Mail
from events.services import queue_mail
from foundation import encryption
from foundation.encryption import UnsealError, seal, unseal


@pytest.fixture
def keys(settings):
    settings.ENCRYPTION_KEYS = {"k1": bytes(range(32))}
    return settings


def mail(environment, text="The code is 123456."):
    return queue_mail(
        environment=environment, kind="test", recipient="a@b.test", sender="c@d.test", subject="s", text=text
    )


def stored(row: Mail, column: str = "text") -> str:
    sealed: Any = Mail.unscoped.filter(pk=row.pk).values_list(column, flat=True).get()
    ciphertext: str = sealed.ciphertext
    return ciphertext


@pytest.mark.parametrize("text", ["", "x", "Grüße, 日本 🔑", "x" * 100_000, "a.b.c\x00\n"])
def test_what_is_sealed_opens_again(keys, text):
    assert unseal(seal(text, "row"), "row") == text


def test_the_same_text_never_looks_the_same_twice(keys):
    assert seal("x", "row") != seal("x", "row")


def test_a_sealed_text_opens_only_where_it_belongs(keys):
    with pytest.raises(UnsealError):
        unseal(seal("x", "row 1"), "row 2")


@pytest.mark.parametrize("position", range(0, 60, 7))
def test_one_changed_character_is_noticed(keys, position):
    sealed = seal("a secret of some length", "row")
    start = sealed.rindex(".") + 1
    index = start + position % (len(sealed) - start - 4)
    changed = sealed[:index] + ("A" if sealed[index] != "A" else "B") + sealed[index + 1 :]
    with pytest.raises(UnsealError):
        unseal(changed, "row")


@pytest.mark.parametrize(
    "sealed",
    ["", "v1", "v1.k1.", "v1.k1.AAAA", "v1.k1.!!!", "v2.k1.AAAA", "v1.k9.AAAA", "plain text", "v1.k1.é"],
)
def test_what_was_never_sealed_does_not_open(keys, sealed):
    with pytest.raises(UnsealError):
        unseal(sealed, "row")


def test_the_version_and_the_key_id_cannot_be_swapped(keys):
    keys.ENCRYPTION_KEYS = {"k1": bytes(range(32)), "k2": bytes(range(32))}
    sealed = seal("x", "row")

    with pytest.raises(UnsealError):
        unseal(sealed.replace("v1.k1.", "v1.k2."), "row")


def test_a_new_key_seals_and_the_old_one_still_opens(keys):
    old = seal("x", "row")
    keys.ENCRYPTION_KEYS = {"k2": bytes(range(32, 64)), "k1": bytes(range(32))}

    assert unseal(old, "row") == "x"
    assert not encryption.is_sealed_with_current_key(old)
    assert encryption.is_sealed_with_current_key(seal("x", "row"))
    keys.ENCRYPTION_KEYS = {"k2": bytes(range(32, 64))}
    with pytest.raises(UnsealError):
        unseal(old, "row")


# --- the field ------------------------------------------------------------------------------------------------


def test_a_ciphertext_copied_into_another_row_does_not_open(environment):
    mine, theirs = mail(environment, "mine"), mail(environment, "theirs")
    Mail.unscoped.filter(pk=mine.pk).update(text=Mail.unscoped.filter(pk=theirs.pk).values("text"))

    with pytest.raises(UnsealError):
        _ = Mail.unscoped.get(pk=mine.pk).text
    assert Mail.unscoped.get(pk=theirs.pk).text == "theirs"


def test_a_ciphertext_copied_into_another_column_does_not_open(environment):
    row = mail(environment)
    Mail.unscoped.filter(pk=row.pk).update(html=Mail.unscoped.filter(pk=row.pk).values("text"))

    with pytest.raises(UnsealError):
        _ = Mail.unscoped.get(pk=row.pk).html


def test_plaintext_cannot_be_written_past_the_instance(environment):
    row = mail(environment)

    with pytest.raises(TypeError, match="save it through an instance"):
        Mail.unscoped.filter(pk=row.pk).update(text="in clear")
    with pytest.raises(TypeError, match="save it through an instance"):
        Mail.unscoped.filter(text="in clear").exists()


def test_a_row_that_is_read_and_saved_keeps_its_text(environment):
    row = mail(environment)
    unread = Mail.unscoped.get(pk=row.pk)
    unread.save()
    read = Mail.unscoped.get(pk=row.pk)
    assert read.text == "The code is 123456."
    read.save()

    assert Mail.unscoped.get(pk=row.pk).text == "The code is 123456."
    deferred = Mail.unscoped.only("id").get(pk=row.pk)
    assert deferred.text == "The code is 123456."


def test_the_column_holds_no_plaintext(environment):
    row = mail(environment)
    raw = stored(row)

    assert "123456" not in raw
    assert b"123456" not in base64.urlsafe_b64decode(raw.rpartition(".")[2])


def test_private_signing_keys_lie_sealed(environment):
    row = cast("Any", SigningKey.unscoped.filter(environment=environment).values().get())

    assert row["private_key"].ciphertext.startswith("v1.")
    assert "d" not in row["public_jwk"]


# --- digests --------------------------------------------------------------------------------------------------


def test_a_lookup_digest_depends_on_its_purpose_and_on_the_installation(settings):
    first = encryption.lookup_digest("a", "123456")

    assert first != encryption.lookup_digest("b", "123456")
    assert first == encryption.lookup_digest("a", "123456")
    settings.SECRET_KEY = "another installation's secret key, as long as it has to be to pass"
    assert first != encryption.lookup_digest("a", "123456")
