"""Cases of docker.py: steps are shell lines ($DIR/work is empty before each case) or calls of a module."""

CASES = {}  # modules.py runs none of these: they need a daemon


def container(check=False, **args):
    changed = args.pop("changed", None)
    base = {"name": "c1", "image": "base:1", "network_mode": "none", "stop_timeout": 1}
    base.update(args)
    step = {"module": "docker_container", "args": {k: v for k, v in base.items() if v is not None}, "check": check}
    return step if changed is None else dict(step, changed=changed)


def twice(check=True, **args):
    """As it would be, as it is, and again without a change."""
    steps = [container(changed=True, **args), container(changed=False, **args)]
    return [container(check=True, **args)] + steps if check else steps


def network(check=False, **args):
    return {"module": "docker_network", "args": dict({"name": "n1"}, **args), "check": check}


def volume(check=False, **args):
    return {"module": "docker_volume", "args": dict({"name": "v1"}, **args), "check": check}


def image(check=False, **args):
    return {"module": "docker_image", "args": args, "check": check}


DOCKER_CASES = {
    "container states": [
        container(check=True, state="absent"), container(state="absent"),
        container(check=True), container(state="present", changed=True), container(state="present", changed=False),
        container(check=True), container(changed=True), container(changed=False),
        container(restart=True, check=True), container(restart=True), container(recreate=True, check=True),
        container(recreate=True), container(paused=True, check=True), container(paused=True), container(paused=True),
        container(paused=False), container(state="stopped", check=True), container(state="stopped"),
        container(state="stopped"), container(force_kill=True, restart=True), container(state="absent", check=True),
        container(state="absent"), container(state="absent"),
    ],
    "container killed": [
        container(), container(state="stopped", force_kill=True, kill_signal="SIGKILL"), container(),
        container(state="absent", force_kill=True, keep_volumes=False),
    ],
    "container without image": [
        container(image=None), container(), container(image=None, env={"A": "1"}), container(image="nothere:1"),
        container(image="base:9"), container(state="present", image=None),
        container(name="c2", image="sha256:" + "0" * 64),
    ],
    "container environment": twice(env={"A": "1", "B": "two words"}) + [
        container(env={"A": "1"}), container(env={"A": "2"}, check=True), container(env={"A": "2"}),
        container(env={"A": 3}),
        "printf '# comment\\nF=file\\nA=file\\n\\nG=a=b\\n' > $DIR/work/env",
        container(env_file="$DIR/work/env", env={"A": "1"}), container(env_file="$DIR/work/env", env={"A": "1"}, changed=False),
        container(env={"A": "1"}, comparisons={"env": "strict"}), container(comparisons={"env": "strict"}),
        container(env={"A": "9"}, comparisons={"env": "ignore"}),
    ],
    "container of a rich image": [
        container(image="rich:1"), container(image="rich:1", changed=False),
        container(image="rich:1", env={"FROM": "me"}), container(image="rich:1", comparisons={"*": "strict"}),
        container(image="rich:1", comparisons={"*": "strict"}, labels={"a": "b"}, env={"X": "y"}),
        container(image="rich:1", comparisons={"*": "strict"}, labels={"a": "b"}, env={"X": "y"}, changed=False),
        container(image="rich:1", labels={"a": "c"}, comparisons={"labels": "strict"}, image_label_mismatch="fail"),
        container(image="rich:1", exposed_ports=["81", "82/udp"], labels={"a": "b"}),
        container(image="rich:1", volumes=["/more"], labels={"a": "b"}, keep_volumes=False),
        container(image="base:1"), container(image="rich:1", comparisons={"image": "ignore"}),
        container(image="rich:1", ignore_image=True), container(image="rich:1", image_comparison="current-image"),
    ],
    "container command": twice(command="sleep 500") + twice(command=["sh", "-c", "sleep 501; true"]) + [
        container(command="sh -c 'sleep 502'", check=True), container(command="sh -c 'sleep 502'"),
        container(command=[]), container(entrypoint=["sleep", "300"], command=[]),
        container(command=["sleep 7", "8"], command_handling="compatibility", check=True),
    ],
    "container run to its end": [
        container(detach=False, command="sh -c 'echo out; sleep 0.3; echo err >&2; exit 0'"),
        container(detach=False, command="sh -c 'echo out; exit 3'"),
        container(detach=False, command="echo gone", cleanup=True), container(state="absent"),
        container(detach=False, command="echo tty", tty=True), container(detach=True, state="absent"),
        container(detach=False, command="echo auto", auto_remove=True),
    ],
    "container limits": twice(memory="64M", memory_reservation="32M", cpu_shares=512, cpus=0.5, pids_limit=50) + [
        container(memory="96M", memory_swap="192M"),
        container(memory="96M", memory_swap="192M", changed=False), container(memory="lots"),
        container(restart_policy="on-failure", restart_retries=3), container(restart_policy="on-failure", restart_retries=3),
        container(restart_policy="always"), container(restart_policy="unless-stopped", changed=True),
        container(restart_policy="unless-stopped", changed=False), container(cpuset_cpus="0", cpu_shares=600),
    ],
    "container security": twice(
        capabilities=["NET_ADMIN"], cap_drop=["MKNOD"], read_only=True, user="1000:1000", groups=["5"], hostname="box",
        domainname="example.org", working_dir="/bin", security_opts=["no-new-privileges"], shm_size="32M",
        sysctls={"net.ipv4.ip_forward": "0"}, oom_score_adj=100, init=None, stop_signal="SIGUSR1",
        ulimits=["nofile:100:200", "nproc:50"], tmpfs=["/run", "/scratch:size=1m"]) + [
        container(privileged=True), container(ulimits=["nofile:100:300"]),
    ],
    "container names": twice(dns_servers=["192.0.2.1", "192.0.2.2"], dns_opts=["ndots:2"], dns_search_domains=["a.org"],
                             etc_hosts={"web": "192.0.2.7", "db": "192.0.2.8"}, labels={"a": "1", "b": "x"}) + [
        container(dns_servers=["192.0.2.2", "192.0.2.1"]), container(labels={"a": "1"}, check=True),
        container(labels={"a": "2"}), container(comparisons={"dns_servers": "allow_more_present"}, dns_servers=["192.0.2.1"]),
    ],
    "container health": twice(healthcheck={"test": "true", "interval": "1m30s", "timeout": "10s", "retries": 2}) + [
        container(healthcheck={"test": ["CMD", "true"], "start_period": "1h2m3s4ms"}),
        container(healthcheck={"test": ["NONE"]}), container(healthcheck={"test": ["NONE"]}, changed=False),
    ],
    "container logs": twice(log_driver="json-file", log_options={"max-size": "1m", "max-file": "3"}) + [
        container(log_driver="none"), container(log_options={"max-size": "1m"}),
    ],
    "container volumes": ["mkdir -p $DIR/work/a $DIR/work/b"] + twice(
        volumes=["$DIR/work/a:/a:ro", "$DIR/work/b:/b", "named:/n:z", "/anonymous"]) + [
        container(volumes=["$DIR/work/a:/a:ro"], changed=False), container(volumes=["$DIR/work/a:/a"], check=True),
        container(volumes=["$DIR/work/a:/a"]), container(volumes=[], comparisons={"volumes": "strict"}),
        container(volumes_from=["c1"], name="c2"),
    ],
    "container mounts": ["mkdir -p $DIR/work/a"] + twice(mounts=[
        {"type": "bind", "source": "$DIR/work/a", "target": "/a", "read_only": True, "propagation": "rprivate"},
        {"source": "vol", "target": "/v", "labels": {"l": "1"}, "no_copy": True},
        {"type": "tmpfs", "target": "/t", "tmpfs_size": "1M", "tmpfs_mode": "1770"}]) + [
        container(mounts=[{"type": "bind", "target": "/x"}]),
        container(mounts=[{"type": "bind", "source": "$DIR/work/a", "target": "/x", "tmpfs_size": "1"}]),
        container(mounts=[{"source": "v", "target": "/x"}], volumes=["w:/x"]),
        container(mounts=[{"type": "tmpfs", "target": "/x", "tmpfs_mode": "rwx"}]),
    ],
    "container networks": [
        network(), network(name="n2", ipam_config=[{"subnet": "10.99.0.0/24", "gateway": "10.99.0.1"}]),
    ] + [dict(s, ignore=["container"]) for s in twice(network_mode=None, networks=[{"name": "n1"}])] + [
        container(network_mode=None, networks=[{"name": "n1"}, {"name": "n2", "ipv4_address": "10.99.0.20", "aliases": ["web"]}],
                  check=True),
        container(network_mode=None, networks=[{"name": "n1"}, {"name": "n2", "ipv4_address": "10.99.0.20", "aliases": ["web"]}]),
        container(network_mode=None, networks=[{"name": "n1"}, {"name": "n2", "ipv4_address": "10.99.0.20", "aliases": ["web"]}],
                  changed=False),
        container(network_mode=None, networks=[{"name": "n1"}, {"name": "n2", "ipv4_address": "10.99.0.21"}]),
        container(network_mode=None, networks=[{"name": "n1"}], comparisons={"networks": "strict"}),
        container(network_mode=None, networks=[{"name": "n1"}], comparisons={"networks": "strict"}, changed=False),
        container(network_mode=None, networks=[{"name": "nowhere"}]),
        container(name="c2", network_mode="container:c1"), container(name="c2", network_mode="container:c1", changed=False),
        container(name="c3", network_mode=None, networks=[{"name": "n2"}], networks_cli_compatible=False),
    ],
    "container ports": [network()] + [
        dict(s, ignore=["container"]) for s in twice(network_mode="n1", published_ports=[
            "8080:80", "127.0.0.1:8081:81/udp", "82", "9000-9001:90-91", "127.0.0.1::83", "[::1]:8084:84"])] + [
        container(network_mode="n1", ports=["8080:80"], default_host_ip="127.0.0.1"),
        container(network_mode="n1", ports=["8080:80"], default_host_ip=""),
        container(network_mode="n1", ports=["host:80:80"]), container(network_mode="n1", ports=["all"]),
        container(network_mode="n1", ports=["1:2:3:4"]), container(network_mode="n1", ports=["x"]),
        container(network_mode="n1", ports=["9-7"]), container(network_mode="n1", exposed_ports=["7000-7002", "90/udp"]),
        container(network_mode="n1", ports=["8080:80"], default_host_ip="nonsense"),
        dict(container(network_mode="n1", exposed_ports=["90"], publish_all_ports=True), ignore=["container"]),
    ],
    "container comparisons": [
        container(comparisons={"nonsense": "strict"}), container(comparisons={"*": "allow_more_present"}),
        container(comparisons={"user": "allow_more_present"}), container(comparisons={"env": "sometimes"}),
        container(comparisons={"expose": "strict", "ports": "strict"}), container(comparisons={"name": "strict"}),
        container(user="1", comparisons={"user": "ignore", "*": "strict"}),
        container(user="2", comparisons={"user": "ignore", "*": "strict"}),
        container(user="2", comparisons={"*": "ignore"}), container(user="2"),
    ],
    "container defaults of old": [
        container(container_default_behavior="compatibility"),
        container(container_default_behavior="compatibility", changed=False), container(changed=False),
        container(container_default_behavior="compatibility", tty=True, interactive=True),
    ],
    "container debug": [container(debug=True), container(debug=True, env={"A": "1"}), container(debug=True, state="absent")],
    "network": [
        network(check=True), network(), network(), network(driver_options={"com.docker.network.bridge.name": "brx"}, check=True),
        network(driver_options={"com.docker.network.bridge.name": "brx"}),
        network(driver_options={"com.docker.network.bridge.name": "brx"}), network(internal=True, labels={"a": "1"}),
        network(internal=True, labels={"a": "1"}),
        dict(network(ipam_config=[{"subnet": "10.98.0.0/24", "gateway": "10.98.0.254", "iprange": "10.98.0.0/25",
                                   "aux_addresses": {"host": "10.98.0.9"}}]), ignore=["diff"]),
        network(ipam_config=[{"subnet": "10.98.0.0/24", "gateway": "10.98.0.254", "iprange": "10.98.0.0/25",
                              "aux_addresses": {"host": "10.98.0.9"}}]),
        dict(network(ipam_config=[{"subnet": "10.97.0.0/24"}]), ignore=["diff"]), network(ipam_config=[{"subnet": "nonsense"}]),
        network(attachable=True, scope="local", enable_ipv6=False), network(force=True), network(state="absent", check=True),
        network(state="absent"), network(state="absent"), network(driver="nosuch"),
    ],
    "network with containers": [
        "docker run -d --name c1 --network none base:1; docker run -d --name c2 --network host base:1 || true",
        network(name="n0"), "docker run -d --name c3 --network n0 base:1; docker run -d --name c4 --network n0 base:1",
        network(connected=["c3"], check=True), network(connected=["c3"]), network(connected=["c3"]),
        network(connected=["c4"], appends=True), network(), network(connected=["c4"]), network(internal=True, connected=["c4"]),
        network(connected=["missing"]), network(state="absent", check=True), network(state="absent"),
    ],
    "volume": [
        volume(check=True), volume(), volume(), volume(name="v2", labels={"a": "1"}), volume(name="v2", labels={"a": "1"}),
        volume(name="v2", labels={"a": "2"}), volume(name="v2", labels={"a": "2"}, recreate="options-changed"), volume(recreate="always", check=True), volume(recreate="always"),
        volume(driver_options={"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}, recreate="options-changed"),
        volume(driver_options={"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}), volume(state="absent", check=True),
        volume(state="absent"), volume(state="absent"), volume(driver="nosuch"),
    ],
    "image": [
        image(name="base:1", source="local"), image(name="nothere", source="local"), image(name="base", source="local"),
        image(name="base", tag="1", source="local", repository="copy:2", check=True),
        image(name="base:1", source="local", repository="copy:2"), image(name="base:1", source="local", repository="copy:2"),
        image(name="rich:1", source="local", repository="copy:2"),
        image(name="rich:1", source="local", repository="copy:2", force_tag=True),
        image(name="copy:2", source="local", archive_path="$DIR/work/copy.tar", check=True),
        image(name="copy:2", source="local", archive_path="$DIR/work/copy.tar"),
        image(name="copy:2", source="local", archive_path="$DIR/work/copy.tar"),
        image(name="base:1", source="local", archive_path="$DIR/work/copy.tar"),
        "echo nonsense > $DIR/work/bad.tar",
        image(name="base:1", source="local", archive_path="$DIR/work/bad.tar"),
        image(name="copy:2", state="absent", check=True), image(name="copy:2", state="absent"), image(name="copy:2", state="absent"),
        image(name="copy:2", source="load", load_path="$DIR/work/copy.tar"),
        image(name="base:1", source="load", load_path="$DIR/work/copy.tar", force_source=True),
        "docker save -o $DIR/work/two.tar base:1 rich:1; docker save -o $DIR/work/id.tar $(docker images -q --no-trunc base:1)",
        image(name="base:1", source="load", load_path="$DIR/work/two.tar", force_source=True),
        dict(image(name="x:1", source="load", load_path="$DIR/work/two.tar"), ignore=["stdout"]),  # in any order
        image(name="x:1", source="load", load_path="$DIR/work/id.tar"),
        image(name="x:1", source="load", load_path="$DIR/work/none.tar"),
        image(name="sha256:" + "1" * 64, source="pull"), image(name="base:bad tag", source="local"),
    ],
    "image built": [
        "mkdir -p $DIR/work/b/keep $DIR/work/b/drop; cd $DIR/work/b; echo 1 > keep/file; echo 2 > drop/file; echo 3 > drop/wanted; "
        "printf 'FROM base:1\\nARG WHO=nobody\\nCOPY . /ctx\\nRUN echo $WHO > /who\\nLABEL built=yes\\n' > Dockerfile; "
        "printf 'drop\\n!drop/wanted\\n**/*.tmp\\n# no\\n' > .dockerignore; touch keep/x.tmp; printf 'FROM base:1\\nLABEL other=1\\n' > Other",
        dict(image(name="made:1", source="build", build={"path": "$DIR/work/b", "network": "none", "args": {"WHO": "me"}}, check=True)),
        dict(image(name="made:1", source="build", build={"path": "$DIR/work/b", "network": "none", "args": {"WHO": "me"}}),
             ignore=["stdout"]),
        image(name="made:1", source="build", build={"path": "$DIR/work/b", "network": "none"}),
        {"module": "docker_container", "args": {"name": "t", "image": "made:1", "network_mode": "none", "detach": False,
         "command": "sh -c 'cat /who /ctx/drop/wanted /ctx/keep/file; echo /ctx/* /ctx/drop/* /ctx/keep/*'"}},
        dict(image(name="other:1", source="build", build={"path": "$DIR/work/b", "dockerfile": "Other"}), ignore=["stdout"]),
        dict(image(name="bad:1", source="build", build={"path": "$DIR/work/b", "dockerfile": "Nowhere"}), ignore=["msg"]),
        "printf 'FROM base:1\\nRUN false\\n' > $DIR/work/b/Dockerfile",
        dict(image(name="bad:1", source="build", build={"path": "$DIR/work/b", "network": "none"}), ignore=["msg", "stdout"]),
    ],
    "login state": [
        "mkdir -p $DIR/home/.docker; echo '{\"auths\": {\"r.example.org\": {\"auth\": \"dTpw\"}}, \"other\": 1}' > $DIR/home/.docker/config.json",
        {"module": "docker_login", "args": {"registry_url": "r.example.org", "state": "absent"}, "check": True},
        {"module": "docker_login", "args": {"registry_url": "r.example.org", "username": "u", "password": "p"}},
        {"module": "docker_login", "args": {"registry_url": "r.example.org", "state": "absent"}},
        {"module": "docker_login", "args": {"registry_url": "r.example.org", "state": "absent"}},
        {"module": "docker_login", "args": {"registry_url": "127.0.0.1:1", "username": "u", "password": "p"}, "ignore": ["msg"]},
        {"module": "docker_login", "args": {"registry_url": "r.example.org"}},
    ],
}
