import asyncio
import base64

from pydantic_ai import Agent, BinaryContent, ModelSettings
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from wants import IMAGE, Answer


def client_of(model_of, thinking):
    class Client:
        def __init__(self, origin, api_key):
            self.server = (origin, api_key)

        def ask(self, asked):
            return asyncio.run(self.ask_soon(asked))

        async def ask_soon(self, asked):
            agent = Agent(
                model_of(*self.server, asked["model"]),
                tools=asked.get("tools") or [],
                output_type=Answer if asked.get("structured") else str,
                model_settings=thinking if asked.get("thinks") else None,
                retries=0,
            )
            prompt = [asked["prompt"]]
            if asked.get("image"):
                prompt.append(BinaryContent(base64.b64decode(IMAGE["data"]), media_type=IMAGE["type"]))
            pieces = 0
            if asked["stream"]:
                async with agent.run_stream(prompt) as result:
                    async for _ in result.stream_output(debounce_by=None):
                        pieces += 1
                    output = await result.get_output()
            else:
                result = await agent.run(prompt)
                output = result.output
            thought = "".join(part.content for message in result.new_messages() for part in message.parts if part.part_kind == "thinking")
            structured = asked.get("structured")
            return {"pieces": pieces, "text": None if structured else output, "parsed": output.model_dump() if structured else None, "thought": thought}

        def leave(self, asked):
            asyncio.run(self.leave_soon(asked))

        async def leave_soon(self, asked):
            async with Agent(model_of(*self.server, asked["model"])).run_stream(asked["prompt"]) as result:
                async for _ in result.stream_text(delta=True, debounce_by=None):
                    break

    return Client


def openai(model_class):
    return lambda origin, api_key, model: model_class(model, provider=OpenAIProvider(base_url=f"{origin}/v1", api_key=api_key))


def anthropic(origin, api_key, model):
    return AnthropicModel(model, provider=AnthropicProvider(base_url=origin, api_key=api_key))


RESPONSES = OpenAIResponsesModelSettings(openai_reasoning_effort="low", openai_reasoning_summary="auto")
MESSAGES = AnthropicModelSettings(anthropic_thinking={"type": "enabled", "budget_tokens": 1_024}, max_tokens=2_000)
CHAT = ModelSettings(extra_body={"reasoning_effort": "low"})

CLIENTS = [
    {"name": "pydantic-ai", "how": "`OpenAIChatModel`", "protocol": "chat", "error": "ModelHTTPError", "connect": client_of(openai(OpenAIChatModel), CHAT)},
    {"name": "pydantic-ai", "how": "`OpenAIResponsesModel`", "protocol": "responses", "error": "ModelHTTPError", "connect": client_of(openai(OpenAIResponsesModel), RESPONSES)},
    {"name": "pydantic-ai", "how": "`AnthropicModel`", "protocol": "messages", "error": "ModelHTTPError", "connect": client_of(anthropic, MESSAGES)},
]
