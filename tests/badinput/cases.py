"""The broken inputs: what is written, what is run, and what the error must say."""
import json
import os
import random
import socket


class Case:
    """at: the place the error names; at_run: it comes from a task while the playbook runs; works: it is odd but right."""

    def __init__(self, name, files, at=None, says=None, args=None, at_run=False, works=False, as_nobody=False, env=None):
        self.name, self.files, self.at, self.says, self.args = name, files, at, says, args
        self.at_run, self.works, self.as_nobody, self.env = at_run, works, as_nobody, env or {}


ALL = []


def add(name, files, at=None, says=None, **more):
    ALL.append(Case(name, files, at, says, **more))


def play(name, text, at=None, says=None, **more):
    add(name, {"site.yml": text}, at, says, **more)


HEAD = "- hosts: all\n  gather_facts: false\n"
TASKS = HEAD + "  tasks:\n"


def task(name, text, at=None, says=None, files=None, **more):
    """One task, begins in line 4."""
    body = "".join("    " + line + "\n" for line in text.splitlines())
    add(name, {"site.yml": TASKS + body, **(files or {})}, at, says, **more)


def expression(name, text, says=None, **more):
    """An expression that fails when the task runs."""
    quoted = text.replace("'", "''")
    task("expression: " + name, f"- debug: {{msg: '{quoted}'}}", "at site.yml:4:", says, at_run=True, **more)


def inventory(name, text, at=None, says=None, **more):
    add("inventory: " + name, {"hosts": text, "site.yml": TASKS + "    - debug: msg=x\n"}, at, says, **more)


# --- YAML

play("empty", "", "site.yml", "Empty playbook")
play("blanks", "\n\n   \n", "site.yml", "Empty playbook")
play("a comment", "# nothing\n", "site.yml", "Empty playbook")
play("a document mark", "---\n", "site.yml", "Empty playbook")
play("a word", "word\n", "site.yml:1:1", "list of plays")
play("a number", "42\n", "site.yml:1:1", "list of plays")
play("a mapping", "hosts: all\ntasks: []\n", "site.yml:1:1", "list of plays")
play("null in the list", "-\n- hosts: all\n", "site.yml:1:", None)
play("tab indents", "- hosts: all\n\ttasks: []\n", "site.yml:2:1", "tab")
play("tab in a task", TASKS + "    - debug:\n\tmsg: x\n", "site.yml:5:1", "tab")
play("bracket not closed", HEAD + "  tasks: [{debug: \n", "site.yml:", None)
play("brace not closed", HEAD + "  vars: {a: 1\n  tasks: []\n", "site.yml:", None)
play("quote not closed", TASKS + "    - debug: {msg: 'x}\n", "site.yml:4:", None)
play("double quote not closed", TASKS + '    - debug: {msg: "x}\n', "site.yml:4:", None)
play("alias without anchor", HEAD + "  vars: *nosuch\n", "site.yml:3:9", "nosuch")
play("wrong escape", HEAD + '  vars: {a: "\\q"}\n', "site.yml:3:", None)
play("colon in a text", TASKS + "    - debug: msg=a: b\n", "site.yml:4:", None)
play("percent begins a value", HEAD + "  vars: {a: %x}\n", "site.yml:3:", None)
play("at sign begins a value", HEAD + "  vars:\n    a: @x\n", "site.yml:4:8", None)
play("backtick begins a value", HEAD + "  vars:\n    a: `x`\n", "site.yml:4:8", None)
play("braces without quotes", TASKS + "    - debug:\n        msg: {{ x }}\n", "site.yml:5:", "quotes")
play("wrong indentation", TASKS + "    - debug:\n        msg: x\n       when: y\n", "site.yml:6:", "indent")
play("dash without a blank", TASKS + "    -debug: msg=x\n", "site.yml:4:", None)
play("NUL inside", HEAD.encode() + b"  vars: {a: x\0y}\n", "site.yml:3:", None)
play("NUL at the end", HEAD.encode() + b"\0", "site.yml:3:", None)
play("only NUL", b"\0" * 4096, "site.yml:1:1", None)
play("not UTF-8", HEAD.encode() + b"  vars: {a: \xff\xfe}\n", "site.yml:3:", "UTF-8")
play("half a character", HEAD.encode() + b"  vars: {a: \xc3}\n", "site.yml:3:", "UTF-8")
play("a control character", HEAD.encode() + b"  vars: {a: \x01}\n", "site.yml:3:", None)
play("binary", bytes(random.Random(7).randrange(256) for _ in range(100000)), "site.yml:1:", None)
play("a program", lambda path: os.symlink("/bin/ls", path), "/ls:1:1", None)
play("byte order mark", "\ufeff" + TASKS + "    - debug: msg=worked\n", says="worked", works=True)
play("CRLF", (TASKS + "    - debug: msg=worked\n").replace("\n", "\r\n"), says="worked", works=True)
play("CRLF with an error", (TASKS + "    - nosuch: x\n").replace("\n", "\r\n"), "site.yml:4:7", "nosuch")
play("CR alone", (TASKS + "    - debug: msg=worked\n").replace("\n", "\r"), says="worked", works=True)
play("UTF-16", (TASKS + "    - debug: msg=worked\n").encode("utf-16"), "site.yml:1:1", "UTF-8")
play("two documents", "---\n" + HEAD + "---\n" + HEAD, "site.yml:4:1", None)
play("unknown tag", HEAD + "  vars: !nosuch {a: 1}\n", "site.yml:3:9", "nosuch")
play("python tag", HEAD + "  vars: !!python/object/apply:os.system ['touch pwned']\n", "site.yml:3:9", None)
play("merge of a number", HEAD + "  vars: {<<: 3}\n", "site.yml:3:", None)
play("alias to itself", HEAD + "  vars: {a: &a [*a]}\n", "site.yml:3:", None)
play("nested flow lists", HEAD + "  vars: {a: " + "[" * 100000 + "}\n", "site.yml:3:", "deep")
play("nested flow lists, closed", HEAD + "  vars: {a: " + "[" * 5000 + "]" * 5000 + "}\n", "site.yml:3:", "deep")
play("nested mappings", HEAD + "  vars:\n" + "".join(" " * (4 + i) + "k:\n" for i in range(3000)), "site.yml:", "deep")
play("nested lists in lines", "- " * 50000 + "x\n", "site.yml:1:", "deep")
BOMB = "  vars:\n    a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"    a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 9) + "]\n" for i in range(1, 12))
play("alias bomb, unused", HEAD + BOMB + "  tasks: [{debug: msg=x}]\n", "site.yml:", "aliases stand for more")
play("alias bomb, printed", HEAD + BOMB + "  tasks:\n    - debug: {msg: '{{ a11 }}'}\n", "site.yml:", "aliases stand for more")
play("alias bomb of keys", HEAD + "  vars:\n    b: &b0 {x: 1}\n" + "".join(
    f"    b{i}: &b{i} {{<<: [" + ", ".join([f"*b{i - 1}"] * 50) + "]}\n" for i in range(1, 60))
    + "  tasks: [{debug: msg=x}]\n", "site.yml:", "aliases stand for more")
