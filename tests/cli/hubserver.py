"""A hub on this machine: runs a command with HF_ENDPOINT set to it and ends with its exit code.

usage: hubserver.py ROOT [--log FILE] [--fault NAME[=N] ...] [--revision REV] -- COMMAND...

ROOT/org/name/... are the repositories' files. As on the real hub, large files (.gguf, .safetensors,
.onnx, or more than 1,000 bytes) are at another host (here: another port) to which the answer redirects, with
their SHA-256 in X-Linked-ETag; small ones have git's id as their ETag. The log has a line for each
request: METHOD PATH STATUS, then "range=..." and "token" where the request had them, "cdn" at the other host.

Faults, of the large files' bytes unless it says otherwise; N says how many requests have it (default: all):
  cut       the connection is closed after half of the bytes asked for
  status    503 with Retry-After: 0
  list503   the same for the list of files
  wrong     a byte is another one
  wrongonce a byte is another one in the first answer, which is cut too
  endless   bytes without end, without a length
  long      a Content-Length that is too large, and as many bytes
  short     fewer bytes than there are, without a length
  norange   ranges are ignored
  badrange  a range that was not asked for
  otheretag the ETag of the bytes changes with every request
  stall     half of the bytes, then nothing
  headers   headers without end
  loop      redirected to where it came from
  moved     of everything at the hub: redirected to another path there, as renamed repositories are
  scheme    redirected to file:///etc/passwd
  nobytes   of the list: no sizes and hashes
  hashlie   of the list: another SHA-256 than the file has
  badjson, nosha, dots, absolute, huge, negative, many, twice, control, endlesslist: of the list
  etag      an ETag that is a path
  noetag    no ETag at all
"""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse

LARGE = (".gguf", ".safetensors", ".onnx", ".onnx_data")


