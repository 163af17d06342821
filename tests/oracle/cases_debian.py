"""Cases for apt_repository, apt_key, debconf, dpkg_divert and dpkg_selections."""
from cases_system import steps

repo = steps("apt_repository", unordered=["diff"])
debconf = steps("debconf")
divert = steps("dpkg_divert", "community.general")
select = steps("dpkg_selections")
LINE = "deb [arch=amd64 signed-by=/x.gpg] https://user:pw@repo.example.org/debian/ bookworm main contrib"

CASES = {
    "apt_repository": [
        "rm -f /etc/apt/sources.list.d/*; printf '# c\\n#deb http://off.example.org/x stable main\\n\\ndeb   http://on.example.org  "
        "stable main  # why\\n' > /etc/apt/sources.list",
        repo(repo=LINE, update_cache=False, check=True),
        repo(repo=LINE, update_cache=False),
        repo(repo=LINE, update_cache=False),
        repo(repo="deb http://off.example.org/x stable main", update_cache=False),
        repo(repo="deb http://on.example.org stable main", update_cache=False),
        repo(repo="deb-src http://on.example.org stable main", update_cache=False, filename="mine", mode="0600"),
        repo(repo="deb-src http://on.example.org stable extra", update_cache=False, filename="mine"),
        repo(repo="deb http://on.example.org stable main", update_cache=False, state="absent", check=True),
        repo(repo="deb http://on.example.org stable main", update_cache=False, state="absent"),
        repo(repo="deb http://on.example.org stable main", update_cache=False, state="absent"),
        repo(repo=LINE, update_cache=False, state="absent"),
        repo(repo="rubbish", update_cache=False),
        repo(repo="# deb http://x y z", update_cache=False),
        repo(repo="", update_cache=False),
        {"files": ["/etc/apt/apt.conf.d"]},
    ],
    "debconf": [
        debconf(name="debconf"),
        debconf(name="debconf", question="debconf/priority", vtype="select", value="high"),
        debconf(name="debconf", question="debconf/priority", vtype="select", value="low", check=True),
        debconf(name="debconf", question="debconf/priority", vtype="select", value="low"),
        debconf(name="debconf", question="debconf/priority", vtype="select", value="low"),
        debconf(name="mine", question="mine/on", vtype="boolean", value="True"),
        debconf(name="mine", question="mine/on", vtype="boolean", value="true"),
        debconf(name="mine", question="mine/text", vtype="string", value="a b: c", unseen=True),
        debconf(name="mine", question="mine/text"),
        debconf(name="mine", question="mine/secret", vtype="password", value="x"),
        {"files": ["/var/cache/debconf"]},
    ],
    "dpkg_divert": [
        "echo v > /usr/bin/tool; echo w > /usr/bin/other",
        divert(path="/usr/bin/tool", check=True),
        divert(path="/usr/bin/tool"),
        divert(path="/usr/bin/tool"),
        divert(path="/usr/bin/tool", holder="bash"),
        divert(path="/usr/bin/tool", divert="/usr/bin/tool.orig", check=True),
        divert(path="/usr/bin/tool", divert="/usr/bin/tool.orig", rename=True),
        divert(path="/usr/bin/tool", state="absent", check=True),
        divert(path="/usr/bin/tool", state="absent", rename=True),
        divert(path="/usr/bin/tool", state="absent"),
        divert(path="/usr/bin/other", rename=True),
        "echo new > /usr/bin/other",
        divert(path="/usr/bin/other", rename=True, state="absent"),
        divert(path="/usr/bin/other", rename=True, state="absent", force=True, check=True),
        divert(path="/usr/bin/other", rename=True, state="absent", force=True),
        "dpkg --version | head -n 1",
    ],
    "dpkg_selections": [
        select(name="bash", selection="hold", check=True),
        select(name="bash", selection="hold"),
        select(name="bash", selection="hold"),
        select(name="bash", selection="install"),
        select(name="nonesuch-package", selection="hold"),
    ],
}
