import asyncio

from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
from openai.types.shared import Reasoning

from wants import IMAGE_URL, Answer

set_tracing_disabled(True)


def client_of(model_class):
    class Client:
        def __init__(self, origin, api_key):
            self.server = {"base_url": f"{origin}/v1", "api_key": api_key, "max_retries": 0}

        def agent(self, asked):
            return Agent(
                name="helper",
                model=model_class(model=asked["model"], openai_client=AsyncOpenAI(**self.server)),
                tools=[function_tool(tool) for tool in asked.get("tools") or []],
                output_type=Answer if asked.get("structured") else None,
                model_settings=ModelSettings(reasoning=Reasoning(effort="low", summary="auto")) if asked.get("thinks") else ModelSettings(),
            )

        def ask(self, asked):
            return asyncio.run(self.ask_soon(asked))

        async def ask_soon(self, asked):
            content = [{"type": "input_text", "text": asked["prompt"]}]
            if asked.get("image"):
                content.append({"type": "input_image", "image_url": IMAGE_URL, "detail": "auto"})
            messages = [{"role": "user", "content": content}]
            pieces = 0
            if asked["stream"]:
                result = Runner.run_streamed(self.agent(asked), messages)
                async for event in result.stream_events():
                    pieces += is_text(event)
            else:
                result = await Runner.run(self.agent(asked), messages)
            output = result.final_output
            return {
                "pieces": pieces,
                "text": None if asked.get("structured") else output,
                "parsed": output.model_dump() if asked.get("structured") else None,
                "thought": "".join(thoughts(item.raw_item) for item in result.new_items if item.type == "reasoning_item"),
            }

        def leave(self, asked):
            asyncio.run(self.leave_soon(asked))

        async def leave_soon(self, asked):
            result = Runner.run_streamed(self.agent(asked), asked["prompt"])
            async for event in result.stream_events():
                if is_text(event):
                    result.cancel()

    return Client


def thoughts(reasoning):
    return "".join(part.text for part in reasoning.summary or reasoning.content or [])


def is_text(event):
    return event.type == "raw_response_event" and event.data.type == "response.output_text.delta"


CLIENTS = [
    {"name": "openai-agents", "how": "by default", "protocol": "responses", "connect": client_of(OpenAIResponsesModel)},
    {"name": "openai-agents", "how": "`set_default_openai_api(\"chat_completions\")`", "protocol": "chat", "connect": client_of(OpenAIChatCompletionsModel)},
]
