import json

from openai import OpenAI

from wants import IMAGE_URL, INPUT, Answer, described, run_tools


class Client:
    def __init__(self, origin, api_key):
        self.responses = OpenAI(base_url=f"{origin}/v1", api_key=api_key, max_retries=0).responses

    def ask(self, asked):
        content = [{"type": "input_text", "text": asked["prompt"]}]
        if asked.get("image"):
            content.append({"type": "input_image", "image_url": IMAGE_URL, "detail": "auto"})
        request = {"model": asked["model"], "input": [{"role": "user", "content": content}]}
        if tools := described(asked):
            request["tools"] = [
                {"type": "function", "name": name, "description": description, "parameters": INPUT, "strict": True} for name, description in tools
            ]
        if asked.get("thinks"):
            request["reasoning"] = {"effort": "low", "summary": "auto"}
        if asked.get("structured"):
            request["text_format"] = Answer
        seen = {"pieces": 0}

        def step(results):
            request["input"] += [{"type": "function_call_output", "call_id": id, "output": output} for id, output in results]
            response = self.stream(request, seen) if asked["stream"] else self.responses.parse(**request)
            request["input"] += [item.model_dump(exclude_none=True, exclude={"parsed_arguments", "content.parsed"}) for item in response.output]
            reasoning = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
            parsed = response.output_parsed
            seen.update(text=response.output_text, thought="".join(reasoning), parsed=parsed and parsed.model_dump())
            return [(item.call_id, item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"]

        run_tools(asked, step)
        return seen

    def stream(self, request, seen):
        with self.responses.stream(**request) as stream:
            for event in stream:
                seen["pieces"] += event.type == "response.output_text.delta"
            return stream.get_final_response()

    def leave(self, asked):
        with self.responses.create(model=asked["model"], input=asked["prompt"], stream=True) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    break


CLIENTS = [{"name": "openai", "how": "`responses.parse`, `.stream`", "protocol": "responses", "connect": Client}]
