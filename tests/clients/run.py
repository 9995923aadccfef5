"""Runs the clients of the folder pypi. Reads a job on each line of standard input, and answers it on a line of standard output."""

import importlib
import json
import logging
import sys
import warnings
from pathlib import Path

FOLDER = Path(__file__).parent / "pypi"
# The scenarios check what a call returns and raises. What clients log beside it is left out.
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
sys.dont_write_bytecode = True
sys.path.insert(0, str(FOLDER.parent))

RESULTS = sys.stdout
sys.stdout = sys.stderr
CLIENTS = [client for file in sorted(FOLDER.glob("*.py")) for client in importlib.import_module(f"pypi.{file.stem}").CLIENTS]


def found(query):
    return f"found {query}"


def make_tools(called):
    """The two tools of the scenarios, as functions with a type and a description."""

    def search(query: str) -> str:
        """search for the words"""
        called.append(["search", query])
        return found(query)

    def weigh(query: str) -> str:
        """weigh for the words"""
        called.append(["weigh", query])
        return found(query)

    return [search, weigh]


def run(job):
    client = CLIENTS[job["client"]]
    called = []
    asked = job["asked"]
    if asked.get("tools"):
        asked["tools"] = make_tools(called)
    try:
        seen = getattr(client["connect"](job["origin"], job["apiKey"]), job["act"])(asked)
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return {"error": {"kinds": kinds, "status": getattr(error, "status_code", None), "message": str(error)}}
    return {"seen": {**seen, "called": called} if isinstance(seen, dict) else seen}


def write(value):
    RESULTS.write(json.dumps(value) + "\n")
    RESULTS.flush()


write([{"how": "", "lacks": {}, "acts": [], **{key: value for key, value in client.items() if key != "connect"}} for client in CLIENTS])
for line in sys.stdin:
    write(run(json.loads(line)))
