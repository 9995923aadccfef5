"""What the scenarios use in Python: a schema and a picture."""

import inspect

from pydantic import BaseModel

IMAGE = {"type": "image/png", "data": "iVBORw0KGgo="}
IMAGE_URL = f"data:{IMAGE['type']};base64,{IMAGE['data']}"

INPUT = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"], "additionalProperties": False}


class Answer(BaseModel):
    answer: str


def run_tools(asked, step):
    """Sends results of tools back until the answer has no call. `step` takes them as `(id, output)`, and returns calls as `(id, name, input)`."""
    tools = {tool.__name__: tool for tool in asked.get("tools") or []}
    results = []
    while calls := step(results):
        results = [(id, tools[name](**input)) for id, name, input in calls]


def described(asked):
    """Each tool as its name and its description."""
    return [(tool.__name__, inspect.getdoc(tool)) for tool in asked.get("tools") or []]
