#!/usr/bin/python3
"""Asks the installed Ansible how it splits arguments and selects tags, for the unit tests of playbook and run.

    tests/oracle/playbook.py           write tests/unit/data/kv.jsonl and tests/unit/data/tags.tsv
    tests/oracle/playbook.py --check   only say whether they are still what Ansible gives

kv.jsonl: s the text, raw whether the module takes free-form text, r the result or null where Ansible refuses it.
tags.tsv: tags of the task, --tags, --skip-tags (each separated by commas) and 1 when it runs.
"""
import itertools
import json
import os
import sys

from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv
from ansible.playbook.taggable import Taggable

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "data")

TEXTS = [
    "", " ", "a", "a=b", "a=b c=d", "  a=b   c=d  ", "a= b=c", "a=b=c", "=a", "a==b", "a=b a=c",
    "path=/tmp/x mode=0644 owner=root", "src=a.j2 dest=/etc/a.conf", "name=x state=present\n",
    "a='b c'", 'a="b c"', "a='b \"c\" d'", 'a="b \'c\' d"', "a='b", 'a="b', "a=b'c", "a='b'c'd'", "a='b''c'",
    "a='' b=\"\"", "a='=' b='x=y'", "'a=b'", "\"a=b\" c=d", "a='b c' d", "a=\"{{ b }}\"", "a='{{ b }} c'",
    "a={{ b }}", "a={{b}}", "a={{ b | default('c d') }}", "a={{ 'x' ~ \"y\" }} b=c", "a={{ b", "a=b }}", "a={% if b %}c{% endif %}",
    "a={% if b %} c {% endif %} d=e", "a={# note #}b", "a={{ {'x': 1} }}", "a={{ b }}-{{ c }} d={{ e }}", "{{ a }}", "{{ a }}=b", "{{ a=b }}",
    "a={{ x == 'y' }}", "msg={{ lookup('pipe', 'date') }}", "a=b\\=c", "a\\=b", "a\\=b c=d", "a=b\\ c", "a=\\n", "a='\\n'", "a=\"\\t\\\\x\"",
    "a=\\x41 b=\\u00e9 c=\\U0001f600", "a=\\q", "a=\\", "a=b\\\nc=d", "a=b \\\n c=d", "a=b\nc=d", "a=\"b\nc\"", "a='b\n  c'", "a=b\tc=d",
    "echo hello", "echo hello > /tmp/x", "echo a=b", "echo 'a b' \"c d\"", "ls -l /tmp creates=/tmp/x", "creates=/tmp/x ls -l",
    "chdir=/tmp ls", "echo \"x=y\" chdir=/tmp", "echo creates=a removes=b", "echo {{ item }}", "echo \"{{ item }}\" creates={{ x }}",
    "echo {{ a b }} chdir='/tmp/a b'", "echo '{\"a\": 1}'", "a=b  c   d", "echo  two   spaces", "echo a\nb", "echo a\n\nb", "echo a \\\n b",
    "awk '{print $1}' /etc/passwd", "sh -c 'echo \"x\"'", "echo \\\"x\\\"", "echo it\\'s", "executable=/bin/bash set -o pipefail; a | b",
    "free_form=x", "_raw_params=x y", "warn=no ls", "stdin='a b' cat", "a-b=c", "a.b=c", "a b=c d", "ä=ö", "a=ö b='é è'", "a=b;c=d", "a=[1,2] b={x:1}",
    "a=yes b=no c=1 d=1.5", "key='ssh-rsa AAA= me@x'", "regexp='^a=(.*)$' line='a=\\1'", "regexp=\"\\\\s+\" x=y", "a=$HOME b=~/x", "a=%s b=#c", "# a=b",
    "a=`date` b=$(date)", "a='b' 'c=d'", "'a'=b", "a =b", "a= b", "a = b", "x={{ 'a' }}{{ \"b\" }} y=z", "x='{{ a }}' y=\"{{ b }}\" z={{ c }}",
]


def kv_lines():
    for text in TEXTS:
        for raw in (False, True):
            try:
                r = parse_kv(text, check_raw=raw)
            except (AnsibleError, ValueError, IndexError):
                r = None
            yield json.dumps({"s": text, "raw": raw, "r": r}, ensure_ascii=True)


class Item(Taggable):
    def __init__(self, tags):
        self.tags = list(tags)
        self._loader = None


def subsets(names, most):
    for n in range(most + 1):
        yield from itertools.combinations(names, n)


def tag_lines():
    for tags in subsets(("a", "b", "always", "never"), 3):
        for only in subsets(("all", "a", "c", "tagged", "untagged", "always", "never"), 2):
            for skip in subsets(("all", "a", "tagged", "untagged", "always", "never"), 1):
                runs = Item(tags).evaluate_tags(only or ("all",), skip, {})
                yield "\t".join((",".join(tags), ",".join(only), ",".join(skip), "1" if runs else "0"))


def main():
    check = "--check" in sys.argv[1:]
    stale = 0
    for name, lines in (("kv.jsonl", kv_lines()), ("tags.tsv", tag_lines())):
        path, text = os.path.join(DATA, name), "\n".join(lines) + "\n"
        if not check:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        elif not os.path.exists(path) or open(path, encoding="utf-8").read() != text:
            print(f"{name}: Ansible gives something else now")
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