play("a long line", HEAD + "  vars: {a: " + "x" * 5000000 + "}\n  task: []\n", "site.yml:4:3", "tasks")
play("an error in a long line", HEAD + "  vars: {a: " + "x" * 5000000 + ", b: [}\n", "site.yml:3:", None)
play("a long key", HEAD + "  " + "k" * 100000 + ": x\n", "site.yml:3:", None)
play("a long module name", TASKS + "    - " + "m" * 100000 + ": x\n", "site.yml:4:", None)
play("many tasks", TASKS + "    - debug: msg=x\n" * 3000 + "    - nosuch: x\n", "site.yml:3004:7", "nosuch")
play("many lines", "#\n" * 2000000 + "- hosts: [\n", "site.yml:", None)
play("huge", lambda path: open(path, "wb").truncate(600 << 20), "site.yml", None)
play("numbers out of bounds", TASKS + "    - debug: {msg: '{{ x }} {{ y }}'}\n      vars: {x: 1e400, y: 123456789012345678901234567890}\n",
     works=True)

# --- playbooks

play("hosts missing", "- tasks: []\n", "site.yml:1:3", "hosts")
play("hosts empty", "- hosts:\n", "site.yml:1:", "hosts")
play("hosts a mapping", "- hosts: {a: b}\n", "site.yml:1:10", None)
play("tasks a text", HEAD + "  tasks: text\n", "site.yml:3:10", None)
play("tasks a mapping", HEAD + "  tasks: {debug: msg=x}\n", "site.yml:3:10", None)
play("a task that is a list", TASKS + "    - [debug]\n", "site.yml:4:7", None)
play("a task without module", TASKS + "    - name: x\n", "site.yml:4:7", "no module")
play("two modules", TASKS + "    - {debug: , copy: }\n", "site.yml:4:7", "conflicting")
play("serial wrong", HEAD + "  serial: many\n  tasks: [{debug: msg=x}]\n", "site.yml:3:11", "serial")
play("max_fail_percentage wrong", HEAD + "  max_fail_percentage: many\n  tasks: [{debug: msg=x}]\n", "site.yml:3:", "max_fail_percentage")
play("strategy wrong", HEAD + "  strategy: sideways\n  tasks: [{debug: msg=x}]\n", "site.yml:", "sideways")
play("port wrong", HEAD + "  port: many\n  tasks: [{debug: msg=x}]\n", "site.yml:3:", "port")
play("blocks in blocks", HEAD + "  tasks:\n" + "".join("  " * i + "    - block:\n" for i in range(600))
     + "  " * 600 + "    - debug: msg=x\n", "site.yml:", "deep")
