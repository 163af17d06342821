"""Cases for getent, hostname, package_facts, service_facts, and setup's local facts."""


def step(module, check=False, ignore=(), **args):
    return {"module": module, "args": args, "check": check, "ignore": list(ignore)}


CASES = {
    "getent": [
        step("getent", database="passwd"),
        step("getent", database="passwd", key="root"),
        step("getent", database="group", key="nonesuch"),
        step("getent", database="group", key="nonesuch", fail_key=False),
        step("getent", database="services", key="http/tcp"),
        step("getent", database="nonesuch"),
        step("getent", database="shadow", split=":"),
        step("getent", database="passwd", key="root", split="o"),
        step("getent", database="hosts"),
    ],
    "hostname": [
        step("hostname", name="new.example.org", check=True),
        step("hostname", name="new.example.org"),
        step("hostname", name="new.example.org"),
        "mkdir -p /etc/sysconfig; printf 'A=1\\nHOSTNAME=old\\nB=2\\n' > /etc/sysconfig/network",
        step("hostname", name="rh", use="redhat"),
        step("hostname", name="rh", use="redhat"),
        step("hostname", name="s", use="sles"),
        step("hostname", name="x" * 5, use="alpine", check=True),
    ],
    "package_facts": [
        step("package_facts"),
        step("package_facts", manager=["apt"], strategy="all"),
        step("package_facts", manager=["nonesuch"]),
        "dpkg --purge unzip >/dev/null",
        step("package_facts"),
    ],
    "service_facts": [
        step("service_facts"),
    ],
    "setup local": [
        "mkdir -p /etc/ansible/facts.d; cd /etc/ansible/facts.d; echo '{\"a\": [1, 2.5, null]}' > j.fact; "
        "printf '[General]\\nKey = Value\\nother: x y\\n more\\n[s2]\\nk=\\n; c\\n[DEFAULT]\\nd=1\\n' > i.fact; "
        "printf '#!/bin/sh\\necho \"[x]\"; echo y=$(id -u)\\n' > e.fact; chmod +x e.fact; echo 'no' > bad.fact; "
        "printf '#!/bin/sh\\necho oops >&2; exit 3\\n' > f.fact; chmod +x f.fact",
        step("setup", gather_subset=["!all", "!min", "local"]),
        step("setup", gather_subset=["!all", "!min", "local"], fact_path="/none"),
        step("setup", gather_subset=["!all", "!min", "nonesuch"]),
    ],
}
