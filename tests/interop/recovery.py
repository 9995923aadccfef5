"""Reads streams with the openai of PyPI. Takes a job on standard input, tells on standard output which came out wrong."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI

job = json.load(sys.stdin)
client = OpenAI(base_url=job["base_url"], api_key=job["api_key"], max_retries=0)


def read(models):
    """What is wrong with the answer of this chain, or nothing."""
    try:
        text, ends = "", []
        request = {"model": models[0], "messages": job["messages"], "stream": True}
        for chunk in client.chat.completions.create(**request, extra_body={"models": models, "failsoft": job["failsoft"]}):
            if chunk.choices:
                text += chunk.choices[0].delta.content or ""
                ends += filter(None, [chunk.choices[0].finish_reason])
        if text != job["whole"] or ends != ["stop"]:
            return [models, text, ends]
    except Exception as error:
        return [models, repr(error)]


with ThreadPoolExecutor(4) as pool:
    wrong = [found for found in pool.map(read, job["chains"]) if found]
json.dump({"read": len(job["chains"]), "wrong": wrong[:5]}, sys.stdout)