task("retries wrong", "- {debug: msg=x, until: false, retries: many}", "site.yml:4:", "retries", at_run=True)
task("delay wrong", "- {debug: msg=x, until: false, retries: 1, delay: many}", "site.yml:4:", "delay", at_run=True)
task("loop over a number", "- {debug: msg=x, loop: 3}", "at site.yml:4:", "loop", at_run=True)
task("register to what is no name", "- {debug: msg=x, register: 'a b'}", "site.yml:4:", "a b", at_run=True)
task("handler missing", "- {debug: msg=x, changed_when: true, notify: nosuch}", "site.yml:4:", "nosuch", at_run=True)
task("delegate to nothing", "- {debug: msg=x, delegate_to: ''}", works=True)  # is no delegation, as with Ansible
task("a huge sequence", "- {debug: msg=x, with_sequence: start=1 end=100000000000}", "at site.yml:4:", None, at_run=True)
task("a sequence of nothing", "- {debug: msg=x, with_sequence: start=1 end=5 stride=-1}", "at site.yml:4:", None, at_run=True)
task("become method unknown", "- {command: 'true', become: true, become_user: nobody, become_method: magic}", "at site.yml:4:", "magic",
     at_run=True)
task("connection unknown", "- {command: 'true', vars: {ansible_connection: carrier_pigeon}}", "at site.yml:4:", "carrier_pigeon", at_run=True)

# --- files that are none

DEBUG = TASKS + "    - debug: msg=x\n"
add("playbook missing", {}, None, "site.yml")
add("playbook a folder", {"site.yml/x": ""}, "site.yml", "does not appear to be a file")
add("playbook a socket", {"site.yml": lambda p: socket.socket(socket.AF_UNIX).bind(p)}, "site.yml", None)
add("playbook without end", {"site.yml": lambda p: os.symlink("/dev/zero", p)}, None, "larger")
add("playbook links to itself", {"site.yml": lambda p: os.symlink("site.yml", p)}, "site.yml", None)
add("playbook links to nothing", {"site.yml": lambda p: os.symlink("nosuch", p)}, "site.yml", None)
add("playbook not readable", {"site.yml": lambda p: os.close(os.open(p, os.O_CREAT, 0o000))}, "site.yml", "Permission denied", as_nobody=True)
add("a name that is too long", {}, None, "the playbook", args=["run", "-i", "hosts", "x" * 5000])
add("a folder for inventory variables that cannot be read",
    {"site.yml": DEBUG, "group_vars/all.yml": lambda p: os.close(os.open(p, os.O_CREAT, 0o000))},
    "group_vars/all.yml", "Permission denied", as_nobody=True)
task("copy of a missing file", "- copy: {src: nosuch, dest: /tmp/x}", "at site.yml:4:", "nosuch", at_run=True)
task("template that is a folder", "- template: {src: t, dest: out}", "at site.yml:4:", "t", files={"templates/t/x": ""}, at_run=True)
task("template not readable", "- template: {src: t, dest: out}", "at site.yml:4:", "Permission denied",
     files={"templates/t": lambda p: os.close(os.open(p, os.O_CREAT, 0o000))}, at_run=True, as_nobody=True)
task("script missing", "- script: nosuch.sh", "at site.yml:4:", "nosuch.sh", at_run=True)

# --- imports, includes, roles

