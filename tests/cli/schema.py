"""Compares the JSON Schema of service files with the parser: examples, mistakes and every key."""
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

ANDON, ROOT = sys.argv[1:]
# What no schema can see: files that are not there, names that stand twice, zones, orders.
BEYOND = re.compile(
    r"No such file|is a folder|stands twice|already in this mapping|two rings|time zone|is more than|no regular|"
    r"day of the week|are no hours|hours .* are empty|ends before|is no day|is but one|belongs to 'change|"
    r"begins with http|shorter than|needs the key 'min'|nothing could lie|not in that month|every_ring has|indentation")


class Loader(yaml.SafeLoader):
    """Dates stay text, as andon reads them."""


Loader.yaml_implicit_resolvers = {
    k: [(tag, rx) for tag, rx in v if tag != "tag:yaml.org,2002:timestamp"]
    for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def examples():
    """Service files: those of the documentation, and those of the unit test of mistakes."""
    for block in re.findall(r"```yaml\n(.*?)```", open(f"{ROOT}/docs/SERVICE.md").read(), re.S):
        if not block.startswith("service:"):
            block = "service: shop\ndeploy: site.yml\n" + block
            block += "" if "\nrings:" in block else "rings:\n  - a: b\n"
        yield block
    text = open(f"{ROOT}/tests/unit/data/service/mistakes.inc").read()
    for quoted in re.findall(r'^\{"((?:[^"\\]|\\.)*)",', text, re.M):
        yield json.loads(f'"{quoted}"')


def parser_says(folder, text):
    path = os.path.join(folder, "andon.yml")
    with open(path, "w") as f:
        f.write(text)
    p = subprocess.run([ANDON, "check", path], capture_output=True, text=True, check=False)
    return p.returncode == 0, p.stdout


def main():
    schema = json.load(open(f"{ROOT}/schema/andon.schema.json"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    agree = bad = refused = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in ("site.yml", "verify.yml", "hosts", "deploy/site.yml", "inventory/hosts"):
            os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
            with open(f"{folder}/{name}", "w") as f:
                f.write("- hosts: all\n" if name.endswith("yml") else "h1\n")
        for text in examples():
            good, told = parser_says(folder, text)
            try:
                valid = validator.is_valid(yaml.load(text, Loader))
            except yaml.YAMLError:
                valid = False
            if good == valid or (not good and BEYOND.search(told)):
                agree += 1
                refused += not good and not valid
            else:
                bad += 1
                print(f"the parser {'takes' if good else 'refuses'} it, the schema does not agree:\n{text}\n{told}")
    assert agree > 40 and refused > 15, (agree, refused)
    print(f"{agree} files agree, {refused} refused by both")
    return 1 if bad else 0


sys.exit(main())
