"""Reads what the default callback prints: banners, one status line per host and item, the recap."""
import json
import re

BANNER = re.compile(r"(PLAY|TASK|RUNNING HANDLER|HANDLER|PLAY RECAP|NO MORE HOSTS LEFT|VARS PROMPT|CUSTOM STATS: |DRY RUN)"
                    r"(?: \[(.*)\])?( \[CHECK MODE\])? \*{2,}$")
STATUS = re.compile(r"(ok|changed|skipping|fatal|failed): \[([^\]]+?)(?: -> ([^\]]+))?\](:?)(.*)$", re.S)
RETRY = re.compile(r"FAILED - RETRYING: \[([^\]]+?)(?: -> [^\]]+)?\]: (.*)$")
ASYNC = re.compile(r"ASYNC (POLL|OK|FAILED) on ([^:]+): ")
ADHOC = re.compile(r"(\S+) \| (SUCCESS|CHANGED|FAILED!?|UNREACHABLE!?|SKIPPED)((?: \| rc=\d+)?)(?: >>| => ?(.*))?$")
INCLUDED = re.compile(r"included: (\S+) for (.*?)(?: => \(item=(.*)\))?$")
RECAP = re.compile(r"(\S+) +: ((?:\w+=\d+ *)+)$")


def parse(text):
    """Events in order, and the recap: {host: {counter: number}}."""
    return Parser(text).run()


class Parser:
    """One pass over the lines; free text (a diff, a prompt) goes to the event that follows it."""

    def __init__(self, text):
        self.lines = text.split("\n")
        self.at = 0
        self.events = []
        self.recap = {}
        self.play = self.task = ""
        self.loose = []

    def run(self):
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if not (self.banner(line) or self.result(line) or self.special(line)):
                self.loose.append(line)
        self.flush_loose("end")
        return self.events, self.recap

    def add(self, kind, host="", **fields):
        event = {"kind": kind, "play": self.play, "task": self.task, "host": host}
        event.update({k: v for k, v in fields.items() if v not in (None, "")})
        before = "\n".join(self.loose).strip("\n")
        if before:
            event["text"] = before
        self.loose = []
        self.events.append(event)

    def flush_loose(self, kind):
        if any(line.strip() for line in self.loose):
            self.add(kind)
        self.loose = []

    def banner(self, line):
        m = BANNER.match(line)
        if not m:
            return False
        self.flush_loose("text")
        kind, name = m.group(1), m.group(2) or ""
        if kind == "PLAY":
            self.play, self.task = name + (m.group(3) or ""), ""
        elif kind in ("TASK", "RUNNING HANDLER", "HANDLER"):
            self.task = name + (m.group(3) or "")
        else:
            self.task = ""
        self.add("banner", name=kind)
        return True

    def special(self, line):
        if line == "skipping: no hosts matched":
            self.add("note", name=line)
            return True
        if line == "...ignoring" and self.events:
            self.events[-1]["ignored"] = "yes"
            return True
        m = INCLUDED.match(line)
        if m:
            for host in m.group(2).split(", "):
                self.add("included", host, item=m.group(3), data=m.group(1))
            return True
        m = RETRY.match(line)
        if m:
            self.add("retry", m.group(1), name=m.group(2))
            return True
        m = ASYNC.match(line)
        if m:
            if m.group(1) != "POLL":
                self.add("async", m.group(2), name=m.group(1))
            return True
        m = ADHOC.match(line)
        if m:
            self.adhoc(m)
            return True
        m = RECAP.match(line)
        if m and not self.task:
            self.recap[m.group(1)] = {k: int(v) for k, v in (p.split("=") for p in m.group(2).split())}
            return True
        return False

    def result(self, line):
        m = STATUS.match(line)
        if not m:
            return False
        kind, host, delegated, colon, rest = m.groups()
        if colon:                                     # fatal: [h]: FAILED! => {...}
            word, _, rest = rest.lstrip().partition(" ")
            kind = {"UNREACHABLE!": "unreachable", "FAILED!": "failed"}.get(word, word)
            rest = " " + rest
        item, data = self.tail(rest)
        self.add(kind, host, delegated=delegated, item=item, data=data)
        return True

    def adhoc(self, m):
        """One host's answer to the ansible command: JSON, or the lines up to the next host's."""
        host, kind, rc, rest = m.groups()
        data = None
        if rest:
            data, used = self.json_from(rest)
            self.at += used or 0
        self.add(kind.lower().rstrip("!"), host, name=rc, data=data)
        if data is None:
            body = []
            while self.at < len(self.lines) and not ADHOC.match(self.lines[self.at]):
                body.append(self.lines[self.at])
                self.at += 1
            self.events[-1]["data"] = "\n".join(body).rstrip("\n")

    def tail(self, rest):
        """Split ` => (item=LABEL) => {JSON}`, any part of which may be missing; JSON may go on below."""
        for m in re.finditer(r" => (?=[\[{\"])", rest):
            data, used = self.json_from(rest[m.end():])
            if used is not None:
                self.at += used
                return label(rest[:m.start()]), data
        return label(rest), None

    def json_from(self, text):
        for used in range(0, 4000):
            try:
                return json.loads(text), used
            except ValueError:
                if self.at + used >= len(self.lines) or (used == 0 and not text.rstrip().endswith(("{", "["))):
                    return None, None
                text += "\n" + self.lines[self.at + used]
        return None, None


def label(text):
    text = plain_label(text)
    # registered results as items: they hold what no two runs share, times and the modules' arguments
    return "@results@" if len(text) > 300 and text.startswith(("{'", "[{'")) else text


def plain_label(text):
    m = re.match(r"(?: =>)? \(item=(.*)\) ?$", text, re.S)
    return m.group(1) if m else text.strip()
