#!/usr/bin/python3
"""What ansible-playbook tells of every playbook in run/cases.txt: plays, tasks, results, statistics, exit code.

A case is "=== name" and directives: @file PATH (its lines follow; "hosts" and "site.yml" are used), @args ARGUMENTS.
Output: "=== name" and the lines of run/told.py, which tests/unit/test_run_oracle.c compares with what andon's run room tells.
One host is worked on at a time, so the order is certain. Run by hand where ansible-core is installed:

    tests/oracle/run_oracle.py > tests/oracle/run/expected.txt
    tests/oracle/run_oracle.py NAME..        only these, to look at
"""
import os
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")


def cases(path):
    case = None
    for line in open(path, encoding="utf-8"):
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "===":
            if case:
                yield case
            case = {"name": rest, "files": {}, "args": ""}
        elif word == "@file":
            out = case["files"].setdefault(rest, [])
        elif word == "@args":
            case["args"] = rest
        else:
            out.append(line)
    yield case


def run(case):
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in case["files"].items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write("".join(lines))
        told = os.path.join(folder, "told")
        env = dict(PATH="/usr/bin:/bin", HOME=folder, LC_ALL="C.UTF-8", ANSIBLE_LOCAL_TEMP=folder + "/.tmp", TOLD=told,
                   ANSIBLE_STDOUT_CALLBACK="told", ANSIBLE_CALLBACK_PLUGINS=HERE, ANSIBLE_FORKS="1",
                   ANSIBLE_GATHERING="explicit", ANSIBLE_RETRY_FILES_ENABLED="0")
        done = subprocess.run(["ansible-playbook", "-i", "hosts", "site.yml"] + shlex.split(case["args"]), cwd=folder, env=env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        lines = open(told, encoding="utf-8").read() if os.path.exists(told) else ""
        sys.stdout.write(f"=== {case['name']}\n{lines}exit {done.returncode}\n")
        sys.stdout.flush()
        if not lines:
            sys.stderr.write(f"{case['name']}: {done.stderr}\n")


wanted = sys.argv[1:]
for c in cases(os.path.join(HERE, "cases.txt")):
    if not wanted or c["name"] in wanted:
        run(c)
