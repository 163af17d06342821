"""Cases for wait_for; the hosts have a network of their own, with nothing but loopback."""


def wait(**args):
    return {"module": "wait_for", "args": args, "ignore": ["elapsed"] if args.pop("loose", False) else []}


LISTEN = "(python3 -c 'import socket,time; s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); " \
         "s.bind((\"127.0.0.1\", 4000)); s.listen(9)\nwhile True:\n c=s.accept()[0]; c.send(b\"SSH-2.0-x y\\n\"); " \
         "time.sleep(0.2); c.close()' >/dev/null 2>&1 &) ; sleep 0.5"

CASES = {
    "wait_for": [
        "printf 'first line\\nstarted in 42 s\\n' > /root/log",
        wait(path="/etc/passwd"),
        wait(path="/root/log", search_regex="^started in (\\d+) (?P<unit>\\w)"),
        wait(path="/root/log", search_regex="(x)?first"),
        wait(path="/root/log", search_regex="nothing", timeout=1, loose=True),
        wait(path="/root/log", search_regex="*x"),
        wait(path="/none", timeout=1, loose=True),
        wait(path="/none", timeout=1, msg="own message", loose=True),
        wait(path="/none", state="absent"),
        wait(path="/root/log", state="absent", timeout=1, loose=True),
        wait(path="/root/log/x", timeout=1),
        wait(port=4000, state="stopped"),
        wait(port=4000, timeout=1, loose=True),
        LISTEN,
        wait(port=4000),
        wait(port=4000, search_regex="SSH-(\\d)", loose=True),
        wait(port=4000, state="stopped", timeout=1, loose=True),
        wait(port=4001, state="drained", host="127.0.0.1"),
        wait(port=4000, state="drained", active_connection_states=["SYN_SENT"]),
        wait(port=4000, state="drained", active_connection_states=["BOGUS"]),
        wait(port=1, path="/x"),
        wait(path="/x", state="drained"),
        wait(path="/x", state="stopped"),
        wait(port=1, exclude_hosts=["a"]),
        wait(timeout=1),
        wait(path="/root/log", state="bogus"),
        {"files": ["/root/.cache"]},
    ],
}