def git_id(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Hub:
    def __init__(self, root, log, faults, revision):
        self.root, self.log, self.revision = root, log, revision
        self.left = {name: int(n) if n else 1 << 30 for name, _, n in (f.partition("=") for f in faults)}
        self.lock = threading.Lock()
        self.requests = 0

    def fault(self, name):
        with self.lock:
            if self.left.get(name, 0) > 0:
                self.left[name] -= 1
                return True
            return False

    def has(self, name):
        return name in self.left

    def files(self, repo):
        base = os.path.join(self.root, repo)
        found = {}
        for folder, _, names in os.walk(base):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as f:
                    found[os.path.relpath(path, base)] = f.read()
        return dict(sorted(found.items()))

    def commit(self, repo):
        h = hashlib.sha1()
        for path, data in self.files(repo).items():
            h.update(path.encode() + b"\0" + data)
        return h.hexdigest()

    def listing(self, repo):
        siblings = []
        for path, data in self.files(repo).items():
            item = {"rfilename": path, "size": len(data), "blobId": git_id(data)}
            if is_large(path, data):
                item["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
            siblings.append(item)
        answer = {"id": repo, "modelId": repo, "sha": self.commit(repo), "private": False,
                  "siblings": siblings}
        first = siblings[0]
        if self.has("nobytes"):
            answer["siblings"] = [{"rfilename": s["rfilename"]} for s in siblings]
        if self.has("hashlie"):
            for s in siblings:
                if "lfs" in s:
                    s["lfs"]["sha256"] = "0" * 64
        if self.has("nosha"):
            answer["sha"] = "../../../x"
        if self.has("dots"):
            first["rfilename"] = "../../../../evil.gguf"
        if self.has("absolute"):
            first["rfilename"] = "/tmp/evil.gguf"
        if self.has("control"):
            first["rfilename"] = "a\x1b[31m.gguf"
        if self.has("huge"):
            for s in siblings:
                s["size"] = 1 << 49
        if self.has("negative"):
            first["size"] = -5
        if self.has("twice"):
            siblings.append(dict(first))
        if self.has("many"):
            answer["siblings"] = [{"rfilename": f"f{i}"} for i in range(100001)]
        return json.dumps(answer).encode()[:-1 if self.has("badjson") else None]


def is_large(path, data):
    return path.endswith(LARGE) or len(data) > 1000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = cdn = None

    def log_message(self, *_):
        pass

    def note(self, status):
        if not self.hub.log:
            return
        words = [self.command, self.path, str(status)]
        if self.headers.get("Range"):
            words.append("range=" + self.headers["Range"])
        if self.headers.get("If-Range"):
            words.append("if-range")
        if self.headers.get("Authorization"):
            words.append("token")
        if self.server is self.cdn:
            words.append("cdn")
        with self.hub.lock, open(self.hub.log, "a") as f:
            f.write(" ".join(words) + "\n")

    def answer(self, status, headers, body=b""):
        self.note(status)
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def missing(self):
        self.answer(404, {"X-Error-Message": "Entry not found"})

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        try:
            path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
            if self.server is self.cdn:
                return self.send_large(path.lstrip("/"))
            if self.hub.has("moved") and not path.startswith("/moved/"):
                return self.answer(307, {"Location": "/moved" + self.path}, b"Moved")
            path = path.removeprefix("/moved")
            if path.startswith("/api/models/"):
                return self.send_list(path[len("/api/models/"):])
            return self.send_file(path.lstrip("/"))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send_tree(self, repo):
        """What huggingface_hub asks for besides."""
        entries = []
        for path, data in self.hub.files(repo).items():
            item = {"type": "file", "path": path, "size": len(data), "oid": git_id(data)}
            if is_large(path, data):
                item["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
            entries.append(item)
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(entries).encode())

    def send_list(self, path):
        if "/tree/" in path:
            return self.send_tree(path.partition("/tree/")[0])
        repo, _, revision = path.partition("/revision/")
        if self.hub.fault("list503"):
            return self.answer(503, {"Retry-After": "0"}, b"busy")
        if not os.path.isdir(os.path.join(self.hub.root, repo)):
            return self.answer(401, {"X-Error-Message": "Repository not found"})
        if revision not in ("", self.hub.revision, self.hub.commit(repo)):
            return self.answer(404, {"X-Error-Message": f"Invalid rev id: {revision}"})
        if self.hub.fault("endlesslist"):
            return self.endless()
        return self.answer(200, {"Content-Type": "application/json"}, self.hub.listing(repo))

    def send_file(self, path):
        repo, _, rest = path.partition("/resolve/")
        commit = self.hub.commit(repo)
        for revision in (commit, self.hub.revision):
            if rest.startswith(revision + "/"):
                break
        else:
            return self.missing()
        name = rest[len(revision) + 1:]
        data = self.hub.files(repo).get(name)
        if data is None:
            return self.missing()
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_id(data)}"', "Accept-Ranges": "bytes"}
        if self.hub.has("etag"):
            headers["ETag"] = '"../../../evil"'
        if self.hub.has("noetag"):
            del headers["ETag"]
        if not is_large(name, data):
            return self.answer(200, headers, data)
        digest = hashlib.sha256(data).hexdigest()
        if not self.hub.has("etag") and not self.hub.has("noetag"):
            headers["X-Linked-ETag"] = f'"{digest}"'
        headers["X-Linked-Size"] = str(len(data))
        headers["Location"] = f"http://localhost:{self.cdn.server_port}/{repo}/{name}?sign=1"
        if self.hub.fault("loop"):
            headers["Location"] = self.path
        if self.hub.fault("scheme"):
            headers["Location"] = "file:///etc/passwd"
        return self.answer(302, headers, b"Found. Redirecting to elsewhere")

    def endless(self):
        self.note(200)
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            self.wfile.write(b"x" * 65536)

    def send_large(self, path):
        org, name, rest = path.split("/", 2)
        data = self.hub.files(f"{org}/{name}")[rest]
        hub = self.hub
        if hub.fault("status"):
            return self.answer(503, {"Retry-After": "0"}, b"busy")
        if hub.fault("headers"):
            self.send_response(200)
            for i in range(100000):
                self.send_header(f"X-{i}", "y" * 1000)
                if i % 50 == 0:
                    self.flush_headers()
            return self.end_headers()
        if hub.fault("endless"):
            return self.endless()
        hub.requests += 1
        etag = f'"cdn-{hub.requests if hub.has("otheretag") else 0}"'
        start, wanted = 0, self.headers.get("Range")
        fresh = self.headers.get("If-Range") in (None, etag)
        if wanted and fresh and not hub.fault("norange"):
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            if start >= len(data):
                return self.answer(416, {"Content-Range": f"bytes */{len(data)}"})
        whole, data = len(data), data[start:]
        if hub.fault("wrong") and data:
            data = data[:-1] + bytes([data[-1] ^ 1])
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        if start:
            shift = 1 if hub.fault("badrange") else 0
            headers["Content-Range"] = f"bytes {start + shift}-{whole - 1}/{whole}"
        status = 206 if start else 200
        if hub.fault("long"):
            return self.answer(status, headers, data + b"more")
        cut = hub.fault("cut")
        if hub.fault("wrongonce"):
            data, cut = bytes([data[0] ^ 1]) + data[1:], True
        if cut or hub.fault("stall"):
            headers["Content-Length"] = str(len(data))
            self.answer(status, headers, data[:len(data) // 2])
            if not cut:
                self.wfile.flush()
                time.sleep(20)
            self.close_connection = True
            return None
        if hub.fault("short"):
            headers.update({"Transfer-Encoding": "chunked"})
            part = data[:len(data) // 2]
            return self.answer(status, headers, b"%x\r\n" % len(part) + part + b"\r\n0\r\n\r\n")
        return self.answer(status, headers, data)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client may go away
            super().handle_error(request, client_address)


def serve():
    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main():
    args = sys.argv[1:]
    at = args.index("--")
    own, command = args[:at], args[at + 1:]
    log, faults, revision = None, [], "main"
    root = own.pop(0)
    while own:
        flag, value = own.pop(0), own.pop(0)
        if flag == "--log":
            log = value
        elif flag == "--fault":
            faults.append(value)
        elif flag == "--revision":
            revision = value
        else:
            sys.exit(f"unknown: {flag}")
    Handler.hub = Hub(root, log, faults, revision)
    Handler.cdn = serve()
    hub = serve()
    env = dict(os.environ, HF_ENDPOINT=f"http://127.0.0.1:{hub.server_port}", no_proxy="*")
    sys.exit(subprocess.run(command, env=env, check=False).returncode)


if __name__ == "__main__":
    main()
