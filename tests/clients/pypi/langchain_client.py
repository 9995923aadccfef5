from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from wants import IMAGE_URL, Answer, run_tools


def client_of(chat_of):
    class Client:
        def __init__(self, origin, api_key):
            self.server = (origin, api_key)

        def ask(self, asked):
            chat = chat_of(*self.server, asked["model"], asked.get("thinks"))
            content = [{"type": "text", "text": asked["prompt"]}]
            if asked.get("image"):
                content.append({"type": "image_url", "image_url": {"url": IMAGE_URL}})
            messages = [HumanMessage(content)]
            seen = {"pieces": 0}
            if asked.get("structured"):
                shaped = chat.with_structured_output(Answer, method="json_schema")
                answer = list(shaped.stream(messages))[-1] if asked["stream"] else shaped.invoke(messages)
                return {**seen, "parsed": answer.model_dump()}
            if asked.get("tools"):
                chat = chat.bind_tools(asked["tools"])

            def step(results):
                messages.extend(ToolMessage(output, tool_call_id=id) for id, output in results)
                message = read(chat.stream(messages), seen) if asked["stream"] else chat.invoke(messages)
                messages.append(message)
                thought = "".join(block.get("reasoning", "") for block in message.content_blocks if block["type"] == "reasoning")
                seen.update(text=message.text, thought=thought)
                return [(call["id"], call["name"], call["args"]) for call in message.tool_calls]

            run_tools(asked, step)
            return seen

        def leave(self, asked):
            stream = chat_of(*self.server, asked["model"]).stream(asked["prompt"])
            for chunk in stream:
                if chunk.text:
                    break
            stream.close()

    return Client


def read(chunks, seen):
    message = None
    for chunk in chunks:
        seen["pieces"] += bool(chunk.text)
        message = chunk if message is None else message + chunk
    return message


def chat(origin, api_key, model, thinks=False):
    more = {"reasoning_effort": "low"} if thinks else {}
    return ChatOpenAI(model=model, base_url=f"{origin}/v1", api_key=api_key, max_retries=0, **more)


def responses(origin, api_key, model, thinks=False):
    more = {"reasoning": {"effort": "low", "summary": "auto"}} if thinks else {}
    return ChatOpenAI(model=model, base_url=f"{origin}/v1", api_key=api_key, max_retries=0, use_responses_api=True, **more)


def anthropic(origin, api_key, model, thinks=False):
    more = {"thinking": {"type": "enabled", "budget_tokens": 1_024}} if thinks else {}
    return ChatAnthropic(model=model, base_url=origin, api_key=api_key, max_retries=0, max_tokens=2_000, **more)


CLIENTS = [
    {"name": "langchain-openai", "how": "`ChatOpenAI`", "protocol": "chat", "lacks": {"reasoning": "reads no reasoning of chat completions"}, "connect": client_of(chat)},
    {"name": "langchain-openai", "how": "`use_responses_api=True`", "protocol": "responses", "connect": client_of(responses)},
    {"name": "langchain-anthropic", "how": "`ChatAnthropic`", "protocol": "messages", "connect": client_of(anthropic)},
]
