#!/usr/bin/env python3
"""The suite's HTTP server: fixed answers for get_url and uri cases.

  /file/NAME    the file shared/www/NAME (with ETag and Last-Modified)
  /echo         JSON of the request: method, chosen headers, body
  /status/N     an answer with status N
  /redirect/N   N redirects, then /file/hello.txt
  /auth         wants basic credentials ann:secret
  /flaky/KEY/N  503 for the first N requests with that KEY, then 200
  /slow/S       answers after S seconds
  /agent        the User-Agent of the request
  /gzip         a text, compressed
  /packages/P   the file P of the folder of Debian packages, if there is one

The same is served with TLS and a certificate nobody trusts on the next port.
"""
import base64
import email.utils
import gzip
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

PORT = 8080
WWW = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "www")
ECHOED = ("content-type", "accept", "x-token", "authorization", "content-length", "if-modified-since", "cookie")
FILE_DATE = "Wed, 01 Mar 2023 10:00:00 GMT"


def start(prefix, address, folder, packages=None):
    """Start the server by `prefix` (a command that enters its network); it answers when this returns."""
    log = os.path.join(folder, "web.log")
    out = open(log, "w", encoding="utf-8")
    child = subprocess.Popen([*prefix, sys.executable, os.path.abspath(__file__), address, folder, packages or ""],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=out, text=True)
    if child.stdout.readline() != "ready\n":
        raise OSError(f"the suite's HTTP server did not start, see {log}")
    return child


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the table in the module's documentation."""

    protocol_version = "HTTP/1.1"
    seen = {}

    def answer(self, status, body, kind="text/plain", **headers):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response_only(status)
        self.send_header("Server", "suite")
        self.send_header("Content-Type", kind)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode("utf-8", "replace")
        parts = self.path.split("?")[0].strip("/").split("/")
        page = getattr(self, "page_" + parts[0], None)
        if page is None:
            self.answer(404, "no such page\n")
        else:
            page(parts[1:], body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any

    def page_file(self, parts, _):
        path = os.path.join(WWW, *parts)
        if ".." in parts or not os.path.isfile(path):
            self.answer(404, "no such file\n")
        elif self.headers.get("If-Modified-Since") == FILE_DATE:
            self.answer(304, "")
        else:
            with open(path, "rb") as f:
                self.answer(200, f.read(), "application/octet-stream", Last_Modified=FILE_DATE)

    def page_packages(self, parts, _):
        path = os.path.join(sys.argv[3], *map(urllib.parse.unquote, parts))
        if ".." in path.split("/") or not sys.argv[3] or not os.path.isfile(path):
            self.answer(404, "no such file\n")
        else:
            with open(path, "rb") as f:
                self.answer(200, f.read(), "application/octet-stream")

    def page_echo(self, _, body):
        kept = {k: v for k, v in self.headers.items() if k.lower() in ECHOED}
        if "If-Modified-Since" in kept:                       # the time the case ran, or nonsense
            valid = email.utils.parsedate_to_datetime(kept["If-Modified-Since"])
            kept["If-Modified-Since"] = "a date" if valid.tzinfo else "no date"
        sent = {"method": self.command, "path": self.path, "headers": {k.lower(): kept[k] for k in sorted(kept)},
                "body": body}
        self.answer(200, json.dumps(sent, sort_keys=True), "application/json", X_Suite="echo",
                    Set_Cookie="session=abc; Path=/")

    def page_status(self, parts, _):
        self.answer(int(parts[0]), f"status {parts[0]}\n")

    def page_redirect(self, parts, _):
        left = int(parts[0])
        to = f"/redirect/{left - 1}" if left > 1 else "/file/hello.txt"
        self.answer(302, "elsewhere\n", Location=to)

    def page_auth(self, _, _body):
        want = "Basic " + base64.b64encode(b"ann:secret").decode()
        if self.headers.get("Authorization") == want:
            self.answer(200, "welcome ann\n")
        else:
            self.answer(401, "who are you?\n", WWW_Authenticate='Basic realm="suite"')

    def page_flaky(self, parts, _):
        count = self.seen[parts[0]] = self.seen.get(parts[0], 0) + 1
        if count <= int(parts[1]):
            self.answer(503, "not yet\n")
        else:
            self.seen[parts[0]] = 0
            self.answer(200, "ready\n")

    def page_slow(self, parts, _):
        time.sleep(float(parts[0]))
        self.answer(200, "at last\n")

    def page_agent(self, _, _body):
        self.answer(200, (self.headers.get("User-Agent") or "none") + "\n")

    def page_gzip(self, _, _body):
        self.answer(200, gzip.compress(b"text that was compressed\n", mtime=0), Content_Encoding="gzip")

    def log_message(self, format, *args):
        sys.stderr.write(f"{self.client_address[0]} {format % args}\n")
        sys.stderr.flush()


def main():
    plain = http.server.ThreadingHTTPServer((sys.argv[1], PORT), Handler)
    secure = http.server.ThreadingHTTPServer((sys.argv[1], PORT + 1), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(sys.argv[2]))
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    threading.Thread(target=secure.serve_forever, daemon=True).start()
    print("ready", flush=True)
    plain.serve_forever()


def self_signed(folder):
    """A new key and certificate in one file."""
    path = os.path.join(folder, "web.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=suite",
                    "-keyout", path + ".key", "-out", path + ".crt"], check=True, stderr=subprocess.DEVNULL)
    with open(path, "w", encoding="ascii") as out:
        for part in (".key", ".crt"):
            with open(path + part, encoding="ascii") as f:
                out.write(f.read())
    return path


if __name__ == "__main__":
    main()
