#!/usr/bin/python3
"""What ansible-inventory --list and host patterns give for every inventory of inventory/cases.txt.

A case is "=== name" and directives: @file PATH (its lines follow), @exec PATH (the same, executable), @source S (one or more;
default: hosts), @env NAME=VALUE, @playbook FOLDER, @match PATTERN | LIMIT | ORDER (the last two optional).
Output: "name<TAB>list<TAB>JSON" and "name<TAB>match<TAB>pattern<TAB>hosts" lines, which tests/unit/test_inventory_oracle.c
compares with ours. Run by hand where ansible-core is installed:

    tests/oracle/inventory_oracle.py > tests/oracle/inventory/expected.txt
"""
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def cases(path):
    case, out = None, None
    for line in open(path, encoding="utf-8"):
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "===":
            if case:
                yield case
            case = {"name": rest, "files": {}, "exec": [], "source": [], "env": {}, "playbook": None, "match": []}
            out = None
        elif word in ("@file", "@exec"):
            out = case["files"].setdefault(rest, [])
            if word == "@exec":
                case["exec"].append(rest)
        elif word == "@env":
            case["env"].update([rest.split("=", 1)])
        elif word in ("@source", "@match"):
            case[word[1:]].append(rest)
        elif word == "@playbook":
            case["playbook"] = rest
        else:
            out.append(line)
    yield case


def worker(case):
    """Runs in a process of its own inside the case's folder."""
    sys.argv[0] = "ansible-inventory"
    from ansible.cli.inventory import InventoryCLI
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader

    args = ["ansible-inventory", "--list"]
    for s in case["source"]:
        args += ["-i", s]
    if case["playbook"]:
        args += ["--playbook-dir", case["playbook"]]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            cli = InventoryCLI(args)
            cli.parse()
            cli.run()
        except SystemExit:
            pass
        except AnsibleError as e:
            print(json.dumps("error"), file=out)
            sys.stderr.write("%s\n" % e)
    print("list\t" + json.dumps(json.loads(out.getvalue()), sort_keys=True, ensure_ascii=False))
    sources = [s if "," in s else os.path.abspath(s) for s in case["source"]]
    for match in case["match"]:
        pattern, limit, order = ([p.strip() or None for p in match.split("|")] + [None, None])[:3]
        try:
            inventory = InventoryManager(loader=DataLoader(), sources=sources)
            inventory.subset(limit)
            result = " ".join(h.name for h in inventory.get_hosts(pattern, order=order))
        except (AnsibleError, IndexError):
            result = "error"
        print("match\t%s\t%s" % (match, result))


def run(case):
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in case["files"].items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write("".join(lines))
            os.chmod(path, 0o755 if name in case["exec"] else 0o644)
        case["source"] = case["source"] or ["hosts"]
        env = dict(case["env"], PATH=os.environ["PATH"], HOME="/nonexistent", LC_ALL="C.UTF-8", ANSIBLE_LOCAL_TEMP=folder + "/.tmp")
        done = subprocess.run([sys.executable, os.path.abspath(__file__), "--worker"], input=json.dumps(case), text=True,
                              cwd=folder, env=env, capture_output=True)
        if done.returncode:
            sys.exit("%s: %s" % (case["name"], done.stderr))
        for line in done.stdout.splitlines():
            print("%s\t%s" % (case["name"], line))
        sys.stderr.write("".join("%s: %s\n" % (case["name"], s) for s in done.stderr.splitlines() if s))


if sys.argv[1:] == ["--worker"]:
    worker(json.load(sys.stdin))
else:
    for c in cases(os.path.join(HERE, "inventory", "cases.txt")):
        run(c)
        sys.stdout.flush()
