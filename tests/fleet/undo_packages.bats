#!/usr/bin/env bats
# Undo of what needs packages that hosts of the fleet do not have. Where ANDON_UNDO_PACKAGES names a folder made by
#   VARIANT=python tests/differential/role-packages FOLDER mariadb-server python3-pip python3-venv locales ufw iptables dnf \
#       createrepo-c rpm gnupg firewalld kmod npm
# Of these packages some may be left out, and so are then the tests that need them. Each test ends with the host as it began: its whole tree, its packages, and what the tools say.
# shellcheck disable=SC2016  # what is quoted so is for the host

load users

setup_file() {
    [ -d "${ANDON_UNDO_PACKAGES:-}" ] || return 0
    fleet_up undopkg 1
    tar -C "$ANDON_UNDO_PACKAGES" --exclude=partial -cf - . | host sh -c 'mkdir /var/lib/more && tar -C /var/lib/more -xf - &&
        echo "deb [trusted=yes] file:/var/lib/more ./" >/etc/apt/sources.list.d/more.list && apt-get -qq -o APT::Sandbox::User=root update &&
        for p in mariadb-server python3-pip python3-venv locales ufw iptables dnf createrepo-c rpm gnupg firewalld kmod npm; do
            ls /var/lib/more/${p}_* >/dev/null 2>&1 && set -- "$@" $p
        done
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >/tmp/apt.log 2>&1' || { host tail /tmp/apt.log; return 1; }
    prepare
}

teardown_file() { [ -z "${FLEET:-}" ] || "$FLEET" down; }

setup() {
    [ -d "${ANDON_UNDO_PACKAGES:-}" ] || skip "ANDON_UNDO_PACKAGES is not set"
    in_folder
    hosts_of root
}

teardown() { [ -z "${FLEET:-}" ] || close_connections; }

# prepare: small packages for pip, dnf and npm, and a server that runs.
prepare() {
    host sh -c 'set -e
        command -v pip >/dev/null || exit 0
        for v in 1 2; do
            mkdir -p /srv/py/$v && cd /srv/py/$v
            printf "from setuptools import setup\nsetup(name=\"probe\", version=\"$v.0\", py_modules=[\"probe\"], scripts=[\"probe-tool\"])\n" >setup.py
            echo "v = $v" >probe.py; printf "#!/bin/sh\necho $v\n" >probe-tool
            python3 setup.py -q bdist_wheel -d /srv/wheels >/dev/null 2>&1
        done
        rm -rf /srv/py'
    host sh -c 'set -e
        command -v dnf >/dev/null || exit 0
        mkdir -p /srv/rpms /etc/yum.repos.d
        for v in 1 2; do
            printf "Name: probe\nVersion: $v\nRelease: 1\nSummary: probe\nLicense: none\nBuildArch: noarch\n%%description\nprobe\n%%install\nmkdir -p %%{buildroot}/opt/probe\necho $v >%%{buildroot}/opt/probe/version\n%%files\n/opt/probe\n" >/tmp/probe.spec
            rpmbuild -bb --quiet --define "_rpmdir /srv/rpms" /tmp/probe.spec >/tmp/rpm.log 2>&1
        done
        createrepo_c -q /srv/rpms
        printf "[local]\nname=local\nbaseurl=file:///srv/rpms\ngpgcheck=0\n" >/etc/yum.repos.d/local.repo
        rm -rf /root/rpmbuild'
    host sh -c 'set -e
        command -v npm >/dev/null || exit 0
        for v in 1 2; do
            mkdir -p /srv/js/$v && cd /srv/js/$v
            printf "{\"name\": \"probe\", \"version\": \"$v.0.0\", \"bin\": {\"probe-js\": \"probe.js\"}}\n" >package.json
            printf "#!/usr/bin/env node\nconsole.log($v)\n" >probe.js
            npm_config_cache=/tmp/npm npm pack --silent --pack-destination /srv/js >/dev/null
            rm -r /srv/js/$v
        done'
    host sh -c '! command -v mariadbd >/dev/null || pidof mariadbd >/dev/null || service mariadb start >/dev/null 2>&1'
}

# needs TOOL: the packages of the folder have it.
needs() { host sh -c "command -v $1" >/dev/null || skip "there is no $1"; }

