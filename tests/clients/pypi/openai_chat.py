import json

from openai import OpenAI

from wants import IMAGE_URL, INPUT, Answer, described, run_tools


class Client:
    def __init__(self, origin, api_key):
        self.completions = OpenAI(base_url=f"{origin}/v1", api_key=api_key, max_retries=0).chat.completions

    def ask(self, asked):
        content = [{"type": "text", "text": asked["prompt"]}]
        if asked.get("image"):
            content.append({"type": "image_url", "image_url": {"url": IMAGE_URL}})
        request = {"model": asked["model"], "messages": [{"role": "user", "content": content}]}
        if tools := described(asked):
            function = lambda name, description: {"name": name, "description": description, "parameters": INPUT, "strict": True}
            request["tools"] = [{"type": "function", "function": function(*tool)} for tool in tools]
        if asked.get("thinks"):
            request["reasoning_effort"] = "low"
        if asked.get("structured"):
            request["response_format"] = Answer
        seen = {"pieces": 0}

        def step(results):
            for id, output in results:
                request["messages"].append({"role": "tool", "tool_call_id": id, "content": output})
            message = self.stream(request, seen) if asked["stream"] else self.completions.parse(**request).choices[0].message
            request["messages"].append(message.model_dump(exclude_none=True))
            if not asked["stream"]:
                seen["thought"] = getattr(message, "reasoning", None)
            seen.update(text=message.content, parsed=message.parsed and message.parsed.model_dump())
            return [(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]

        run_tools(asked, step)
        return seen

    def stream(self, request, seen):
        seen["thought"] = ""
        with self.completions.stream(**request) as stream:
            for event in stream:
                seen["pieces"] += event.type == "content.delta"
                if event.type == "chunk" and event.chunk.choices:
                    seen["thought"] += getattr(event.chunk.choices[0].delta, "reasoning", None) or ""
            return stream.get_final_completion().choices[0].message

    def leave(self, asked):
        messages = [{"role": "user", "content": asked["prompt"]}]
        with self.completions.create(model=asked["model"], messages=messages, stream=True) as stream:
            for chunk in stream:
                if chunk.choices[0].delta.content:
                    break


CLIENTS = [{"name": "openai", "how": "`chat.completions.parse`, `.stream`", "protocol": "chat", "connect": Client}]
