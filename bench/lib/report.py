"""The figures as CSV and Markdown: medians with their range, ratios, and the bars that are to be reached."""
import csv
import dataclasses
import math
import os
import statistics

from .measure import Row

FIELDS = [f.name for f in dataclasses.fields(Row)]
# What is rendered, and with which variables; paths below bench/.
TEMPLATES = [("play/templates/kiosk.ini.j2", "render.json"), ("sites.conf.j2", "sites.json")]


def write_csv(path, rows):
    with open(path, "w", newline="") as f:
        out = csv.writer(f)
        out.writerow(FIELDS)
        for row in rows:
            values = dataclasses.asdict(row)
            out.writerow([f"{v:.4g}" if isinstance(v, float) else v for v in values.values()])


class Figures:
    """Looks up medians over the repetitions of a measurement; runs that went wrong do not count."""

    def __init__(self, rows):
        self.rows = rows

    def of(self, section, tool, hosts, mode="", connection="fresh", kex="default"):
        return [r for r in self.rows if r.key() == (section, tool, hosts, mode, connection, kex) and r.right]

    def median(self, *key, field="wall", **more):
        values = [getattr(r, field) for r in self.of(*key, **more)]
        return statistics.median(values) if values else None

    def peak(self, *key, field, **more):
        values = [getattr(r, field) for r in self.of(*key, **more)]
        return max(values) if values else None

    def hosts(self, section):
        return sorted({r.hosts for r in self.rows if r.section == section})

    def tools(self, section):
        return list(dict.fromkeys(r.tool for r in self.rows if r.section == section))


def number(value, digits=3):
    """A figure with about three digits; - when there is none."""
    if value is None or math.isnan(value):
        return "-"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.{2 if value < 10 else 1}f}" if digits == 3 else f"{value:.{digits}f}"


def spread(rows, field="wall"):
    """median (least-most)"""
    values = sorted(getattr(r, field) for r in rows)
    if not values:
        return "-"
    if len(values) == 1:
        return number(values[0])
    return f"{number(statistics.median(values))} ({number(values[0])}-{number(values[-1])})"


def times(a, b):
    return f"{number(a / b)}" if a and b else "-"


def table(head, lines):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for line in lines:
        yield "| " + " | ".join(str(cell) for cell in line) + " |"
    yield ""


def play(f):
    for hosts in f.hosts("play"):
        lines = []
        for kex in ("default", "curve25519"):
            for tool in f.tools("play"):
                for connection in ("fresh", "kept"):
                    cold = f.of("play", tool, hosts, "cold", connection, kex)
                    warm = f.of("play", tool, hosts, "warm", connection, kex)
                    if not cold and not warm:
                        continue
                    name = tool + (", kept connection" if connection == "kept" else "") + (f", {kex}" if kex != "default" else "")
                    cpu = f.median("play", tool, hosts, "warm", connection, kex, field="controller_cpu")
                    theirs = f.median("play", tool, hosts, "warm", connection, kex, field="fleet_cpu")
                    like = [f.median("play", "andon", hosts, mode, connection, kex) for mode in ("cold", "warm")]
                    lines.append([name, spread(cold), spread(warm), f"{number(cpu)} / {number(theirs)}",
                                  times(f.median("play", tool, hosts, "cold", connection, kex), like[0]),
                                  times(f.median("play", tool, hosts, "warm", connection, kex), like[1])])
        yield f"### The play of 20 tasks, {hosts} host{'s' if hosts > 1 else ''}"
        yield ""
        yield from table(["", "everything to change, s", "nothing to change, s", "CPU s of that: controller / hosts",
                          "times andon's, changing", "times andon's, no change"], lines)


def small(f, section, title, unit_of="wall"):
    for hosts in f.hosts(section):
        lines = []
        for key in dict.fromkeys(r.key() for r in f.rows if r.section == section and r.hosts == hosts):
            _, tool, _, mode, connection, kex = key
            base = f.median("floor", "ssh true", hosts, kex=kex)
            name = " ".join(filter(None, [tool, mode, connection if connection != "fresh" else "", kex if kex != "default" else ""]))
            lines.append([name, spread(f.of(*key), unit_of), times(f.median(*key), base),
                          f"{number(f.median(*key, field='controller_cpu'))} / {number(f.median(*key, field='fleet_cpu'))}"])
        yield f"### {title}, {hosts} host{'s' if hosts > 1 else ''}"
        yield ""
        yield from table(["", "s", "times the floor", "CPU s: controller / hosts"], lines)


def memory(f):
    lines = []
    for hosts in f.hosts("memory"):
        for tool in f.tools("memory"):
            runs = f.of("memory", tool, hosts, "warm")
            if runs:
                lines.append([tool, hosts, number(max(r.process_mib for r in runs)), number(max(r.tree_mib for r in runs)),
                              spread(runs)])
    if lines:
        yield "### Memory of the controller during the play"
        yield ""
        yield from table(["", "hosts", "its own process, peak RSS MiB", "with its ssh children, peak PSS MiB", "s"], lines)


