"""Writes small files in MaxMind's DB format (version 2.0), as operators get them from their supplier.

https://maxmind.github.io/MaxMind-DB/ : a binary search tree over the bits of an address, 16 zero bytes, the records,
a marker, the metadata.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class _Unsigned(NamedTuple):
    kind: int
    size: int
    number: int


_MARKER = b"\xab\xcd\xefMaxMind.com"


def write_places_file(path: Path, places: Mapping[str, Any]) -> Path:
    """Write a file that knows these networks (IPv4 or IPv6) and nothing else."""
    records: list[bytes] = []
    offsets: dict[str, int] = {}
    size = 0
    for network, record in places.items():
        offsets[network] = size
        records.append(_encoded(record))
        size += len(records[-1])
    nodes: list[list[tuple[str, Any]]] = [[("none", 0), ("none", 0)]]
    for network in places:
        _insert(nodes, _prefix_bits(network), offsets[network])
    count = len(nodes)
    tree = b"".join(_pointer(side, count).to_bytes(4, "big") for node in nodes for side in node)
    metadata = {
        "node_count": _Unsigned(6, 4, count),
        "record_size": _Unsigned(5, 2, 32),
        "ip_version": _Unsigned(5, 2, 6),
        "database_type": "Test-City",
        "binary_format_major_version": _Unsigned(5, 2, 2),
        "binary_format_minor_version": _Unsigned(5, 2, 0),
        "build_epoch": _Unsigned(9, 8, 1_780_000_000),
        "languages": ["en", "de"],
        "description": {"en": "Places for tests"},
    }
    path.write_bytes(tree + bytes(16) + b"".join(records) + _MARKER + _encoded(metadata))
    return path


def _prefix_bits(network: str) -> str:
    parsed = ipaddress.ip_network(network)
    bits = format(int(parsed.network_address), f"0{parsed.max_prefixlen}b")[: parsed.prefixlen]
    # An IPv4 address lies under 96 zero bits.
    return bits if parsed.version == 6 else "0" * 96 + bits


def _insert(nodes: list[list[tuple[str, Any]]], bits: str, offset: int) -> None:
    node = 0
    for bit in bits[:-1]:
        kind, following = nodes[node][int(bit)]
        if kind != "node":
            nodes.append([("none", 0), ("none", 0)])
            following = len(nodes) - 1
            nodes[node][int(bit)] = ("node", following)
        node = following
    nodes[node][int(bits[-1])] = ("data", offset)


def _pointer(side: tuple[str, Any], count: int) -> int:
    kind, value = side
    return {"none": count, "node": value, "data": count + 16 + value}[kind]


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        raw = value.encode()
        return _control(2, len(raw)) + raw
    if isinstance(value, _Unsigned):
        return _control(value.kind, value.size) + value.number.to_bytes(value.size, "big")
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    return _control(7, len(value)) + b"".join(_encoded(key) + _encoded(entry) for key, entry in value.items())


def _control(kind: int, size: int) -> bytes:
    if size >= 285:
        raise ValueError("The tests write short values.")
    low = min(size, 29)
    first = bytes([(kind << 5) | low]) if kind <= 7 else bytes([low, kind - 7])
    return first + (bytes([size - 29]) if size >= 29 else b"")
