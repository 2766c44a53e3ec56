"""Serves the sandbox GitHub alone: python -m deploy.sandbox.github --data DIR [--config FILE] [--port N]."""

import argparse
import asyncio
import json
import sys
from pathlib import Path

from deploy.sandbox.base import Listening, bind, serve
from deploy.sandbox.github.app import make
from deploy.sandbox.github.config import Config


def main() -> None:
    """Parse the command line and serve until a signal comes. Prints {"github": URL} when ready."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.github", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory that keeps the state")
    parser.add_argument("--config", type=Path, help="JSON file: tokens, apps, accounts, repositories")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    given = parser.parse_args()
    config = Config.model_validate_json(given.config.read_text()) if given.config else Config()
    listening = Listening(make(config, given.data), bind(host=given.host, port=given.port))

    def ready() -> None:
        sys.stdout.write(json.dumps({"github": listening.url}) + "\n")
        sys.stdout.flush()

    asyncio.run(serve([listening], ready=ready))


if __name__ == "__main__":
    main()
