"""Cases for command, shell, ping and setup's parameters."""


def command(**args):
    raw = args.pop("cmd", None)
    check = args.pop("check", False)
    step = {"module": "command", "args": args, "check": check}
    if raw is not None:
        args["_raw_params"] = raw
    return step


def shell(**args):
    step = command(**args)
    step.update(module="shell", ansible_module="command", ansible_args={"_uses_shell": True})
    return step


CASES = {
    "command": [
        command(cmd="echo hello 'two words' \"three $HOME words\" a\\ b"),
        command(cmd="echo ~ ~root/x ~nobody '~' $UNSET ${HOME}x"),
        command(cmd="sh -c 'echo out; echo err >&2; exit 3'"),
        command(cmd="sh -c 'kill -9 $$'"),
        command(cmd="nonesuch --help 'a b'"),
        command(cmd="/etc/passwd"),
        command(cmd="/etc"),
        command(cmd="true", chdir="/nonesuch"),
        command(cmd="pwd", chdir="/usr/share"),
        command(cmd="   "),
        command(),
        command(argv=["printf", "%s|", "a b", "", "$HOME"]),
        command(cmd="echo", argv=["echo"]),
        command(cmd="printf 'a\\n\\n\\n'"),
        command(cmd="printf 'a\\n\\n\\n'", strip_empty_ends=False),
        command(cmd="cat", stdin="text"),
        command(cmd="cat", stdin="text", stdin_add_newline=False, strip_empty_ends=False),
        command(cmd="touch /root/made", creates="/root/made"),
        command(cmd="touch /root/made", creates="/root/ma*"),
        command(cmd="rm /root/made", removes="/root/made"),
        command(cmd="rm /root/made", removes="/root/ma[cde]e"),
        command(cmd="echo x", check=True),
        command(cmd="echo x", creates="/none", check=True),
        command(cmd="echo x", creates="/etc/passwd", check=True),
        command(cmd="echo x", removes="/none", check=True),
        command(cmd="echo x", executable="/bin/bash"),
        command(cmd="printf '\\303\\251\\342\\202\\254'"),
    ],
    "shell": [
        shell(cmd="echo $0; echo a | tr a b; exit 4"),
        shell(cmd="echo ${BASH_VERSION:+bash}", executable="/bin/bash"),
        shell(cmd="for i in 1 2; do\n  echo $i\ndone"),
        shell(cmd="cat; echo $X", stdin="in"),
        shell(cmd="sleep 30 & echo started"),
        shell(cmd="echo x > f", chdir="/root", creates="f"),
        shell(cmd="echo x > f", chdir="/root", creates="f"),
        shell(cmd="kill -15 $$"),
    ],
    "ping": [
        {"module": "ping", "args": {}},
        {"module": "ping", "args": {"data": "x"}},
    ],
}
