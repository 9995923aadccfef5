"""Makes calls that fail with the SDKs of PyPI. Takes the calls on standard input, and prints the error of each: the class, the status
and the code."""

import json
import sys

from langchain_openai import ChatOpenAI
from openai import OpenAI


def with_openai(base_url, api_key, model, prompt, stream):
    client = OpenAI(base_url=base_url, api_key=api_key)
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}], stream=stream)
    return list(answer) if stream else answer


def with_langchain(base_url, api_key, model, prompt, stream):
    chat = ChatOpenAI(base_url=base_url, api_key=api_key, model=model)
    return list(chat.stream(prompt)) if stream else chat.invoke(prompt)


SDKS = {"openai": with_openai, "langchain-openai": with_langchain}


def class_of(error):
    """The class of openai that an error has; LangChain derives its own classes from those."""
    return next((base.__name__ for base in type(error).__mro__ if base.__module__.startswith("openai")), type(error).__name__)


def error_of(call):
    """How a call fails."""
    try:
        answer = SDKS[call.pop("sdk")](**call)
    except Exception as error:
        return [class_of(error), getattr(error, "status_code", None), getattr(error, "code", None)]
    return ["no error", None, repr(answer)]


json.dump([error_of(call) for call in json.load(sys.stdin)], sys.stdout)
