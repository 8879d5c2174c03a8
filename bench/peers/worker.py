"""One process for each peer, asked over pipes, so that their threads, memory and libraries stay apart.

A request is a line of JSON, {"op": name, ...arguments}; the answer is a line, {"result": ...} or
{"error": "..."}. What the peer's library prints goes to standard error.
"""
import json
import os
import subprocess
import sys


def serve(operations):
    """Answers requests from standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": operations[request.pop("op")](**request)}
        except Exception as error:  # whatever the library raises is the asker's to report
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class WorkerError(Exception):
    pass


class Worker:
    """The asking side. `worker.ask("prefill", ids=[...])` waits for the answer."""

    def __init__(self, python, script, log):
        self.name = os.path.basename(script)
        self.process = subprocess.Popen([python, script], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=log)

    def ask(self, op, **arguments):
        try:
            self.process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"{self.name}: ended during {op}, status {self.process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.name}: {op}: {answer['error']}")
        return answer["result"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