look() {
    host sh <"$BATS_TEST_DIRNAME/lib/look" | grep -v -e ' /var/lib/mysql' -e '^/var/lib/mysql' -e /var/lib/dnf -e /var/lib/rpm -e /var/lib/PackageKit \
        -e /root/.rpmdb -e /root/.gnupg # what rpm and gpg note for themselves
    host sh -c 'python3 -m pip list --format=freeze 2>/dev/null; [ ! -e /srv/env ] || /srv/env/bin/pip list --format=freeze 2>/dev/null
        locale -a; ufw status verbose
        # tables and chains that are empty come with the first look, and ufw leaves its own when it is off
        iptables-save | grep -e ^-A -e "^:[A-Z]* D" | grep -v -e "-j ufw"; ip6tables-save | grep -e ^-A -e "^:[A-Z]* D" | grep -v -e "-j ufw"
        rpm -qa | sort; cat /proc/modules 2>/dev/null; find /usr/local/lib/node_modules -type f -exec sha256sum {} + | sort
        mysql -e "SHOW DATABASES; SELECT user, host FROM mysql.user ORDER BY 1, 2; SHOW GLOBAL VARIABLES LIKE \"max_connections\""
        mysql -N -e "SELECT CONCAT(QUOTE(user), \"@\", QUOTE(host)) FROM mysql.user WHERE user NOT LIKE \"mariadb.sys\" ORDER BY 1" |
            while read -r u; do mysql -e "SHOW CREATE USER $u; SHOW GRANTS FOR $u"; done' 2>/dev/null # some tools may not be there
}

play() {
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n' >p.yml
    printf '    - %s\n' "$@" >>p.yml
}

# there_and_back TASK..: they change the host, and the undo takes all of it back; then twice more.
there_and_back() {
    look >before
    play "$@"
    run andon run -i hosts p.yml
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    look >between
    if diff -q before between; then return 1; fi
    run andon undo -i hosts last
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    look >after
    diff before after
}

@test "pip: what is new goes, other versions come back, an environment goes whole" {
    needs pip
    pip='extra_args: "--no-index --find-links /srv/wheels --break-system-packages"'
    there_and_back "{name: install, pip: {name: probe==2.0, $pip}}"
    host sh -c 'python3 -m pip install -q --break-system-packages --no-index --find-links /srv/wheels probe==1.0 2>/dev/null'
    there_and_back "{name: upgrade, pip: {name: probe, state: latest, $pip}}"
    there_and_back "{name: remove, pip: {name: probe, state: absent, extra_args: --break-system-packages}}" || {
        # without an index nothing can bring it back: refused, and nothing touched
        has "pip install probe==1.0 would fail"
        host sh -c 'python3 -m pip install -q --break-system-packages --no-index --find-links /srv/wheels probe==1.0 2>/dev/null'
    }
    there_and_back '{name: env, pip: {name: probe, virtualenv: /srv/env, virtualenv_command: python3 -m venv, extra_args: --no-index --find-links /srv/wheels}}' \
        '{name: other, pip: {name: probe==1.0, virtualenv: /srv/env, extra_args: --no-index --find-links /srv/wheels}}'
}

@test "locales follow their list" {
    needs locale-gen
    there_and_back '{name: german, community.general.locale_gen: {name: de_DE.UTF-8, state: present}}'
}

@test "iptables: rules, chains and policies" {
    needs iptables
    host sh -c 'iptables -A INPUT -p tcp --dport 25 -j DROP; iptables -N own; iptables -A own -j RETURN'
    there_and_back '{name: rule, iptables: {chain: INPUT, protocol: tcp, destination_port: "80", jump: ACCEPT, action: insert}}' \
        '{name: policy, iptables: {chain: FORWARD, policy: DROP}}' '{name: flush, iptables: {chain: own, flush: true}}' \
        '{name: nat, iptables: {table: nat, chain: POSTROUTING, out_interface: eth0, jump: MASQUERADE}}' \
        '{name: six, iptables: {chain: INPUT, protocol: tcp, destination_port: "80", jump: ACCEPT, ip_version: ipv6}}'
    play '{name: rule, iptables: {chain: INPUT, protocol: tcp, destination_port: "80", jump: ACCEPT}}'
    run andon run -i hosts p.yml
    host iptables -A INPUT -p tcp --dport 99 -j DROP
    run andon undo -i hosts last
    [ "$status" -eq 2 ]
    has "the rules of iptables filter were changed since"
    host iptables -F
    host iptables -X
}