play("a playbook imports itself", "- import_playbook: site.yml\n", "site.yml:1:", "without end")
add("playbooks import each other", {"site.yml": "- import_playbook: b.yml\n", "b.yml": "- import_playbook: site.yml\n"}, "yml:1:", "without end")
play("import of a missing playbook", "- import_playbook: nosuch.yml\n", "site.yml:1:20", "nosuch.yml")
task("tasks import themselves", "- import_tasks: t.yml", "t.yml:1:", None, files={"t.yml": "- import_tasks: t.yml\n"})
task("tasks import each other", "- import_tasks: a.yml", "yml:1:", None,
     files={"a.yml": "- import_tasks: b.yml\n", "b.yml": "- import_tasks: a.yml\n"})
task("tasks include themselves", "- include_tasks: t.yml", "t.yml:1:", "deep", files={"t.yml": "- include_tasks: t.yml\n"}, at_run=True)
task("roles include themselves", "- include_role: {name: r}", "main.yml:1:", "deep", at_run=True,
     files={"roles/r/tasks/main.yml": "- include_role: {name: r}\n"})
task("roles import themselves", "- import_role: {name: r}", "main.yml:1:", None,
     files={"roles/r/tasks/main.yml": "- import_role: {name: r}\n"})
for name, metas in (("a role depends on itself", {"r": "[r]"}), ("roles depend on each other", {"r": "[s]", "s": "[r]"}),
                    ("roles depend in a long circle", {"r": "[s]", "s": "[t]", "t": "[u]", "u": "[r]"})):
    add(name, {"site.yml": HEAD + "  roles: [r]\n", **{f"roles/{k}/meta/main.yml": f"dependencies: {v}\n" for k, v in metas.items()}},
        "main.yml:1:", None)
task("a long chain of imports", "- import_tasks: t0.yml", "yml:1:", None,
     files={f"t{i}.yml": f"- import_tasks: t{i + 1}.yml\n" for i in range(300)})
task("import of a folder", "- import_tasks: d", "site.yml:4:", "d", files={"d/x": ""})
task("import of a missing file", "- import_tasks: nosuch.yml", "site.yml:4:", "nosuch.yml")
task("include of a missing file", "- include_tasks: nosuch.yml", "at site.yml:4:", "nosuch.yml", at_run=True)
task("imported tasks are a mapping", "- import_tasks: t.yml", "t.yml:1:1", None, files={"t.yml": "debug: msg=x\n"})
task("imported tasks are broken", "- import_tasks: t.yml", "t.yml:", None, files={"t.yml": "- debug: msg=x\n- debug: [\n"})
task("included tasks are broken", "- include_tasks: t.yml", "t.yml:", None, files={"t.yml": "- debug: msg=x\n- debug: [\n"}, at_run=True)
task("role missing", "- import_role: {name: nosuch}", "site.yml:4:", "nosuch")
task("included role missing", "- include_role: {name: nosuch}", "site.yml:4:", "nosuch", at_run=True)
for part, text, at, says in (
        ("tasks", "debug: msg=x\n", "roles/r/tasks/main.yml:1:1", None),
        ("defaults", "- a\n", "roles/r/defaults/main.yml:1:1", "dictionary"),
        ("vars", "text\n", "roles/r/vars/main.yml:1:1", "dictionary"),
        ("handlers", "- nosuch: x\n", "roles/r/handlers/main.yml:1:3", "nosuch"),
        ("meta", "dependencies: text\n", "roles/r/meta/main.yml:1:15", None),
        ("meta", "- a\n", "roles/r/meta/main.yml:1:1", None),
        ("meta", "dependencies: [{x: 1}]\n", "roles/r/meta/main.yml:1:", None),
        ("defaults", "a: [\n", "roles/r/defaults/main.yml:", None)):
    add(f"role with wrong {part}: {text.strip()}", {"site.yml": HEAD + "  roles: [r]\n", f"roles/r/{part}/main.yml": text}, at, says)
add("role that is a file", {"site.yml": HEAD + "  roles: [r]\n", "roles/r": "x"}, "site.yml:3:", "'r'")
play("vars_files missing", HEAD + "  vars_files: [nosuch.yml]\n  tasks: [{debug: msg=x}]\n", "site.yml:3:", "nosuch.yml")
for text in ("- a\n", "text\n", "a: [\n", "\0"):
    add(f"vars_files wrong: {text.strip()!r}", {"site.yml": HEAD + "  vars_files: [v.yml]\n  tasks: [{debug: msg=x}]\n", "v.yml": text}, "v.yml:", None)
