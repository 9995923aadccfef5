"""Asks the edge for vectors with the openai package of PyPI, which asks for base64 by itself. Prints what it reads."""

import json
import sys

from openai import OpenAI

base_url, api_key, model = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key=api_key, max_retries=0)
answer = client.embeddings.create(model=model, input=["hello", "there"])
numbers = client.embeddings.create(model=model, input="hello", encoding_format="float")
try:
    client.embeddings.create(model="fault/rate-limited-30", input="hello")
    error = None
except Exception as thrown:
    error = [type(thrown).__name__, getattr(thrown, "status_code", None)]
json.dump({"vectors": [row.embedding for row in answer.data], "numbers": numbers.data[0].embedding, "error": error}, sys.stdout)
