"""Cases that need programs the test hosts lack (pip, dnf, ufw, a database server): run with ANDON_ROOTFS naming a root file
system that has them, by their first word "with"."""
from cases_system import steps

pip = steps("pip", diff=False)
user = steps("mysql_user", "community.mysql", diff=False, ignore=["attributes"])
var = steps("mysql_variables", "community.mysql", diff=False)
ufw = steps("ufw", "community.general", diff=False, ignore=["commands"])
db = steps("mysql_db", "community.mysql", diff=False)
SOCKET = "/run/mysqld/mysqld.sock"

# a package index of two wheels, made by hand
WHEELS = r"""mkdir -p /srv/w; cd /srv/w; python3 - <<'END'
import zipfile
for name, version in (("demo_pkg", "1.0"), ("demo_pkg", "1.2"), ("other", "0.1")):
    with zipfile.ZipFile("%s-%s-py3-none-any.whl" % (name, version), "w") as z:
        z.writestr(name + ".py", "x = 1\n")
        info = "%s-%s.dist-info/" % (name, version)
        z.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name.replace("_", "-"), version))
        z.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(info + "RECORD", "%s.py,,\n%sMETADATA,,\n%sWHEEL,,\n%sRECORD,,\n" % (name, info, info, info))
END
python3 -m venv /srv/v; printf 'demo-pkg==1.0\nother\n' > /srv/req.txt"""
LOCAL = "--no-index --find-links=/srv/w"
V = {"virtualenv": "/srv/v", "extra_args": LOCAL}

RPMS = r"""mkdir -p /srv/r/spec /srv/r/repo /etc/yum.repos.d; cd /srv/r
for nv in tool-1.0 tool-2.0 lib-1.0 base-1.0; do n=${nv%-*} v=${nv#*-}
printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: x\nLicense: x\nBuildArch: noarch\n%s\n%%description\nx\n%%files\n' $n $v \
  "$([ $n = tool ] && echo 'Requires: lib')" > spec/$nv.spec
rpmbuild -bb --define "_rpmdir /srv/r/repo" --define "_topdir /srv/r/b" --quiet spec/$nv.spec; done
createrepo_c -q repo; printf '[local]\nname=Local\nbaseurl=file:///srv/r/repo\ngpgcheck=0\n' > /etc/yum.repos.d/local.repo"""
dnf = steps("dnf", diff=False, ignore=["warnings"], unordered=["results"])