@test "ufw: rules, defaults, logging, on and off" {
    needs ufw
    there_and_back '{name: rule, community.general.ufw: {rule: allow, port: "22", proto: tcp}}' \
        '{name: default, community.general.ufw: {default: deny, direction: incoming}}' '{name: on, community.general.ufw: {state: enabled}}' \
        '{name: logging, community.general.ufw: {logging: high}}'
    host sh -c 'ufw allow 22/tcp >/dev/null; ufw allow 25/tcp >/dev/null; ufw --force enable >/dev/null'
    there_and_back '{name: rule, community.general.ufw: {rule: deny, port: "99", proto: tcp}}' \
        '{name: gone, community.general.ufw: {rule: allow, port: "25", proto: tcp, delete: true}}'
    there_and_back '{name: off, community.general.ufw: {state: disabled}}'
    host ufw --force disable
}

@test "mysql: accounts with their grants, databases that are empty, variables" {
    needs mysql
    host mysql -e "CREATE USER old@localhost IDENTIFIED BY 'x'; GRANT SELECT ON mysql.* TO old@localhost WITH GRANT OPTION; CREATE USER gone@'%'; GRANT ALL ON test.* TO gone@'%'"
    there_and_back '{name: db, community.mysql.mysql_db: {name: shop, login_unix_socket: /run/mysqld/mysqld.sock}}' \
        '{name: new, community.mysql.mysql_user: {name: new, password: SECRET-WORD, priv: "shop.*:ALL", login_unix_socket: /run/mysqld/mysqld.sock}}' \
        '{name: old, community.mysql.mysql_user: {name: old, password: other, priv: "shop.*:SELECT,INSERT", login_unix_socket: /run/mysqld/mysqld.sock}}' \
        '{name: gone, community.mysql.mysql_user: {name: gone, host: "%", state: absent, login_unix_socket: /run/mysqld/mysqld.sock}}' \
        '{name: variable, community.mysql.mysql_variables: {variable: max_connections, value: "77", login_unix_socket: /run/mysqld/mysqld.sock}}'
    play '{name: db, community.mysql.mysql_db: {name: shop, login_unix_socket: /run/mysqld/mysqld.sock}}'
    run andon run -i hosts p.yml
    host mysql -e 'CREATE TABLE shop.orders (id INT)'
    run andon undo -i hosts last
    [ "$status" -eq 2 ]
    has "login_unix_socket=/run/mysqld/mysqld.sock) would go with 1 table in it"
    play '{name: drop, community.mysql.mysql_db: {name: shop, state: absent, login_unix_socket: /run/mysqld/mysqld.sock}}'
    run andon plan -i hosts p.yml
    has "cannot be undone because a dropped database does not come back"
    run andon run -i hosts p.yml
    run andon undo -i hosts last
    [ "$status" -eq 6 ]
    has "drop: mysql_db: a dropped database does not come back"
}

@test "dnf: what drift says of its packages" {
    needs dnf
    local home=$ANDON_HOME
    cat >site.yml <<'Y'
- {hosts: all, gather_facts: false, tasks: [{dnf: {name: probe-1}}]}
Y
    host sh -c 'rpm -e probe 2>/dev/null; true'
    export ANDON_HOME=$BATS_TEST_TMPDIR/drift
    andon run -i hosts site.yml
    run andon drift -i hosts
    echo "$output"
    [ "$status" = 0 ]
    [[ $output == *"1 of 1 hosts as andon left them (1 thing"* ]]
    host sh -c 'dnf -q -y install probe >/dev/null 2>&1; dnf -q -y upgrade probe >/dev/null 2>&1'
    run andon drift -i hosts
    echo "$output"
    [ "$status" = 2 ]
    [[ $output == *"probe: 2-1.noarch, was 1-1.noarch"*"changed 20"* ]]
    sed -i 's/name: probe-1/name: probe, state: latest/' site.yml
    andon run -i hosts site.yml # nothing to do: it is still not what a run put there
    run andon drift -i hosts
    [ "$status" = 2 ]
    host rpm -e probe
    run andon drift -i hosts
    [[ $output == *"probe: not installed, was 1-1.noarch"* ]]
    andon run -i hosts site.yml
    sed -i 's/state: latest/state: absent/' site.yml
    andon run -i hosts site.yml
    run andon drift -i hosts
    [ "$status" = 0 ]
    host sh -c 'dnf -q -y install probe-1 >/dev/null 2>&1'
    run andon drift -i hosts
    [ "$status" = 2 ]
    [[ $output == *"probe: 1-1.noarch, was not installed"* ]]
    # an upgrade is told as what it put there
    sed -i 's/state: absent/state: latest/' site.yml
    andon run -i hosts site.yml
    run andon drift -i hosts
    [ "$status" = 0 ]
    run andon who h1 probe
    [[ $output == *"installed 2-1.noarch"* ]]
    host rpm -e probe
    ANDON_HOME=$home
}

