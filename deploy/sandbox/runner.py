"""A stand-in for the process in a project's pod. It knows only its environment, like any program in a container.

It serves `/readyz` and `/livez` on a free port, which it writes to RUNNER_PORT_FILE. It says hello to the platform with
the token in MESH_SIX_TOKEN_FILE until it is accepted, and again later. It ends with its parent.
"""

import ctypes
import json
import os
import signal
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PR_SET_PDEATHSIG = 1
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
RENEW_SECONDS = 1800.0


class Probes(BaseHTTPRequestHandler):
    """What the kubelet asks."""

    def do_GET(self) -> None:
        """Answer the probes."""
        known = self.path in ("/readyz", "/livez")
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(b"ok\n" if known else b"not found\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        """Keep probes out of the log."""


def say(text: str) -> None:
    """Write one line to the log."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the sandbox is gone, and leave at once if it already is."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ["RUNNER_PARENT"]):
        sys.exit(1)


def hello(base: str) -> bool:
    """Say hello once and tell whether it was accepted."""
    token = Path(os.environ["MESH_SIX_TOKEN_FILE"]).read_text().strip()
    content = {
        "environment": os.environ["MESH_SIX_ENVIRONMENT"],
        "purpose": "runner",
        "instance_id": os.environ["MESH_SIX_INSTANCE_ID"],
    }
    request = urllib.request.Request(  # noqa: S310 - the address comes from the pod's environment
        f"{base.rstrip('/')}/api/runner/hello",
        data=json.dumps(content).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - see above
            say(f"hello accepted: {answer.status}")
            return True
    except urllib.error.HTTPError as error:
        say(f"hello refused: {error.code}")
    except OSError as error:
        say(f"hello failed: {error}")
    return False


def greet(stopping: threading.Event) -> None:
    """Say hello until told to stop."""
    base = os.environ.get("MESH_SIX_URL", "")
    if not base:
        say("MESH_SIX_URL is not set: no hello")
        return
    pause = FIRST_PAUSE
    while not stopping.is_set():
        accepted = hello(base)
        stopping.wait(RENEW_SECONDS if accepted else pause)
        pause = FIRST_PAUSE if accepted else min(pause * 2, LONGEST_PAUSE)


def main() -> int:
    """Run until SIGTERM."""
    die_with_parent()
    say(f"starting {os.environ['MESH_SIX_ENVIRONMENT']}")
    if os.environ.get("RUNNER_FAULT") == "crash":
        say("fatal: the workspace cannot be opened")
        return 1
    stopping = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Probes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port_file = Path(os.environ["RUNNER_PORT_FILE"])
    draft = port_file.with_suffix(".new")
    draft.write_text(str(server.server_address[1]))
    draft.replace(port_file)
    say(f"ready on port {server.server_address[1]}")
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    threading.Thread(target=greet, args=(stopping,), daemon=True).start()
    stopping.wait()
    say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