add("vars_files a folder", {"site.yml": HEAD + "  vars_files: [v]\n  tasks: [{debug: msg=x}]\n", "v/x": ""}, "v", None)
task("include_vars of a list", "- include_vars: v.yml", "at site.yml:4:", "v.yml", files={"v.yml": "- a\n"}, at_run=True)

# --- templates

play("a variable that is itself", HEAD + "  vars: {a: '{{ a }}'}\n  tasks:\n    - debug: {msg: '{{ a }}'}\n", "at site.yml:3:", "recursive", at_run=True)
play("variables that are each other", HEAD + "  vars: {a: '{{ b }}', b: '{{ c }}', c: '{{ a }}'}\n  tasks:\n    - debug: {msg: '{{ a }}'}\n",
     "at site.yml:3:", "recursive", at_run=True)
play("a variable that grows", HEAD + "  vars: {a: 'x{{ a }}'}\n  tasks:\n    - debug: {msg: '{{ a }}'}\n", "at site.yml:3:", "recursive", at_run=True)
play("variables in a long chain", HEAD + "  vars:\n" + "".join(f"    v{i}: '{{{{ v{i + 1} }}}}'\n" for i in range(5000))
     + "    v5000: end\n  tasks:\n    - debug: {msg: '{{ v0 }}'}\n", "at site.yml:", None, at_run=True)
for name, text, says in (
        ("includes itself", "{% include 't' %}", None), ("extends itself", "{% extends 't' %}", None),
        ("imports itself", "{% import 't' as t %}{{ t }}", None),
        ("macro without end", "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}", None),
        ("block not closed", "a\n{% if x %}\n", "if"), ("for not closed", "{% for i in [1] %}", "for"),
        ("wrong end", "{% if true %}{% endfor %}", "endfor"), ("comment not closed", "{# x", None),
        ("raw not closed", "{% raw %}", None), ("unknown statement", "{% nosuch %}", "nosuch"),
        ("expression not closed", "{{ x", None), ("nested blocks", "{% if true %}" * 5000 + "{% endif %}" * 5000, None),
        ("NUL", "a\0b", "")):
    works = says == ""
    task("template: " + name, "- template: {src: t, dest: '{{ playbook_dir }}/out'}", None if works else "at templates/t:", says or None,
         files={"templates/t": text}, at_run=True, works=works)
expression("not closed", "{{ x", None)
expression("nothing", "{{ }}", None)
expression("two values", "{{ 1 2 }}", None)
expression("an operator alone", "{{ 1 + }}", None)
expression("deep parentheses", "{{ " + "(" * 20000 + "1" + ")" * 20000 + " }}", None)
expression("deep lists", "{{ " + "[" * 20000 + "]" * 20000 + " }}", None)
expression("deep not", "{{ " + "not " * 20000 + "1 }}", None)
expression("deep minus", "{{ " + "-" * 20000 + "1 }}", None)
expression("deep attributes", "{{ x" + ".a" * 20000 + " }}", None)
expression("deep filters", "{{ x" + "|string" * 20000 + " }}", None)
expression("deep sums", "{{ 1" + " + x" * 20000 + " }}", None)
expression("undefined", "{{ nosuch }}", "'nosuch' is undefined")
expression("undefined attribute", "{{ {'a': 1}.nosuch.more }}", "nosuch")
expression("unknown filter", "{{ 1 | uper }}", "upper")
expression("unknown test", "{{ 1 is defind }}", "defined")
expression("unknown lookup", "{{ lookup('nosuch') }}", "nosuch")
expression("unknown function", "{{ nosuch(1) }}", "nosuch")
expression("division by zero", "{{ 1 / 0 }}", "zero")
expression("text and number", "{{ 'a' + 1 }}", None)
expression("wrong arguments", "{{ 'a' | replace }}", None)
expression("a huge range", "{{ range(1000000000000) | list }}", None)
expression("a huge text", "{{ 'x' * 100000000000 }}", None)
expression("a huge list", "{{ [1] * 100000000000 }}", None)
expression("a huge power", "{{ 10 ** 10 ** 10 }}", None)
expression("a huge padding", "{{ 'x'.ljust(100000000000) }}", None)
expression("a huge centre", "{{ 'x' | center(100000000000) }}", None)
expression("a huge format", "{{ '%999999999999d' % 1 }}", None)
expression("a huge format of its own", "{{ '{:999999999999}'.format(1) }}", None)
expression("a huge product", "{{ range(10000) | product(range(10000), range(10000)) | list | length }}", None)
expression("a wrong regular expression", "{{ 'x' | regex_search('(') }}", None)
expression("a slow regular expression", "{{ ('a' * 40 ~ 'b') | regex_search('^(a+)+$') }}", "match limit")
expression("from_json of junk", "{{ '{' | from_json }}", None)
expression("from_json nested", "{{ ('[' * 100000) | from_json }}", None)

