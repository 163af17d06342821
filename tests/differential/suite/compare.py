"""Compares two outcomes of a case; every difference is one short line."""
import difflib
import fnmatch
import json

from .normal import ANY

OPTIONAL = {"diff"}      # compared where both have it: Ansible computes it unasked


def differences(case, want, got):
    """Differences of got (andon) from want (Ansible); one found in several runs is said once."""
    found = {}
    for i, (a, b) in enumerate(zip(want["runs"], got["runs"])):
        lines = run_differences(case, a, b)
        if a["code"] != b["code"] and b["stderr"].strip():
            lines.insert(1, "andon said: " + " | ".join(b["stderr"].strip().splitlines()[-3:]))
        for line in lines:
            found.setdefault(line, []).append(str(i + 1))
    several = len(want["runs"]) > 1
    out = [(f"run {','.join(runs)}: " if several else "") + line for line, runs in found.items()]
    return out + faults(case, got, "andon")


def faults(case, got, name):
    """What is wrong with an outcome whatever the other side did."""
    out = []
    last = got["runs"][-1]
    if case.again == "clean":
        for host, counts in last["recap"].items():
            if counts.get("changed") or counts.get("failed") or counts.get("unreachable"):
                out.append(f"{name}: the repeated run is not clean on {host}: {counts}")
        if not last["recap"]:
            out.append(f"{name}: the repeated run printed no recap")
        before, after = settled(case, got["runs"][-2]["state"]), settled(case, last["state"])
        out += [f"{name}: the repeated run left {line}" for line in state_differences(before, after, set())]
    return out


def settled(case, state):
    """What the repeated run must leave alone. Reports say what each invocation did, so they differ between the first and that one."""
    may = ["_results/*", *case.settles]
    return {host: dict(s, tree={p: e for p, e in s["tree"].items() if not any(fnmatch.fnmatchcase(p, pattern) for pattern in may)})
            for host, s in state.items()}


def run_differences(case, a, b):
    out = []
    if a["code"] != b["code"]:
        out.append(f"exit code: ansible {a['code']}, andon {b['code']}")
    out += event_differences(case, a["events"], b["events"])
    for host in sorted(set(a["recap"]) | set(b["recap"])):
        x, y = a["recap"].get(host), b["recap"].get(host)
        if x != y:
            out.append(f"recap {host}: ansible {brief(x)}, andon {brief(y)}")
    return out + state_differences(a["state"], b["state"], case.loose)


# ------------------------------------------------------------------ status per task and host
def event_differences(case, a, b):
    out = []
    if case.order == "linear":
        out += sequence([banner_of(e) for e in a if e["kind"] == "banner"],
                        [banner_of(e) for e in b if e["kind"] == "banner"], "banner")
    hosts = {e["host"] for e in a + b if e["kind"] != "banner"}
    for host in sorted(hosts):
        mine = lambda events: [e for e in events if e["host"] == host and e["kind"] != "banner"]
        out += host_events(case, mine(a), mine(b))
    return out


def banner_of(event):
    return f"{event['name']} [{event['task'] or event['play']}]"


def title(event):
    item = f" (item={event['item']})" if "item" in event else ""
    data = event.get("data")
    shown = f" {next(iter(data))}" if event["task"] == "debug" and isinstance(data, dict) and len(data) == 1 else ""
    return f"{event['task'] or event['play'] or event['kind']}{shown} on {event['host'] or '-'}{item}"


def host_events(case, a, b):
    key = lambda e: (e["task"], e.get("item"), e["kind"] == "text")
    keys_a, keys_b = [key(e) for e in a], [key(e) for e in b]
    out = []
    for op, i1, i2, j1, j2 in difflib.SequenceMatcher(None, keys_a, keys_b, autojunk=False).get_opcodes():
        if op == "equal":
            for x, y in zip(a[i1:i2], b[j1:j2]):
                out += one_event(case, x, y)
        else:
            out += [f"{title(e)}: only ansible: {e['kind']} {e.get('name', '')}" for e in a[i1:i2]]
            out += [f"{title(e)}: only andon: {e['kind']} {e.get('name', '')}" for e in b[j1:j2]]
    return out


def one_event(case, x, y):
    out = []
    for field in ("kind", "name", "delegated", "ignored"):
        if x.get(field) != y.get(field):
            out.append(f"{title(x)}: {field}: ansible {x.get(field)}, andon {y.get(field)}")
    if x["kind"] != y["kind"]:
        return out + [f"{title(x)}: ansible {brief(x.get('data'))}, andon {brief(y.get('data'))}"]
    out += [f"{title(x)}: {line}" for line in values(x.get("data"), y.get("data"), "", case.loose)]
    if comparable_text(x) != comparable_text(y):
        out.append(f"{title(x)}: text before it: {text_delta(x.get('text', ''), y.get('text', ''))}")
    return out


