"""Check the lock files against pyproject.toml without asking any index.

Every requirement has a pin that satisfies it, every pin has a hash, the development lock holds the run-time lock
as it is, and no file names a host: a lock that says where its packages came from works on one network only.
"""

import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)")

Pins = dict[str, set[str]]


def main() -> int:
    """Print each fault on a line of its own; return 1 if there was one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = {
        "uv.txt": groups["uv"],
        "run.txt": project["project"]["dependencies"],
        "dev.txt": [*project["project"]["dependencies"], *groups["dev"]],
        "workos5.txt": groups["workos5"],
    }
    locks = {name: (ROOT / "requirements" / name).read_text() for name in wanted}
    faults = [
        fault
        for name, requirements in wanted.items()
        for fault in (*form_faults(name, locks[name]), *unmet(name, read_pins(locks[name]), requirements))
    ]
    run, dev = read_pins(locks["run.txt"]), read_pins(locks["dev.txt"])
    faults += [f"dev.txt: {name} is not pinned as in run.txt" for name in run if run[name] != dev.get(name)]
    for fault in faults:
        print(f"requirements/{fault}")
    if faults:
        print("`make lock` compiles the locks anew.")
    return int(bool(faults))


def form_faults(file: str, lock: str) -> Iterable[str]:
    """Yield what is wrong with the text of a lock: a host, an option, a pin without hash or version."""
    for number, line in enumerate(lock.splitlines(), start=1):
        if "://" in line:
            yield f"{file}:{number}: names a host"
        elif line and not line.startswith(("    ", "#")) and not PINNED.match(line):
            yield f"{file}:{number}: is not a pinned package"
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        if PINNED.match(block) and "--hash=sha256:" not in block:
            yield f"{file}: {block.split()[0]} has no hash"


def read_pins(lock: str) -> Pins:
    """Return the versions of each package: usually one, several where Python versions differ."""
    pins: Pins = {}
    for line in lock.splitlines():
        if match := PINNED.match(line):
            pins.setdefault(canonicalize_name(match["name"]), set()).add(match["version"])
    return pins


def unmet(file: str, pins: Pins, requirements: Iterable[str]) -> Iterable[str]:
    """Yield the requirements that the pins of a lock do not satisfy."""
    for text in requirements:
        requirement = Requirement(text)
        versions = pins.get(canonicalize_name(requirement.name), set())
        if not versions or not all(requirement.specifier.contains(version) for version in versions):
            yield f"{file}: has nothing that satisfies {text!r} of pyproject.toml"


if __name__ == "__main__":
    sys.exit(main())