# --- what grows without end: texts, lists, loops and calls

for name, text, says in (
        ("indentation", "{{ 'x' | indent(10**9, true) }}", "indent makes a text of more than 64 MB"),
        ("indentation of many lines", "{% set t = 'x\\n' * 10**6 %}{{ t | indent(1000) }}", "64 MB"), ("centre", "{{ 'x' | center(10**9) }}", "64 MB"),
        ("zeros", "{{ 'x'.zfill(10**12) }}", "64 MB"), ("tabs", "{% set t = '\\t' %}{{ t.expandtabs(10**12) }}", None),
        ("join", "{{ range(10**6) | join('x' * 10**6) }}", "join makes a text of more than 64 MB"),
        ("replacement", "{{ ('a' * 10**6) | replace('a', 'b' * 10**6) }}", "64 MB"),
        ("method replace", "{{ ('a' * 10**6).replace('', 'b' * 10**6) }}", "64 MB"),
        ("replacement by pattern", "{{ ('a' * 10**4) | regex_replace('a', 'b' * 10**4) }}", "64 MB"),
        ("JSON", "{{ {'a': [1]} | to_json(indent=10**9) }}", "64 MB"), ("JSON of JSON", "{{ ([[[[1]]]] * 10**5) | to_json(indent=10**4) }}", "64 MB"),
        ("comment", "{{ 'x' | comment(prefix_count=10**12) }}", "64 MB"),
        ("width of a format", "{{ '%*d' % (10**12, 1) }}", None), ("digits", "{{ '%.999999999f' % 1.5 }}", None),
        ("sum of texts", "{{ (['x' * 10**7] * 20) | join }}", "64 MB"),
        ("batches", "{{ [1] | batch(10**9, 0) | list }}", "items"), ("slices", "{{ [1] | slice(10**9, 0) | list }}", "items"),
        ("orders", "{{ range(30) | permutations | list | length }}", "makes more than"), ("choices", "{{ range(60) | combinations(30) | list | length }}", "makes more than"),
        ("repeated product", "{{ [1, 2] | product(repeat=60) | list | length }}", "items"),
        ("list", "{{ range(4000000) | list + range(4000000) | list }}", "makes more than"),
        ("words", "{{ lipsum(n=10**9) }}", "paragraphs"), ("sequence", "{{ lookup('sequence', 'start=1 end=1000000000000') }}", None),
        ("nested lookup", "{{ query('nested', range(10**4), range(10**4), range(10**4)) | length }}", None)):
    expression("grows: " + name, text, says)
for text in ("{{ 'x' | comment(newline='', postfix='', postfix_count=10**12) }}", "{{ 1.5 | round(10**9) }}", "{{ range(10**6) | map('string') | join | length }}"):
    task("does not grow: " + text, '- debug: {msg: "%s"}' % text, says="1 ok", at_run=True, works=True)
for name, text, says in (
        ("numbers", "{% for i in range(10**12) %}x{% endfor %}", "items"),
        ("rounds", "{% for i in range(4000) %}{% for j in range(4000) %}{% endfor %}{% endfor %}", "makes more than"),
        ("output", "{% for i in range(1000000) %}{{ 'x' * 1000 }}{% endfor %}", "64 MB"),
        ("a text doubled in a loop", "{% set ns = namespace(t='x') %}{% for i in range(100) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}{{ ns.t | length }}", "64 MB"),
        ("a text added to itself", "{% set ns = namespace(t='x') %}{% for i in range(100) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t | length }}", "64 MB"),
        ("a list doubled in a loop", "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}", None),
        ("a list of itself twice", "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", "parts"),
        ("a mapping of itself twice", "{% set ns = namespace(l={}) %}{% for i in range(100) %}{% set ns.l = {'a': ns.l, 'b': ns.l} %}{% endfor %}{{ ns.l }}", "parts"),
        ("a list extended by itself", "{% set l = [1] %}{% for i in range(100) %}{% set _ = l.extend(l) %}{% endfor %}{{ l | length }}", None),
        ("a list that takes all", "{% set l = [] %}{% for i in range(4000000) %}{% for j in range(100) %}{% set _ = l.append('x' * i) %}{% endfor %}{% endfor %}", None),
        ("macros that call themselves twice", "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}", "memory"),
        ("macros without end", "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}", "recursive"),
        ("callers without end", "{% macro m() %}{{ caller() }}{% endmacro %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}", "recursive"),
        ("a block in itself", "{% block b %}{{ self.b() }}{% endblock %}", "recursive"),
        ("a loop in itself", "{% set l = [] %}{% set _ = l.append(l) %}{% for x in l recursive %}{{ loop(x) }}{% endfor %}", "recursive"),
        ("parentheses", "{{ " + "(" * 50000 + "1" + ")" * 50000 + " }}", None),
        ("statements", "{% if true %}" * 20000 + "{% endif %}" * 20000, None)):
    task("grows: " + name, "- template: {src: t, dest: '{{ playbook_dir }}/out'}", "at templates/t:", says, files={"templates/t": text}, at_run=True)
