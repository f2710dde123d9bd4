"""What one SAML response costs, beside xmlsec's own time for the same signature, and what ten thousand leave behind."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

import xmlsec
from lxml import etree

from sso.saml.keys import make_key_pair
from sso.saml.parties import IdentityProvider, KeyPair, SAMLOptions, ServiceProvider
from sso.saml.requests import begin_sign_in
from sso.saml.responses import read_response
from tests.sso.saml.identity_provider import Forge, one, post

REQUEST_ID = "_request"
WARM_UP = 500


def main(count: int = 10_000) -> None:
    """Print the costs of ``count`` responses of each kind."""
    sp, idp = parties()
    party = idp.party
    responses = {
        "SAML: assertion signed": post(idp.response(sp, REQUEST_ID)),
        "SAML: response signed too": post(idp.response(sp, REQUEST_ID, sign=("Assertion", "Response"))),
        "SAML: assertion encrypted": post(idp.response(sp, REQUEST_ID, encrypt=True)),
    }
    bare = timed(xmlsec_alone(idp, sp), count // 10)
    print(f"\n{'':28}{'cpu ms':>9}{'of xmlsec alone':>18}")
    print(f"{'xmlsec, one signature':28}{bare:9.2f}{1:18.1f}")
    for name, response in responses.items():
        cost = timed(reading(sp, party, response), count // 10)
        print(f"{name:28}{cost:9.2f}{cost / bare:18.1f}")
    cost = timed(lambda: begin_sign_in(sp, party, SAMLOptions(), "handle"), count // 10)
    print(f"{'SAML: signed request':28}{cost:9.2f}{cost / bare:18.1f}")
    for name, response in list(responses.items())[::2]:
        grown = growth(reading(sp, party, response), count)
        print(f"{name}: {count:,} of them leave {grown:.1f} MB more in memory than {WARM_UP} did.")


def parties() -> tuple[ServiceProvider, Forge]:
    private_key_pem, certificate_pem = make_key_pair("sp.bench.test")
    sp = ServiceProvider(
        entity_id="https://auth.bench.test/sso/saml/conn_1/metadata",
        acs_url="https://auth.bench.test/sso/saml/conn_1/acs",
        private_key_pem=private_key_pem,
        certificate_pem=certificate_pem,
        encryption_pairs=(KeyPair(private_key_pem=private_key_pem, certificate_pem=certificate_pem),),
    )
    return sp, Forge(name="idp.bench.test")


def reading(sp: ServiceProvider, idp: IdentityProvider, response: str) -> Callable[[], object]:
    # Wide enough that no response expires while it is measured.
    options = SAMLOptions(clock_skew_seconds=86_400)
    return lambda: read_response(sp, idp, options, response, REQUEST_ID)


def xmlsec_alone(idp: Forge, sp: ServiceProvider) -> Callable[[], None]:
    """Parse the same document and verify its one signature, with nothing else around it."""
    octets = etree.tostring(idp.response(sp, REQUEST_ID))
    key = xmlsec.Key.from_memory(idp.certificate_pem, xmlsec.constants.KeyDataFormatCertPem)

    def verify() -> None:
        root = etree.fromstring(octets)
        context = xmlsec.SignatureContext()
        context.key = key
        context.register_id(one(root, "Assertion"), "ID")
        context.verify(one(root, "Signature"))

    return verify


def timed(call: Callable[[], object], repetitions: int) -> float:
    """Return the median in milliseconds of processor time, which other work on the machine does not stretch."""
    times = []
    for _ in range(max(repetitions, 50)):
        started = process_time()
        call()
        times.append(process_time() - started)
    return median(times) * 1000


def growth(call: Callable[[], object], count: int) -> float:
    """Return by how many megabytes the process grew between the warm-up and the end."""
    for _ in range(WARM_UP):
        call()
    before = resident_megabytes()
    for _ in range(count):
        call()
    return resident_megabytes() - before


def resident_megabytes() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
