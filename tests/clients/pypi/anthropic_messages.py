from anthropic import Anthropic

from wants import IMAGE, INPUT, Answer, described, run_tools

MOST = 2_000


class Client:
    def __init__(self, origin, api_key):
        self.messages = Anthropic(base_url=origin, api_key=api_key, max_retries=0).messages

    def ask(self, asked):
        content = [{"type": "text", "text": asked["prompt"]}]
        if asked.get("image"):
            content.insert(0, {"type": "image", "source": {"type": "base64", "media_type": IMAGE["type"], "data": IMAGE["data"]}})
        request = {"model": asked["model"], "max_tokens": MOST, "messages": [{"role": "user", "content": content}]}
        if tools := described(asked):
            request["tools"] = [{"name": name, "description": description, "input_schema": INPUT} for name, description in tools]
        if asked.get("thinks"):
            request["thinking"] = {"type": "enabled", "budget_tokens": 1_024}
        if asked.get("structured"):
            request["output_format"] = Answer
        seen = {"pieces": 0}

        def step(results):
            if results:
                blocks = [{"type": "tool_result", "tool_use_id": id, "content": output} for id, output in results]
                request["messages"].append({"role": "user", "content": blocks})
            message = self.stream(request, seen) if asked["stream"] else self.messages.parse(**request)
            request["messages"].append({"role": "assistant", "content": message.content})
            text = "".join(block.text for block in message.content if block.type == "text")
            thought = "".join(block.thinking for block in message.content if block.type == "thinking")
            parsed = message.parsed_output
            seen.update(text=text, thought=thought, parsed=parsed and parsed.model_dump())
            return [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]

        run_tools(asked, step)
        return seen

    def stream(self, request, seen):
        with self.messages.stream(**request) as stream:
            for _ in stream.text_stream:
                seen["pieces"] += 1
            return stream.get_final_message()

    def leave(self, asked):
        messages = [{"role": "user", "content": asked["prompt"]}]
        with self.messages.create(model=asked["model"], max_tokens=MOST, messages=messages, stream=True) as stream:
            for event in stream:
                if event.type == "content_block_delta":
                    break

    def count(self, asked):
        return self.messages.count_tokens(model=asked["model"], messages=[{"role": "user", "content": asked["prompt"]}]).input_tokens


CLIENTS = [{"name": "anthropic", "how": "`messages.parse`, `.stream`, `.count_tokens`", "protocol": "messages", "acts": ["count"], "connect": Client}]
