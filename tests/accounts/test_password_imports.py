import base64
import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.errors import InvalidPasswordHash
from accounts.models import User
from accounts.passwords import HASH_TYPES, import_password_hash, verify_password
from foundation.errors import BadRequest


def b64(raw, *, padded=False):
    text = base64.b64encode(raw).decode()
    return text if padded else text.rstrip("=")


FIREBASE_SIGNER_KEY = (
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
)
FIREBASE_DIGEST = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
FIREBASE_TOOL_FORM = (
    f"$firebase-scrypt$hash={FIREBASE_DIGEST}$salt=42xEC+ixf3L2lw==$sk={FIREBASE_SIGNER_KEY}$ss=Bw==$r=8$m=14"
)
FIREBASE_PHC_FORM = (
    f"$firebase-scrypt$r=8,m=14,sk={FIREBASE_SIGNER_KEY.rstrip('=')},ss=Bw"
    f"$42xEC+ixf3L2lw${FIREBASE_DIGEST.rstrip('=')}"
)

# RFC 7914 section 12, second and third vector.
SCRYPT_1024 = bytes.fromhex(
    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
    "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
)
SCRYPT_16384 = bytes.fromhex(
    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
)
# RFC 6070, third vector; RFC 7914 section 11, first vector.
PBKDF2_SHA1 = bytes.fromhex("4b007901b765489abead49d926f721d065a429c1")
PBKDF2_SHA256 = bytes.fromhex(
    "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
    "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
)
SSHA = b64(hashlib.sha1(b"secret" + b"saltsalt").digest() + b"saltsalt", padded=True)
SSHA256 = b64(hashlib.sha256(b"secret" + b"saltsalt").digest() + b"saltsalt", padded=True)
SSHA256_PREFIX = b64(hashlib.sha256(b"saltsalt" + b"secret").digest() + b"saltsalt", padded=True)

