"""The bench's use of the test fleet."""
import os
import shlex
import subprocess

from . import machine

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STATE = os.environ.get("ANDON_FLEET_DIR", "/var/tmp/andon-fleet")
CURVE = "-o KexAlgorithms=curve25519-sha256"


class Fleet:
    """N hosts of an instance of their own, up for the time of a `with`."""

    def __init__(self, hosts, name="bench"):
        self.hosts, self.name = hosts, name
        self.dir = os.path.join(STATE, "run", name)
        self.group = machine.Group(None)
        self.enter = []

    def command(self, *words):
        subprocess.run([os.path.join(TOP, "tests/fleet/fleet"), "-n", self.name, *words], check=True)

    def __enter__(self):
        subprocess.run([os.path.join(TOP, "tests/fleet/fleet"), "-n", self.name, "down"], stderr=subprocess.DEVNULL)
        self.command("up", str(self.hosts))
        record = {}
        with open(os.path.join(self.dir, "instance")) as f:
            for line in f:
                key, _, value = line.strip().partition("=")
                record[key] = "".join(shlex.split(value))
        self.group = machine.Group(record["I_CGROUP"] or None)
        # Entered directly: `fleet run` is a script, and its start would count.
        self.enter = ["nsenter", f"--net={self.dir}/net", "--"]
        self.write_curve_inventory()
        return self

    def __exit__(self, *_):
        self.command("down")

    def write_curve_inventory(self):
        with open(self.inventory("default")) as f:
            text = f.read()
        with open(self.inventory("curve25519"), "w") as f:
            f.write(text.replace("ansible_ssh_common_args=", f"ansible_ssh_common_args={CURVE} "))

    def inventory(self, kex):
        return os.path.join(self.dir, "inventory.ini" if kex == "default" else "inventory-curve25519.ini")

    def ssh(self, kex):
        return ["ssh", "-n", "-F", os.path.join(self.dir, "ssh_base"), *(CURVE.split() if kex != "default" else [])]

    def reset(self):
        self.command("reset")

    def all_have(self, path):
        """Whether every host has made the file: seen in its upper layer, without asking the host."""
        return all(os.path.lexists(f"{self.dir}/h{i:04d}/upper/{path.lstrip('/')}") for i in range(1, self.hosts + 1))