for name, step, says in (("text", "{{ v%d }}{{ v%d }}", "64 MB"), ("text with ~", "{{ v%d ~ v%d }}", "MB"), ("lists", "{{ [v%d, v%d] }}", None),
                         ("mappings", "{{ {'a': v%d, 'b': v%d} }}", None), ("plain lists", ["{{ v%d }}", "{{ v%d }}"], None)):
    body = "".join("    v%d: %s\n" % (i + 1, json.dumps(step).replace("%d", str(i))) for i in range(60))
    play("grows: variables that double each other: " + name, HEAD + "  vars:\n    v0: xxxxxxxx\n" + body + "  tasks:\n    - debug: {msg: '{{ v60 | length }}'}\n",
         "at site.yml:", says, at_run=True)
play("grows: an alias bomb", HEAD + "  vars:\n    v0: &v0 [x, x, x, x, x, x, x, x, x, x]\n"
     + "".join("    v%d: &v%d [%s]\n" % (i + 1, i + 1, ", ".join(["*v%d" % i] * 10)) for i in range(12)) + "  tasks:\n    - debug: {msg: '{{ v12 | string | length }}'}\n",
     "site.yml:9:", "aliases")

task("from_yaml of junk", "- debug: {msg: '{{ \"{\" | from_yaml }}'}", "at <unicode string>:", "node", at_run=True)
task("from_yaml nested", "- debug: {msg: '{{ (\"[\" * 100000) | from_yaml }}'}", "at <unicode string>:", "deep", at_run=True)
expression("a missing file", "{{ lookup('file', 'nosuch') }}", "nosuch")
expression("a pipe that fails", "{{ lookup('pipe', 'exit 3') }}", "3")

task("template not UTF-8", "- template: {src: t, dest: out}", "at templates/t:2:3", "utf-8", files={"templates/t": b"a\n\xc3\xa4b\xff\n"}, at_run=True)
task("vault of what is none", "- debug: {msg: !vault junk}", "at site.yml:4:", "not vault encrypted", at_run=True)
play("vault variable of what is none", HEAD + "  vars: {a: !vault junk}\n  tasks:\n    - debug: {var: a}\n", "at site.yml:3:", "not vault encrypted", at_run=True)
play("a name with a slip", HEAD + "  vars: {packages: 1}\n  tasks:\n    - debug: {msg: '{{ pakages }}'}\n", "at site.yml:5:24", "Did you mean 'packages'?", at_run=True)
play("a member with a slip", HEAD + "  vars: {app: {version: 1}}\n  tasks:\n    - debug: {msg: '{{ app.verison }}'}\n", "at site.yml:5:28",
     "Did you mean 'version'?", at_run=True)
play("a slip in a block", HEAD + "  vars: {port: 1}\n  tasks:\n    - debug:\n        msg: |\n          one\n          two {{ prot }}\n", "at site.yml:8:18",
     "Did you mean 'port'?", at_run=True)
play("a slip in a condition", HEAD + "  tasks:\n    - debug: {msg: x}\n      when: >-\n        true and\n        inventory_hostnam == 'x'\n", "at site.yml:7:9",
     "Did you mean 'inventory_hostname'?", at_run=True)
task("a slip in a template", "- template: {src: t, dest: out}", "at templates/t:2:8", "Did you mean 'inventory_hostname'?",
     files={"templates/t": "a\nhost {{inventory_hostnme}}\n"}, at_run=True)