KNOWN_ANSWERS = [
    # The self-test of crypt_blowfish.
    ("bcrypt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
    ("bcrypt", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"),
    ("bcrypt", "$2y$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"),
    # The self-test of the Argon2 reference implementation; the second is of version 16.
    (
        "argon2",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "password",
    ),
    (
        "argon2",
        "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
        "password",
    ),
    ("scrypt", f"$scrypt$ln=10,r=8,p=16${b64(b'NaCl')}${b64(SCRYPT_1024)}", "password"),
    ("scrypt", f"$scrypt$n=1024,r=8,p=16,kl=64${b64(b'NaCl')}${b64(SCRYPT_1024)}", "password"),
    (
        "scrypt",
        f"$scrypt$v=1$N=16384,r=8,p=1${b64(b'SodiumChloride', padded=True)}${b64(SCRYPT_16384, padded=True)}",
        "pleaseletmein",
    ),
    ("pbkdf2", f"$pbkdf2-sha1$i=4096,l=20${b64(b'salt')}${b64(PBKDF2_SHA1)}", "password"),
    ("pbkdf2", f"$pbkdf2$i=1,d=sha256,l=64${b64(b'salt')}${b64(PBKDF2_SHA256)}", "passwd"),
    # github.com/simonepri/phc-pbkdf2, and the documentation of passlib.
    (
        "pbkdf2",
        "$pbkdf2-sha256$i=6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
        "password",
    ),
    (
        "pbkdf2",
        "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
        "password",
    ),
    (
        "pbkdf2",
        "$pbkdf2-sha256$29000$O.fcW8s5J4RwTklJydnb.w$BydCvBqanO7uNLArDyI5CiV8vNNOvUfwExFdO9pfaFg",
        "testpass",
    ),
    ("pbkdf2", "$pbkdf2$131000$0vo/B4DQeu9dC4EwhjCGMA$GftqjQLIzpJLATYxUN6dAwwOvRo", "testpass"),
    # The README of github.com/firebase/scrypt.
    ("firebase-scrypt", FIREBASE_TOOL_FORM, "user1password"),
    ("firebase-scrypt", FIREBASE_PHC_FORM, "user1password"),
    ("firebase-scrypt", FIREBASE_TOOL_FORM.replace("+", "-").replace("/", "_"), "user1password"),
    ("ssha", "{SSHA}" + SSHA, "secret"),
    ("ssha", SSHA, "secret"),
    ("ssha256", "{SSHA256}" + SSHA256, "secret"),
    ("ssha256", "{ssha256}" + SSHA256.rstrip("="), "secret"),
]


@pytest.mark.parametrize(("hash_type", "value", "password"), KNOWN_ANSWERS)
def test_a_published_hash_knows_its_password(hash_type, value, password):
    encoded = import_password_hash(hash_type, value)

    check = verify_password(password, encoded)
    assert check.valid
    assert check.needs_upgrade
    assert not verify_password(password + "x", encoded).valid
    assert not verify_password("", encoded).valid


def test_every_type_of_the_api_has_a_known_answer():
    assert {hash_type for hash_type, _, _ in KNOWN_ANSWERS} == set(HASH_TYPES)
    assert set(HASH_TYPES) == {"bcrypt", "firebase-scrypt", "ssha", "ssha256", "scrypt", "pbkdf2", "argon2"}


@pytest.mark.parametrize(("hash_type", "value", "password"), KNOWN_ANSWERS)
def test_what_is_stored_can_be_read_again_and_stays_as_it_is(hash_type, value, password):
    once = import_password_hash(hash_type, value)

    assert len(once) <= 512
    if hash_type not in {"ssha", "ssha256"}:
        assert import_password_hash(hash_type, once) == once


def test_the_salt_of_ssha256_may_stand_before_the_password():
    encoded = import_password_hash("ssha256", SSHA256_PREFIX, salt_position="prefix")

    assert verify_password("secret", encoded).valid
    assert not verify_password("secret", import_password_hash("ssha256", SSHA256_PREFIX)).valid
    assert verify_password("secret", import_password_hash("ssha256", SSHA256, salt_position="suffix")).valid


@pytest.mark.parametrize(
    ("hash_type", "position"), [("ssha", "prefix"), ("bcrypt", "suffix"), ("ssha256", "middle")]
)
def test_a_salt_position_goes_with_ssha256_alone(hash_type, position):
    value = {kind: value for kind, value, _ in KNOWN_ANSWERS}[hash_type]

    with pytest.raises(InvalidPasswordHash, match="salt position"):
        import_password_hash(hash_type, value, salt_position=position)


def test_bcrypt_reads_72_bytes_as_the_system_that_made_the_hash_did():
    # The self-test of crypt_blowfish says it in the password itself.
    ignored = (
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored"
    )
    encoded = import_password_hash("bcrypt", "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui")

    assert verify_password(ignored, encoded).valid
    assert verify_password(ignored[:72], encoded).valid
    assert not verify_password(ignored[:71], encoded).valid


def test_a_nul_does_not_end_a_bcrypt_password():
    encoded = import_password_hash("bcrypt", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")

    assert verify_password("U*U", encoded).valid
    assert not verify_password("U*U\x00", encoded).valid
    assert not verify_password("U*U\x00anything", encoded).valid


def test_a_bcrypt_hash_with_stray_bits_in_its_salt_still_works():
    canonical = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
    stray = canonical[:28] + "/" + canonical[29:]

    assert import_password_hash("bcrypt", stray) == canonical


def test_an_imported_password_is_tried_exactly_as_the_other_system_had_it():
    decomposed, composed = "pa\u0308ssword", "p\u00e4ssword"
    for made_of in (decomposed, composed):
        digest = hashlib.sha256(made_of.encode() + b"salt").digest()
        encoded = import_password_hash("ssha256", b64(digest + b"salt"))
        assert verify_password(made_of, encoded).valid

    made_of_composed = b64(hashlib.sha256(composed.encode() + b"salt").digest() + b"salt")
    assert verify_password(decomposed, import_password_hash("ssha256", made_of_composed)).valid


SALT, DIGEST = b64(b"somesalt"), b64(bytes(32))

HOSTILE = [
    ("bcrypt", "$2b$17$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("bcrypt", "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("bcrypt", "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("bcrypt", "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("bcrypt", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe"),
    ("bcrypt", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n"),
    ("bcrypt", "$2b$\u0660\u0665$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("argon2", f"$argon2id$v=19$m=4194304,t=1,p=1${SALT}${DIGEST}"),
    ("argon2", f"$argon2id$v=19$m=262145,t=1,p=1${SALT}${DIGEST}"),
    ("argon2", f"$argon2id$v=19$m=262144,t=5,p=1${SALT}${DIGEST}"),
    ("argon2", f"$argon2id$v=19$m=4096,t=999,p=1${SALT}${DIGEST}"),
    ("argon2", f"$argon2id$v=19$m=4294967296,t=1,p=1${SALT}${DIGEST}"),
    ("argon2", f"$argon2id$v=19$m=4096,t=1,p=17${SALT}${DIGEST}"),
    ("argon2", f"$argon2id$v=19$m=7,t=1,p=1${SALT}${DIGEST}"),
    ("argon2", f"$argon2id$v=20$m=4096,t=1,p=1${SALT}${DIGEST}"),
    ("argon2", f"$argon2x$v=19$m=4096,t=1,p=1${SALT}${DIGEST}"),
    ("argon2", f"$argon2id$v=19$m=4096,t=1,p=1${b64(b'short')}${DIGEST}"),
    ("argon2", f"$argon2id$v=19$m=4096,t=1,p=1${SALT}${b64(bytes(1000))}"),
    ("argon2", f"$argon2id$v=19$m=4096,t=1,p=1,keyid=AAAA${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=30,r=8,p=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=99999999,r=8,p=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=18,r=9,p=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=17,r=8,p=3${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$n=16383,r=8,p=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$n=0,r=8,p=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=16,r=1,p=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=10,r=0,p=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=10,r=8,p=0${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=10,r=8${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=10,ln=11,r=8,p=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=10,r=8,p=1,x=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=10,r=8,p=1,kl=64${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=10,r=8,p=1${SALT}"),
    ("scrypt", f"$scrypt$ln=10,r=8,p=1${SALT}${b64(bytes(15))}"),
    ("scrypt", f"$scrypt$ln=10,r=8,p=1${SALT}${b64(bytes(129))}"),
    ("scrypt", f"$scrypt$ln=10,r=8,p=1$$${DIGEST}"),
    ("scrypt", f"$scrypt$ln=-1,r=8,p=1${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2-sha256$i=2000001${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2-sha256$i=1000001${SALT}${b64(bytes(64))}"),
    ("pbkdf2", f"$pbkdf2-sha256$i=999999999${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2-sha256$i=0${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2-md5$i=1000${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2-shake_128$i=1000${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2$i=1000${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2-sha256$i=1000,l=20${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2-sha256$i=1000${SALT}${b64(bytes(513))}"),
    ("pbkdf2", f"$pbkdf2-sha256$i=1e3${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2-sha256$i=1000$not base64!${DIGEST}"),
    ("firebase-scrypt", FIREBASE_PHC_FORM.replace("m=14", "m=24")),
    ("firebase-scrypt", FIREBASE_PHC_FORM.replace("r=8,m=14", "r=9,m=18")),
    ("firebase-scrypt", FIREBASE_PHC_FORM.replace("m=14", "m=0")),
    ("firebase-scrypt", FIREBASE_PHC_FORM.replace(",ss=Bw", ",zz=Bw")),
    ("firebase-scrypt", FIREBASE_TOOL_FORM.replace("$sk=", "$xx=")),
    ("firebase-scrypt", FIREBASE_TOOL_FORM + "$r=8"),
    ("firebase-scrypt", FIREBASE_TOOL_FORM.replace(FIREBASE_DIGEST, b64(bytes(32)))),
    ("ssha", "{SSHA}" + b64(bytes(20))),
    ("ssha", "{SSHA}" + b64(bytes(20 + 65))),
    ("ssha", "{SHA}" + SSHA),
    ("ssha256", "{SSHA256}" + b64(bytes(32))),
    ("ssha256", "{SSHA512}" + SSHA256),
    ("md5", "5f4dcc3b5aa765d61d8327deb882cf99"),
    ("", ""),
]


@pytest.mark.parametrize(("hash_type", "value"), HOSTILE)
def test_a_hash_beyond_the_bounds_or_out_of_form_is_refused_at_once(hash_type, value):
    began = time.process_time()

    with pytest.raises(InvalidPasswordHash) as refused:
        import_password_hash(hash_type, value)

    assert time.process_time() - began < 0.2
    assert refused.value.code == "invalid_password_hash"
    assert isinstance(refused.value, BadRequest)
    assert len(value) < 8 or value not in str(refused.value)


@pytest.mark.parametrize("hash_type", HASH_TYPES)
@pytest.mark.parametrize(
    "value", ["", "$", "$$$$", "password", "$2b$", "\x00", "\ud800", "A" * 10_000_000, "$" * 2000]
)
def test_nonsense_is_refused_for_every_type(hash_type, value):
    with pytest.raises(InvalidPasswordHash):
        import_password_hash(hash_type, value)


@given(hash_type=st.sampled_from(HASH_TYPES), value=st.text(max_size=80))
def test_whatever_is_sent_is_taken_or_refused_and_never_breaks(hash_type, value):
    try:
        encoded = import_password_hash(hash_type, value)
    except InvalidPasswordHash:
        return
    assert not verify_password("\x00 not this", encoded).valid


known = st.sampled_from([(kind, value) for kind, value, _ in KNOWN_ANSWERS])


@given(known=known, position=st.integers(0, 200), character=st.characters())
@hypothesis_settings(max_examples=300)
def test_a_garbled_hash_is_refused_or_stays_within_the_bounds(known, position, character):
    hash_type, value = known
    position %= len(value)
    garbled = value[:position] + character + value[position + 1 :]
    try:
        encoded = import_password_hash(hash_type, garbled)
    except InvalidPasswordHash:
        return
    assert len(encoded) <= 1000


LONGEST = [
    ("pbkdf2", f"$pbkdf2-sha512$i=1000${b64(bytes(128))}${b64(bytes(512))}"),
    ("scrypt", f"$scrypt$ln=10,r=8,p=1${b64(bytes(128))}${b64(bytes(128))}"),
    (
        "firebase-scrypt",
        f"$firebase-scrypt$r=8,m=14,sk={b64(bytes(128))},ss={b64(bytes(64))}${b64(bytes(128))}${b64(bytes(128))}",
    ),
]


@pytest.mark.parametrize(("hash_type", "value"), LONGEST)
def test_the_longest_hash_that_is_taken_fits_into_its_column(hash_type, value):
    column = User._meta.get_field("password")

    assert len(import_password_hash(hash_type, value)) <= (column.max_length or 0)


LARGEST = [
    ("argon2", f"$argon2id$v=19$m=262144,t=4,p=1${SALT}${DIGEST}"),
    ("scrypt", f"$scrypt$ln=18,r=8,p=1${SALT}${DIGEST}"),
    ("pbkdf2", f"$pbkdf2-sha512$i=2000000${SALT}${DIGEST}"),
]


@pytest.mark.parametrize(("hash_type", "value"), LARGEST)
def test_the_dearest_hash_that_is_taken_is_a_matter_of_seconds(hash_type, value):
    encoded = import_password_hash(hash_type, value)

    began = time.process_time()
    assert not verify_password("wrong", encoded).valid
    assert time.process_time() - began < 15