@test "dnf: versions back and forth" {
    needs dnf
    there_and_back '{name: install, dnf: {name: probe-1}}'
    host sh -c 'dnf -q -y install probe-1 >/dev/null 2>&1'
    there_and_back '{name: upgrade, dnf: {name: probe, state: latest}}'
    there_and_back '{name: remove, dnf: {name: probe, state: absent}}'
    host sh -c 'rpm -e probe && mv /etc/yum.repos.d/local.repo /srv/'
    there_and_back '{name: repository, yum_repository: {name: extra, description: Extra, baseurl: "file:///srv/rpms", gpgcheck: false}}' \
        '{name: install, yum: {name: probe-1}}' '{name: upgrade, yum: {name: probe, state: latest}}'
    host mv /srv/local.repo /etc/yum.repos.d/
}

@test "npm: the folder of an application, and what is for the host" {
    needs npm
    local own='environment: {npm_config_cache: /tmp/npm, npm_config_update_notifier: "false"}'
    host sh -c 'mkdir /srv/app && echo "{\"name\": \"app\", \"version\": \"1.0.0\", \"dependencies\": {\"probe\": \"file:../js/probe-1.0.0.tgz\"}}" >/srv/app/package.json'
    there_and_back "{name: all, npm: {path: /srv/app}, $own}" "{name: other, npm: {path: /srv/new/app, name: /srv/js/probe-2.0.0.tgz}, $own}"
    run ! host test -e /srv/new
    host sh -c 'cd /srv/app && npm_config_cache=/tmp/npm npm install --silent'
    there_and_back "{name: upgrade, npm: {path: /srv/app, name: /srv/js/probe-2.0.0.tgz}, $own}"
    [ "$(host /srv/app/node_modules/.bin/probe-js)" = 1 ]
    there_and_back "{name: remove, npm: {path: /srv/app, name: probe, state: absent}, $own}"
    there_and_back "{name: host, npm: {name: /srv/js/probe-1.0.0.tgz, global: true}, $own}"
    host sh -c 'npm_config_cache=/tmp/npm npm install --silent --global /srv/js/probe-1.0.0.tgz'
    there_and_back "{name: newer, npm: {name: /srv/js/probe-2.0.0.tgz, global: true}, $own}"
    [ "$(host probe-js)" = 1 ]
    there_and_back "{name: gone, npm: {name: probe, state: absent, global: true}, $own}"
}

@test "firewalld's files, keys of apt" {
    needs firewall-offline-cmd
    host sh -c 'cd /tmp && HOME=/tmp gpg --batch --quiet --passphrase "" --quick-generate-key probe@example.org rsa2048 sign never 2>/dev/null && HOME=/tmp gpg --armor --export >/srv/key.asc'
    there_and_back '{name: port, ansible.posix.firewalld: {port: 8080/tcp, zone: public, permanent: true, state: enabled}}' \
        '{name: zone, ansible.posix.firewalld: {zone: own, permanent: true, state: present}}'
    there_and_back '{name: key, apt_key: {file: /srv/key.asc}}'
}

@test "modules of the kernel, by a modprobe that only pretends" {
    host sh -c 'printf "#!/bin/sh\n[ \"\$1\" = -r ] && { sed -i \"/^\$2 /d\" /srv/modules; exit; }\necho \"\$1 1 0 - Live 0x0\" >>/srv/modules\n" >/usr/local/sbin/modprobe
        chmod +x /usr/local/sbin/modprobe; echo "there 1 0 - Live 0x0" >/srv/modules; touch /srv/proc; mount --bind /srv/modules /proc/modules 2>/dev/null || exit 9' ||
        skip "no /proc/modules here"
    there_and_back '{name: load, community.general.modprobe: {name: probe, persistent: present}}' \
        '{name: unload, community.general.modprobe: {name: there, state: absent}}'
}
