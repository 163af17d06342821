#!/usr/bin/env python3
"""render.py TEMPLATE VARIABLES.json: how often per second Python's jinja2 renders the template; the
counterpart of render.c. Prints one JSON object."""
import json
import sys
import time

import jinja2

SECONDS = 1.0


def per_second(work):
    """Calls of work() per second of processor time, after a warm-up, over about SECONDS."""
    work()
    calls, start = 0, time.process_time()
    while time.process_time() - start < SECONDS:
        for _ in range(20):
            work()
        calls += 20
    return calls / (time.process_time() - start)


def main():
    with open(sys.argv[1]) as f:
        text = f.read()
    with open(sys.argv[2]) as f:
        variables = json.load(f)
    # The settings of Ansible's template module, and the one filter here that is not jinja2's own.
    env = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined, cache_size=0)
    env.filters["ternary"] = lambda value, yes, no: yes if value else no
    template = env.from_string(text)
    print(json.dumps({
        "text": template.render(variables),
        "rendered": per_second(lambda: template.render(variables)),
        "parsed and rendered": per_second(lambda: env.from_string(text).render(variables)),
    }))


main()
