#!/usr/bin/python3
"""Runs a command on a pseudo-terminal, as a user's terminal would, and says what could be seen.

    terminal.py [--columns N] [--rows N] [--at SECONDS:ACTION].. [--on TEXT=ACTION].. [--timeout S] COMMAND..

ACTION: a key (^C, ^D, y, ENTER), several with blanks between, or size=COLUMNS. Those of --on wait, one after the other, until
the bottom line begins with the text (with * behind it: and nothing typed is shown). The answer is text in three parts: "screen" with the lines as they stood at
the end, "live" with each state of the bottom line that was taken away again, and "exit CODE". A line that ran over the
right edge while it was to be redrawn is told as "overflow".
"""
import argparse
import codecs
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
import unicodedata

SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\](?:[^\x07\x1b])*(?:\x07|\x1b\\)")


class Screen:
    """As much of a terminal as the program uses: text, line breaks, going back to the line's start, erasing, colours."""

    def __init__(self, columns):
        self.columns, self.lines, self.row, self.col = columns, [""], 0, 0
        self.live, self.overflow, self.unknown, self.colored = [], [], [], False
        self.wrapped = set()

    def text(self, c):
        w = 0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        if self.col + w > self.columns:
            self.wrapped.add(self.row + 1)
            self.newline()
            self.col = 0
        line = self.lines[self.row].ljust(self.col)
        self.lines[self.row] = line[: self.col] + c + line[self.col + 1 :]
        self.col += w

    def newline(self):
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    def erase(self):
        gone = self.lines[self.row]
        if self.col == 0 and gone:
            self.live.append(gone)
            if self.row in self.wrapped:
                self.overflow.append(gone)
        self.lines[self.row] = gone[: self.col]

    def feed(self, s):
        at = 0
        while at < len(s):
            m = SEQUENCE.match(s, at)
            if m:
                if m.group(2) == "K":
                    self.erase()
                elif m.group(2) == "m":
                    self.colored = True
                else:
                    self.unknown.append(m.group(0))
                at = m.end()
                continue
            c = s[at]
            at += 1
            if c == "\r":
                self.col = 0
            elif c == "\n":
                self.newline()
            elif c == "\t":
                self.col += 8 - self.col % 8
            elif c < " ":
                self.unknown.append(c)
            else:
                self.text(c)


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def act(fd, screen, rows, action):
    if action.startswith("size="):
        screen.columns = int(action[5:])
        set_size(fd, rows, screen.columns)
        return
    for key in action.split(" "):
        if key == "ENTER":
            os.write(fd, b"\n")
        elif len(key) == 2 and key[0] == "^":
            os.write(fd, bytes([ord(key[1]) & 31]))
        else:
            os.write(fd, key.encode())


def is_asking(fd, screen, text):
    """The text is there and, where the answer is to stay hidden, the echo is already off (what is typed before that is lost)."""
    line = screen.lines[screen.row]
    hidden = text.endswith("*")
    return line.startswith(text.rstrip("*")) and (not hidden or not termios.tcgetattr(fd)[3] & termios.ECHO)


def run(o):
    screen, start = Screen(o.columns), time.monotonic()
    plan = sorted((float(a.split(":", 1)[0]), a.split(":", 1)[1]) for a in o.at)
    answers = [a.split("=", 1) for a in o.on]
    pid, fd = pty.fork()
    if pid == 0:
        time.sleep(0.05)  # the size must be set first
        os.environ["TERM"] = "xterm-256color"
        os.execvp(o.command[0], o.command)
    set_size(fd, o.rows, o.columns)
    decode = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        now = time.monotonic() - start
        while plan and plan[0][0] <= now:
            act(fd, screen, o.rows, plan.pop(0)[1])
        if now > o.timeout:
            os.kill(pid, 9)
            break
        if answers and is_asking(fd, screen, answers[0][0]):
            act(fd, screen, o.rows, answers.pop(0)[1])
        wait = min([plan[0][0] - now] if plan else [0.05 if answers else 1.0])
        if not select.select([fd], [], [], max(wait, 0.01))[0]:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        screen.feed(decode.decode(data))
    return screen, os.waitpid(pid, 0)[1]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--columns", type=int, default=80)
    p.add_argument("--rows", type=int, default=24)
    p.add_argument("--at", action="append", default=[])
    p.add_argument("--on", action="append", default=[])
    p.add_argument("--timeout", type=float, default=30)
    p.add_argument("command", nargs=argparse.REMAINDER)
    o = p.parse_args()
    if o.command[:1] == ["--"]:
        o.command = o.command[1:]
    screen, status = run(o)
    print("screen:", *(f"|{line.rstrip()}" for line in screen.lines), sep="\n")
    print("live:", *(f">{line}" for line in screen.live), sep="\n")
    for line in screen.overflow:
        print(f"overflow: {line}")
    for s in screen.unknown:
        print(f"unknown: {s!r}")
    print("colored" if screen.colored else "plain")
    print("exit", os.waitstatus_to_exitcode(status))


sys.exit(main())