# --- inventories

add("inventory: an empty folder", {"inv/.keep": "", "site.yml": DEBUG}, None, None, args=["run", "-i", "inv", "site.yml"])
add("inventory: links to itself", {"inv": lambda p: os.symlink("inv", p), "site.yml": DEBUG}, None, "inv", args=["run", "-i", "inv", "site.yml"])
inventory("section not closed", "[web\nh\n", "hosts:1", None)
inventory("section of no kind", "[web:nosuch]\nh\n", "hosts:1", "nosuch")
inventory("child that is none", "[a:children]\nnosuch\n", "hosts:2", "nosuch")
inventory("a group in itself", "[a:children]\na\n", None, None)
inventory("groups in each other", "[a:children]\nb\n[b:children]\na\n", None, None)
inventory("a huge range", "h[1:1000000000]\n", "hosts:1", None)
inventory("a huge range of ranges", "h[1:10000]x[1:10000]\n", "hosts:1", None)
inventory("a range backwards", "h[9:1]\n", None, "no hosts matched", works=True)
inventory("a range of nothing", "h[a:]\n", "hosts:1", None)
inventory("a quote not closed", "h a='x\n", "hosts:1", None)
inventory("NUL", "h\0 a=1\n", works=True)
inventory("not UTF-8", b"h a=\xff\n", works=True)
inventory("binary", bytes(random.Random(5).randbytes(20000)), "hosts", "binary file")

inventory("a long line", "h " + "a=1 " * 500000 + "\n", works=True)
add("inventory: wrong YAML", {"h.yml": "all:\n  hosts: [\n", "site.yml": DEBUG}, None, "h.yml", args=["run", "-i", "h.yml", "site.yml"])
add("inventory: YAML of the wrong kind", {"h.yml": "all: {hosts: {h: [1]}}\n", "site.yml": DEBUG}, None, "h.yml",
    args=["run", "-i", "h.yml", "site.yml"])
add("inventory: a script that fails", {"h.sh": lambda p: (open(p, "w").write("#!/bin/sh\necho no >&2; exit 3\n"), os.chmod(p, 0o755)), "site.yml": DEBUG},
    None, "h.sh", args=["run", "-i", "h.sh", "site.yml"])
add("inventory: a script without JSON", {"h.sh": lambda p: (open(p, "w").write("#!/bin/sh\necho junk\n"), os.chmod(p, 0o755)), "site.yml": DEBUG},
    None, "h.sh", args=["run", "-i", "h.sh", "site.yml"])
for text in ("a: [\n", "- a\n", "a: \xff\n".encode("latin-1"), "text\n"):
    add(f"group_vars wrong: {text!r}", {"group_vars/all.yml": text, "site.yml": DEBUG}, "group_vars/all.yml:", None)
add("host_vars wrong", {"host_vars/h.yml": "a: [\n", "site.yml": DEBUG}, "host_vars/h.yml:", None)

# --- options and settings

for name, option, says in (
        ("variables file missing", ["-e", "@nosuch.yml"], "nosuch.yml"), ("variables not JSON", ["-e", "{a: ["], None),
        ("variables a list", ["-e", "[1, 2]"], "dictionary"), ("variables without @", ["-e", "./x.yml"], "@"),
        ("variables from a folder", ["-e", "@/tmp"], "/tmp"), ("limit from a missing file", ["-l", "@nosuch"], "nosuch"),
        ("limit of nobody", ["-l", "nosuch"], "nosuch"),
        ("limit by a wrong expression", ["-l", "~["], "without a ]"), ("limit but a wrong expression", ["-l", "!~("], "regular expression"),
        ("output of no kind", ["--output", "xml"], "json"), ("no such task to start at", ["--start-at-task", "nosuch"], "nosuch"),
        ("password file missing", ["--become-password-file", "nosuch"], "nosuch"), ("timeout no number", ["-T", "soon"], "soon")):
    add("option: " + name, {"site.yml": DEBUG}, None, says, args=["run", "-i", "hosts", "site.yml", *option])
for name, text, at in (("no section", "forks = 5\n", "ansible.cfg:1"), ("wrong number", "[defaults]\nforks = many\n", "ansible.cfg:2"),
                       ("junk", "[defaults\n", "ansible.cfg:1"), ("binary", "\0\1\2", "ansible.cfg")):
    add("settings: " + name, {"site.yml": DEBUG, "ansible.cfg": text}, at, None)