def render(f):
    lines = []
    for mode in dict.fromkeys(r.mode for r in f.rows if r.section == "render"):
        ours, theirs = (f.median("render", tool, 0, mode, field="rate") for tool in ("andon", "jinja2"))
        lines.append([mode, number(ours), number(theirs), times(ours, theirs)])
    if lines:
        yield "### Rendering templates"
        yield ""
        yield from table(["", "andon, per second", "Python jinja2, per second", "ratio"], lines)


def ledger(f):
    lines = []
    for mode in dict.fromkeys(r.mode for r in f.rows if r.section == "ledger"):
        runs = f.of("ledger", "andon", 0, mode)
        if mode.startswith("query: "):
            lines.append([mode, f"{number(f.median('ledger', 'andon', 0, mode) * 1000)} ms"])
        else:
            lines.append([mode, f"{spread(runs, 'rate')} per second" if mode.startswith("append") else f"{spread(runs)} s"])
    if lines:
        yield "### The ledger"
        yield ""
        yield from table(["", "andon"], lines)


def bars(f):
    """(what, measured, bar, reached) for every bar of the project that these figures can answer."""
    def warm(tool, hosts, **more):
        return f.median("play", tool, hosts, "warm", **more)

    def ratio(a, b):
        return a / b if a and b else None

    def faster(mode, than, kex):
        return ratio(*(f.median("play", tool, 100, mode, kex=kex) for tool in (than, "andon")))

    kexes = list(dict.fromkeys(r.kex for r in f.rows if r.section == "play")) or ["default"]
    at_least = [
        (f"{what}, 100 hosts, {kex} key exchange: times faster than {name}", faster(mode, than, kex), bar)
        for what, mode, than, name, bar in (("nothing to change", "warm", "tuned", "ansible tuned", 50),
                                            ("nothing to change", "warm", "mitogen", "Mitogen", 20),
                                            ("everything to change", "cold", "tuned", "ansible tuned", 20))
        for kex in kexes
    ] + [
        (f"{mode}: times Python's jinja2",
         ratio(*(f.median("render", tool, 0, mode, field="rate") for tool in ("andon", "jinja2"))), 10)
        for mode in (f"{os.path.basename(template).removesuffix('.j2')} {what}"
                     for template, _ in TEMPLATES for what in ("rendered", "parsed and rendered"))
    ]
    at_least.append(("ledger: durable events per second, in batches",
                     f.median("ledger", "andon", 0, "append in batches of 500", field="rate"), 20000))
    queries = [f.median("ledger", "andon", 0, mode) for mode in {r.mode for r in f.rows if r.section == "ledger"} if mode.startswith("query: ")]
    at_most = [
        (f"nothing to change, 100 hosts: times the floor ({kex} key exchange)",
         ratio(warm("andon", 100, kex=kex), f.median("floor", "ssh true", 100, kex=kex)), 2)
        for kex in kexes
    ] + [
        ("nothing to change, 1 host, fresh connection: s", warm("andon", 1, kex=kexes[0]), 0.6),
        ("nothing to change, 1 host, kept connection: s", warm("andon", 1, connection="kept", kex=kexes[0]), 0.3),
        *((f"ping, 100 hosts, {kex} key exchange: times the floor",
           ratio(f.median("ping", "andon", 100, kex=kex), f.median("floor", "ssh true", 100, kex=kex)), 1.5) for kex in kexes),
        ("ledger: verification, s", f.median("ledger", "andon", 0, "verify"), 5),
        ("ledger: the slowest query, ms", max(queries) * 1000 if queries else None, 100),
        ("memory of andon, 100 hosts: MiB", f.peak("memory", "andon", 100, "warm", field="process_mib"), 64),
        ("memory of andon, 1000 hosts: MiB", f.peak("memory", "andon", 1000, "warm", field="process_mib"), 200),
    ]
    for what, value, bar in at_least:
        yield what, value, f"at least {bar}", None if value is None else value >= bar
    for what, value, bar in at_most:
        yield what, value, f"at most {bar}", None if value is None else value <= bar


def markdown(machine, when, versions, rows, notes):
    f = Figures(rows)
    yield f"# Bench, {when}"
    yield ""
    yield f"{machine}. {versions}"
    yield ""
    yield ("Controller and hosts share the machine, so the hosts' own work counts for every tool. Medians (least-most) of the "
           "repetitions; every run's connections are closed before the next unless it says kept.")
    yield ""
    words = {True: "yes", False: "NO", None: "not measured"}
    yield "### The bars"
    yield ""
    yield from table(["", "measured", "bar", "reached"],
                     [[what, number(value), bar, words[reached]] for what, value, bar, reached in bars(f)])
    yield from play(f)
    yield from small(f, "floor", "The floor: ssh, true, nothing else; 50 at a time")
    yield from small(f, "ping", "ping")
    yield from memory(f)
    yield from render(f)
    yield from ledger(f)
    wrong = [r for r in rows if not r.right]
    noisy = [r for r in rows if r.noise > 0.15]
    for row in wrong:
        notes.append(f"left out, since it did not do what it should (exit {row.rc}): {' '.join(map(str, row.key()))} rep {row.rep}")
    if noisy:
        notes.append(f"{len(noisy)} of {len(rows)} runs had more than 15 % of a core of other work beside them "
                     f"(most: {max(r.noise for r in noisy):.2f} cores); column noise of the CSV")
    if notes:
        yield "### Notes"
        yield ""
        yield from (f"- {note}" for note in notes)
