#!/usr/bin/env python3
"""Compares the facts of the helper's setup module with those of Ansible's on the same host.

facts.py [KEY=VALUE..]   (arguments of setup, values as JSON or text)

Ignored, with the reason:
  env            the two programs are started with slightly different environments
  date_time      compared as keys only; the clock goes on between the runs
  mem*, swap*    sizes that change by themselves are compared as keys
  loadavg, uptime_seconds, mounts' free space: likewise
Order of lists that come from folders (interfaces, mounts) is not compared.
"""
import json
import sys

import hosts

CHANGING = {"memfree_mb", "swapfree_mb", "uptime_seconds"}
KEYS_ONLY = {"date_time", "memory_mb", "loadavg"}
MOUNT_CHANGING = {"size_available", "block_available", "block_used", "inode_available", "inode_used"}


def normal(facts):
    out = {}
    for key, val in facts.items():
        short = key[len("ansible_"):] if key.startswith("ansible_") else key
        if short in CHANGING:
            val = type(val).__name__
        elif short in KEYS_ONLY:
            val = sorted(val)
        elif short == "env":
            val = sorted(set(val) & {"HOME", "USER", "PATH"})
        elif short == "mounts":
            val = sorted(({k: (None if k in MOUNT_CHANGING else v) for k, v in m.items()} for m in val),
                         key=lambda m: m["mount"])
        elif short in ("interfaces", "all_ipv4_addresses", "all_ipv6_addresses", "virtualization_tech_guest",
                       "virtualization_tech_host"):
            val = sorted(val)
        out[key] = val
    return out


def differences(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(set(a) | set(b)):
            here = path + "." + key if path else key
            if key not in b:
                yield "%s: only Ansible has it: %.200s" % (here, json.dumps(a[key]))
            elif key not in a:
                yield "%s: only andon has it: %.200s" % (here, json.dumps(b[key]))
            else:
                yield from differences(a[key], b[key], here)
    elif a != b or type(a) != type(b):  # pylint: disable=unidiomatic-typecheck
        yield "%s:\n  ansible %.500s\n  andon   %.500s" % (path, json.dumps(a), json.dumps(b))


def main():
    args = {}
    for word in sys.argv[1:]:
        key, val = word.split("=", 1)
        try:
            args[key] = json.loads(val)
        except ValueError:
            args[key] = val
    host = hosts.Host(own_network=False)
    try:
        theirs, ours = host.ansible("setup", args), host.andon("setup", args)
    finally:
        host.close()
    if "ansible_facts" not in theirs or "ansible_facts" not in ours:
        print(theirs if "ansible_facts" not in theirs else "", ours if "ansible_facts" not in ours else "")
        return 1
    found = list(differences(normal(theirs["ansible_facts"]), normal(ours["ansible_facts"])))
    print("\n".join(found))
    print("%d facts, %d differences" % (len(theirs["ansible_facts"]), len(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