def comparable_text(event):
    """Free text; what is listed after the plays (hosts, above all) comes in any order."""
    text = event.get("text", "")
    return sorted(text.splitlines()) if event["kind"] == "end" else text


def sequence(a, b, what):
    out = []
    for op, i1, i2, j1, j2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if op != "equal":
            out += [f"{what} only in ansible: {line}" for line in a[i1:i2]]
            out += [f"{what} only in andon: {line}" for line in b[j1:j2]]
    return out


# ------------------------------------------------------------------ end state
def state_differences(a, b, loose):
    out = []
    for host in sorted(set(a) | set(b)):
        x, y = a.get(host, {"tree": {}, "daemons": []}), b.get(host, {"tree": {}, "daemons": []})
        for path in sorted(set(x["tree"]) | set(y["tree"])):
            p, q = x["tree"].get(path), y["tree"].get(path)
            if p != q:
                out += [f"{host}:/{path}: {line}" for line in entry_differences(p, q, loose)]
        for line in sorted(set(x["daemons"]) ^ set(y["daemons"])):
            side = "ansible" if line in x["daemons"] else "andon"
            out.append(f"{host}: runs only after {side}: {line}")
    return out


def entry_differences(p, q, loose):
    if p is None or q is None:
        side, entry = ("ansible", p) if q is None else ("andon", q)
        return [f"only {side} changed it: {brief(entry)}"]
    if p[0] != "file" or q[0] != "file":
        return [f"ansible {brief(p)}, andon {brief(q)}"]
    out = [f"{what}: ansible {p[i]}, andon {q[i]}" for i, what in ((1, "mode"), (2, "owner")) if p[i] != q[i]]
    if p[3] != q[3]:
        json_of = lambda v: v.get("json") if isinstance(v, dict) else None
        if json_of(p[3]) is not None and json_of(q[3]) is not None:
            out += values(json_of(p[3]), json_of(q[3]), "", loose)
        else:
            out.append("content: " + text_delta(as_lines(p[3]), as_lines(q[3])))
    return out


def as_lines(content):
    if isinstance(content, dict):
        return "\n".join(content["changed"]) if "changed" in content else json.dumps(content, sort_keys=True)
    return content


# ------------------------------------------------------------------ values
def values(x, y, path, loose):
    """Differences of two results, by field."""
    if x == ANY or y == ANY or x == y and type(x) is type(y):
        return []
    if isinstance(x, dict) and isinstance(y, dict):
        out = []
        for key in sorted(set(x) | set(y)):
            inner = f"{path}.{key}" if path else key
            if key in loose or x.get(key) == ANY or y.get(key) == ANY or key in OPTIONAL and (key in x) != (key in y):
                continue
            if key not in y:
                out.append(f"{inner}: only ansible has it: {brief(x[key])}")
            elif key not in x:
                out.append(f"{inner}: only andon has it: {brief(y[key])}")
            else:
                out += values(x[key], y[key], inner, loose)
        return out
    if isinstance(x, list) and isinstance(y, list) and len(x) == len(y):
        return [line for i, (p, q) in enumerate(zip(x, y)) for line in values(p, q, f"{path}[{i}]", loose)]
    if isinstance(x, str) and isinstance(y, str) and ("\n" in x or len(x) > 120):
        return [f"{path}: {text_delta(x, y)}"]
    return [f"{path}: ansible {brief(x)}, andon {brief(y)}"]


def brief(value, limit=160):
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= limit else text[:limit] + "..."


def text_delta(a, b, limit=4):
    """The first lines that differ, on one line: -ansible's, +andon's."""
    lines = [line for line in difflib.unified_diff(a.splitlines(), b.splitlines(), n=0, lineterm="")
             if not line.startswith(("---", "+++", "@@"))]
    if not lines:
        return f"line ends differ: ansible {a[-10:]!r}, andon {b[-10:]!r}"
    more = f" (and {len(lines) - limit} more lines)" if len(lines) > limit else ""
    return " ".join(f"[{line[0]}]{line[1:][:140]!r}" for line in lines[:limit]) + more


def same_bytes(want, got):
    """(stdout identical, stderr identical) over all runs, lines of a task in any order of hosts."""
    pairs = list(zip(want["runs"], got["runs"]))
    return (all(by_task(a["stdout"]) == by_task(b["stdout"]) for a, b in pairs),
            all(a["stderr"] == b["stderr"] for a, b in pairs))


def by_task(text):
    """The output with the lines of each task sorted, for hosts answer in any order."""
    out = []
    for block in text.split("\n\n"):
        head, *rest = block.split("\n")
        out.append("\n".join([head, *sorted(rest)]))
    return "\n\n".join(out)