# a MariaDB server without network
START = (
        "mkdir -p /run/mysqld; chown mysql /run/mysqld; (mariadbd-safe --skip-networking >/dev/null 2>&1 &); "
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do mariadb -e 'select 1' >/dev/null 2>&1 && break; sleep 1; done")

CASES = {
    "with pip": [
        WHEELS,
        pip(name="demo-pkg", **V, check=True),
        pip(name="demo-pkg", version="1.0", virtualenv="/srv/v", extra_args=LOCAL, ignore=["stderr"]),
        pip(name="demo-pkg", version="1.0", virtualenv="/srv/v", extra_args=LOCAL, ignore=["stderr"]),
        pip(name="demo_pkg", virtualenv="/srv/v", check=True),
        pip(name="Demo.Pkg", version=">1.0", virtualenv="/srv/v", check=True),
        pip(name=["demo-pkg>=1.0,<2", "other"], virtualenv="/srv/v", check=True),
        pip(name=["demo-pkg>=1.0,<2", "other"], **V, ignore=["stderr"]),
        pip(name="demo-pkg", state="latest", **V, ignore=["stderr"]),
        pip(name="demo-pkg", state="latest", **V, ignore=["stderr"]),
        pip(name="other", state="absent", virtualenv="/srv/v", check=True),
        pip(name="other", state="absent", virtualenv="/srv/v", ignore=["stderr"]),
        pip(name="other", state="absent", virtualenv="/srv/v", ignore=["stderr"]),
        pip(requirements="/srv/req.txt", **V, ignore=["stderr"]),
        pip(requirements="/srv/req.txt", **V, ignore=["stderr"]),
        pip(name="other", virtualenv="/srv/v2", virtualenv_command="python3 -m venv", extra_args=LOCAL,
            ignore=["stderr", "stdout"]),
        pip(name="other", virtualenv="/srv/v3", virtualenv_command="python3 -m venv", check=True),
        pip(name="nonesuch", **V, ignore=["msg"]),
        pip(name=["a", "b"], version="1"),
        pip(name="a==1", version="1"),
        pip(name="a", version="1", state="latest"),
        pip(),
        {"files": ["/srv"]},
    ],
    "with dnf": [
        RPMS,
        dnf(name="tool-1.0", check=True),
        dnf(name="tool-1.0", unordered=["results"]),
        dnf(name="tool"),
        dnf(name="tool", state="latest", check=True),
        dnf(name=["tool", "base"], state="latest", unordered=["results"]),
        dnf(name=["tool", "base"], state="latest"),
        dnf(name="nonesuch"),
        dnf(name="nonesuch", state="absent"),
        dnf(name="tool-1.0"),
        dnf(name="tool-1.0", allow_downgrade=True),
        dnf(name="tool >= 1.0"),
        dnf(name="/srv/r/repo/noarch/tool-2.0-1.noarch.rpm", disable_gpg_check=True),
        dnf(name="base", state="absent", check=True),
        dnf(name="base", state="absent"),
        dnf(name="base", state="absent"),
        dnf(name="lib", state="absent", autoremove=True, unordered=["results"]),
        dnf(list="tool", ignore=["results", "warnings"]),
        dnf(update_cache=True),
        dnf(name="*", state="latest"),
        {"files": ["/"]},
    ],
    "with mysql_db": [
        START,
        db(name="one", login_unix_socket=SOCKET, check=True),
        db(name="one", login_unix_socket=SOCKET, encoding="utf8mb4", collation="utf8mb4_bin"),
        db(name="one", login_unix_socket=SOCKET),
        db(name=["one", "two"], login_unix_socket=SOCKET),
        "mariadb one -e 'create table t (a int); insert into t values (7)'",
        db(name="one", state="dump", target="/tmp/one.sql", login_unix_socket=SOCKET, ignore=["executed_commands"]),
        db(name="one", state="dump", target="/tmp/one.sql.gz", login_unix_socket=SOCKET, ignore=["executed_commands"]),
        db(name="three", state="import", target="/tmp/one.sql", login_unix_socket=SOCKET, ignore=["executed_commands"]),
        db(name="four", state="import", target="/tmp/one.sql.gz", login_unix_socket=SOCKET, ignore=["executed_commands"]),
        db(name="nope", state="dump", target="/tmp/x.sql", login_unix_socket=SOCKET),
        db(name="all", login_unix_socket=SOCKET),
        db(name="two", state="absent", login_unix_socket=SOCKET, check=True),
        db(name="two", state="absent", login_unix_socket=SOCKET),
        db(name="two", state="absent", login_unix_socket=SOCKET),
        db(name="x", state="dump", login_unix_socket=SOCKET),
        db(name="x", login_unix_socket="/nonesuch", ignore=["msg"]),
        "test \"$(mariadb three -Ne 'select a from t')\" = 7; test \"$(mariadb four -Ne 'select a from t')\" = 7; pkill mariadbd; sleep 2",
        {"files": ["/var/lib/mysql"]},
    ],
    "with mysql_user": [
        START,
        "mariadb -e 'create database app; create table app.t (a int, b int)'",
        user(name="bob", password="secret", login_unix_socket=SOCKET, check=True),
        user(name="bob", password="secret", priv="app.*:ALL", login_unix_socket=SOCKET),
        user(name="bob", password="secret", priv="app.*:ALL", login_unix_socket=SOCKET),
        user(name="bob", password="other", priv="app.*:ALL", login_unix_socket=SOCKET, check=True),
        user(name="bob", password="other", priv="app.*:ALL", login_unix_socket=SOCKET),
        user(name="bob", password="third", update_password="on_create", login_unix_socket=SOCKET),
        user(name="bob", priv="app.*:SELECT,INSERT/app.t:UPDATE", login_unix_socket=SOCKET, ignore=["msg", "attributes"]),
        user(name="bob", priv="app.*:SELECT,INSERT/app.t:UPDATE", login_unix_socket=SOCKET, ignore=["msg", "attributes"]),
        user(name="bob", priv={"app.*": "DELETE"}, append_privs=True, login_unix_socket=SOCKET, ignore=["msg", "attributes"]),
        user(name="bob", priv={"app.*": "DELETE"}, append_privs=True, login_unix_socket=SOCKET, ignore=["msg", "attributes"]),
        user(name="bob", priv="app.*:DELETE", subtract_privs=True, login_unix_socket=SOCKET, ignore=["msg", "attributes"]),
        user(name="bob", priv="app.*:SELECT,GRANT", login_unix_socket=SOCKET, ignore=["msg", "attributes"]),
        user(name="bob", priv="app.*:SELECT,GRANT", login_unix_socket=SOCKET, ignore=["msg", "attributes"]),
        user(name="bob", priv="*.*:RELOAD,PROCESS", login_unix_socket=SOCKET, ignore=["msg", "attributes"]),
        user(name="bob", priv="app.t:SELECT(a,b)", login_unix_socket=SOCKET, ignore=["msg", "attributes"]),
        user(name="adm", host="%", password="x", priv="*.*:ALL,GRANT", login_unix_socket=SOCKET),
        user(name="adm", host="%", password="x", priv="*.*:ALL,GRANT", login_unix_socket=SOCKET),
        user(name="adm", host="10.%", password="*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", encrypted=True,
             login_unix_socket=SOCKET),
        user(name="adm", host_all=True, password="y", login_unix_socket=SOCKET),
        user(name="tls", password="p", tls_requires={"SSL": None}, login_unix_socket=SOCKET),
        user(name="lim", password="p", resource_limits={"MAX_QUERIES_PER_HOUR": 10}, login_unix_socket=SOCKET),
        user(name="lim", password="p", resource_limits={"MAX_QUERIES_PER_HOUR": 10}, login_unix_socket=SOCKET),
        user(name="adm", host_all=True, state="absent", login_unix_socket=SOCKET),
        user(name="bob", state="absent", login_unix_socket=SOCKET, check=True),
        user(name="bob", state="absent", login_unix_socket=SOCKET),
        user(name="bob", state="absent", login_unix_socket=SOCKET),
        var(variable="max_connections", login_unix_socket=SOCKET),
        var(variable="max_connections", value="77", login_unix_socket=SOCKET),
        var(variable="max_connections", value="77", login_unix_socket=SOCKET),
        var(variable="nonesuch", value="77", login_unix_socket=SOCKET),
        "pkill mariadbd; sleep 2",
        {"files": ["/var/lib/mysql"]},
    ],
    "with ufw": [
        "sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw",
        ufw(rule="allow", port="22", proto="tcp", check=True),
        ufw(rule="allow", port="22", proto="tcp"),
        ufw(rule="allow", port="22", proto="tcp"),
        ufw(rule="allow", port="22", proto="tcp", check=True),
        ufw(rule="deny", from_ip="10.0.0.0/8", to_port="53", comment="no dns"),
        ufw(rule="limit", port="ssh", proto="tcp", check=True),
        ufw(rule="allow", port="22", proto="tcp", delete=True, check=True),
        ufw(rule="allow", port="22", proto="tcp", delete=True),
        ufw(rule="allow", port="22", proto="tcp", delete=True),
        ufw(rule="allow", interface="eth0", direction="in", port="80", proto="tcp"),
        ufw(rule="allow", route=True, interface_in="eth0", interface_out="eth1"),
        ufw(rule="allow", interface_in="eth0", interface_out="eth1"),
        ufw(default="deny", direction="outgoing", ignore=["changed", "commands"]),
        ufw(default="deny", direction="outgoing"),
        ufw(default="deny", direction="in"),
        ufw(rule="deny", direction="incoming"),
        ufw(logging="high"),
        ufw(logging="high"),
        ufw(logging="off", check=True),
        ufw(state="disabled"),
        ufw(state="disabled", check=True),
        ufw(state="enabled", check=True),
        ufw(rule="allow", port="http", insert=1),
        ufw(),
    ],
}
