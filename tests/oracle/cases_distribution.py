"""Facts of the distribution, with the release files of several put in place of the host's."""
import base64
import os

FIXTURES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fixtures", "os")
CLEAN = "cd /etc; rm -f os-release debian_version lsb-release *-release; rm -f /usr/lib/os-release /usr/bin/lsb_release"


def install(name):
    lines = [CLEAN]
    folder = os.path.join(FIXTURES, name, "etc")
    for entry in sorted(os.listdir(folder)):
        path = os.path.join(folder, entry)
        if os.path.islink(path):
            lines.append("ln -s %s /etc/%s" % (os.readlink(path), entry))
        else:
            with open(path, "rb") as f:
                lines.append("echo %s | base64 -d > /etc/%s" % (base64.b64encode(f.read()).decode(), entry))
    return "; ".join(lines)


CASES = {"distribution " + name: [
    install(name),
    {"module": "setup", "args": {"gather_subset": ["!all", "!min", "distribution", "pkg_mgr", "lsb"]}},
] for name in sorted(os.listdir(FIXTURES))}
