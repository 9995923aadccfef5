//! How vendors word their errors: each row is a shape from a vendor's documentation or from a report of its users, with the
//! kind that it means. The kind stays the same if the keys have another order, the letters another case, and the error one
//! more wrapping.

use failsoft::failure::classify;
use failsoft::{Headers, Kind};
use serde_json::{Map, Value, json};

/// A shape: the vendor, the source, the status, the body, and the kind.
type Shape = (&'static str, &'static str, u16, Value, Kind);

fn message(text: &str) -> Value {
    json!({"error": {"message": text}})
}

/// The prompt does not fit.
fn overflows() -> Vec<Shape> {
    let said = |vendor, source, status, text: &str| (vendor, source, status, message(text), Kind::ContextLength);
    vec![
        said(
            "OpenAI",
            "earendil-works/pi#5929",
            400,
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
        ),
        said(
            "OpenAI",
            "openclaw/openclaw#20539",
            400,
            "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300008 tokens.",
        ),
        said("Groq", "cline/kanban#505", 400, "Please reduce the length of the messages or completion."),
        said(
            "vLLM",
            "earendil-works/pi#5929",
            400,
            "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
        ),
        said(
            "SGLang",
            "openclaw/openclaw#129352",
            400,
            "The input (263000 tokens) is longer than the model's context length (262144 tokens).",
        ),
        said(
            "SGLang",
            "openclaw/openclaw#129352",
            400,
            "Requested token count exceeds the model's maximum context length of 262144 tokens.",
        ),
        said(
            "Poolside",
            "earendil-works/pi#4943",
            400,
            "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
        ),
        said(
            "Atlas",
            "0xBakeer/inference-atlas#186",
            400,
            "Prompt too long: 5152 tokens exceeds max_seq_len 2048 (leave room for output tokens)",
        ),
        said(
            "LM Studio",
            "lmstudio-ai/lmstudio-bug-tracker",
            400,
            "Trying to keep the first 5012 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
        ),
        said(
            "LM Studio",
            "franksec42/LmStudioToCursor",
            400,
            "The number of tokens to keep from the initial prompt is greater than the context length",
        ),
        said("llama.cpp", "cline/kanban#505", 500, "slot unavailable, n_ctx too small for the prompt"),
        said(
            "TGI",
            "huggingface/text-generation-inference",
            422,
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens and 512 `max_new_tokens`",
        ),
        said(
            "Cohere",
            "docs.cohere.com: errors",
            400,
            "too many tokens: total number of tokens in the prompt exceeds the limit of 4081. Try using a shorter prompt.",
        ),
        said(
            "Mistral",
            "earendil-works/pi: overflow",
            400,
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        ),
        said(
            "Moonshot",
            "earendil-works/pi: overflow",
            400,
            "Invalid request: Your request exceeded model token limit: 8192 (requested: 9000)",
        ),
        said("MiniMax", "earendil-works/pi: overflow", 400, "invalid params, context window exceeds limit (2013)"),
        said(
            "DashScope",
            "help.aliyun.com: error-code",
            400,
            "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
        ),
        said("Zhipu", "docs.bigmodel.cn: error code 1261", 400, "Prompt 超长"),
        said(
            "Vertex",
            "cloud.google.com: Vertex AI errors",
            400,
            "Unable to submit request because the input token count is 40000 but model only supports up to 32768. Reduce the input token count and try again.",
        ),
        said("Bedrock", "docs.aws.amazon.com: ValidationException", 400, "Input is too long for requested model."),
        said(
            "Bedrock",
            "docs.aws.amazon.com: ValidationException",
            400,
            "Malformed input request: expected maxLength: 50000, actual: 60011, please reformat your input and try again.",
        ),
        said(
            "Bedrock",
            "docs.aws.amazon.com: ValidationException",
            400,
            "Too many input tokens. Max input tokens: 32000, request input token count: 51000",
        ),
        said(
            "Workers AI",
            "developers.cloudflare.com: Workers AI errors",
            413,
            "AiError: The estimated number of input and maximum output tokens (9000) exceeded this model context window limit (7968).",
        ),
        said("Copilot", "earendil-works/pi: overflow", 400, "prompt token count of 130001 exceeds the limit of 128000"),
        said(
            "DS4",
            "earendil-works/pi: overflow",
            400,
            "Prompt has 32769 tokens, but the configured context size is 32768 tokens",
        ),
        said(
            "Ollama",
            "earendil-works/pi: overflow",
            400,
            "prompt too long; exceeded max context length by 512 tokens",
        ),
        (
            "GitHub Models",
            "docs.github.com: GitHub Models",
            413,
            json!({"error": {"code": "tokens_limit_reached", "message": "Request body too large for gpt-4o model. Max size: 8000 tokens.", "details": "Request body too large for gpt-4o model. Max size: 8000 tokens."}}),
            Kind::ContextLength,
        ),
        (
            "LiteLLM",
            "BerriAI/litellm: exceptions",
            400,
            json!({"error": {"message": "litellm.ContextWindowExceededError: AnthropicException - {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 210000 tokens > 200000 maximum\"}}", "type": null, "param": null, "code": "400"}}),
            Kind::ContextLength,
        ),
        (
            "Fireworks",
            "docs.fireworks.ai: errors",
            400,
            json!({"error": {"object": "error", "type": "invalid_request_error", "code": "invalid_request_error", "message": "The prompt is too long: 12345, model maximum context length: 8191"}}),
            Kind::ContextLength,
        ),
        (
            "Databricks",
            "docs.databricks.com: model serving",
            400,
            json!({"error_code": "BAD_REQUEST", "message": "{\"external_model_provider\":\"amazon-bedrock\",\"external_model_error\":{\"message\":\"Input is too long for requested model.\"}}"}),
            Kind::ContextLength,
        ),
        (
            "z.ai",
            "earendil-works/pi: overflow",
            400,
            json!({"error": {"code": "model_context_window_exceeded", "message": "Stopped"}}),
            Kind::ContextLength,
        ),
        (
            "LocalAI",
            "mudler/LocalAI",
            500,
            json!({"error": {"code": 500, "message": "rpc error: code = Internal desc = the request exceeds the available context size. try increasing the context size or enable context shift", "type": ""}}),
            Kind::ContextLength,
        ),
        said(
            "OpenRouter",
            "openrouter.ai: errors",
            400,
            "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens (139000 of text input, 1000 in the output).",
        ),
        said(
            "TensorRT-LLM",
            "NVIDIA/TensorRT-LLM",
            400,
            "The number of input tokens (9000) must be less than max_seq_len",
        ),
        said(
            "Together",
            "docs.together.ai: errors",
            422,
            "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000",
        ),
        said(
            "llama-cpp-python",
            "abetlen/llama-cpp-python",
            400,
            "Requested tokens (5000) exceed context window of 4096",
        ),
        said("AI21", "docs.ai21.com: errors", 422, "Prompt has too many tokens for this model"),
    ]
}

/// The account has no money, or may not spend it.
fn empty_accounts() -> Vec<Shape> {
    let said = |vendor, source, status, text: &str| (vendor, source, status, message(text), Kind::PaymentRequired);
    vec![
        said("Zhipu", "continuedev/continue#11823", 429, "余额不足或无可用资源包,请充值。"),
        (
            "Zhipu",
            "langgenius/dify#5850",
            429,
            json!({"error": {"code": "1113", "message": "您的账户已欠费，请充值后重试。"}}),
            Kind::PaymentRequired,
        ),
        (
            "z.ai",
            "zai-org/feedback#789",
            429,
            json!({"type": "error", "error": {"type": "rate_limit_error", "code": "1113", "message": "[1113][Insufficient balance or no resource package. Please recharge.][20260922232915e8288c66f9ff4aaa]"}, "request_id": "2026"}),
            Kind::PaymentRequired,
        ),
        (
            "Moonshot",
            "666ghj/BettaFish#524",
            429,
            json!({"error": {"message": "Your account org-1 <ak-1> is suspended due to insufficient balance, please recharge your account or check your plan and billing details", "type": "exceeded_current_quota_error"}}),
            Kind::PaymentRequired,
        ),
        said("DeepSeek", "continuedev/continue#11387", 402, "Insufficient Balance"),
        (
            "SiliconFlow",
            "FoundationAgents/OpenManus#438",
            403,
            json!({"code": 30011, "message": "The selected model requires paid balance. Your paid balance is insufficient. Please top up and try again.", "data": null}),
            Kind::PaymentRequired,
        ),
        (
            "OpenAI",
            "platform.openai.com: error codes",
            429,
            json!({"error": {"message": "You exceeded your current quota, please check your plan and billing details.", "type": "insufficient_quota", "param": null, "code": "insufficient_quota"}}),
            Kind::PaymentRequired,
        ),
        (
            "OpenAI",
            "platform.openai.com: error codes",
            429,
            json!({"error": {"message": "Your account is not active, please check your billing details on our website.", "type": "billing_not_active", "param": null, "code": "billing_not_active"}}),
            Kind::PaymentRequired,
        ),
        (
            "DashScope",
            "help.aliyun.com: error-code",
            400,
            json!({"error": {"code": "Arrearage", "param": null, "message": "Access denied, please make sure your account is in good standing.", "type": "Arrearage"}, "request_id": "1"}),
            Kind::PaymentRequired,
        ),
        (
            "new-api",
            "QuantumNous/new-api",
            403,
            json!({"error": {"message": "用户额度不足, 剩余额度: ＄0.00", "type": "new_api_error", "code": "insufficient_user_quota"}}),
            Kind::PaymentRequired,
        ),
        (
            "LiteLLM",
            "docs.litellm.ai: budgets",
            400,
            json!({"error": {"message": "Budget has been exceeded! Current cost: 1.2, Max budget: 1.0", "type": "budget_exceeded", "param": null, "code": "400"}}),
            Kind::PaymentRequired,
        ),
        (
            "xAI",
            "docs.x.ai: errors",
            403,
            json!({"code": "The caller does not have permission to execute the specified operation", "error": "Your team 1 has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits or raise your spending limit."}),
            Kind::PaymentRequired,
        ),
        said(
            "Anthropic",
            "docs.claude.com: errors",
            400,
            "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
        ),
        (
            "Google",
            "cloud.google.com: errors",
            403,
            json!({"error": {"code": 403, "message": "This API method requires billing to be enabled. Please enable billing on project #1.", "status": "PERMISSION_DENIED", "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BILLING_DISABLED"}]}}),
            Kind::PaymentRequired,
        ),
        (
            "MiniMax",
            "platform.minimax.io: error codes",
            500,
            json!({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
            Kind::PaymentRequired,
        ),
        (
            "opencode",
            "anomalyco/opencode#24462",
            400,
            json!({"error": {"message": "Error from provider: Provider returned error", "code": 400, "metadata": {"raw": "{\"error\":{\"message\":\"Your account org-4 is suspended due to insufficient balance, please recharge your account\"}}"}}}),
            Kind::PaymentRequired,
        ),
        said("Together", "docs.together.ai: errors", 400, "Credit balance is negative. Please add funds."),
        said("Novita", "novita.ai: errors", 403, "Out of credits"),
        said("LiteLLM", "docs.litellm.ai: budgets", 400, "You've reached your monthly usage limit"),
    ]
}

/// The key is wrong.
fn wrong_keys() -> Vec<Shape> {
    let said = |vendor, source, status, text: &str| (vendor, source, status, message(text), Kind::Unauthorized);
    vec![
        said(
            "xAI",
            "docs.x.ai: errors",
            400,
            "Incorrect API key provided: xa***. You can obtain an API key from https://console.x.ai.",
        ),
        (
            "Gemini",
            "continuedev/continue#10290",
            400,
            json!([{"error": {"code": 400, "message": "API key expired. Please renew the API key.", "status": "INVALID_ARGUMENT", "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]}}]),
            Kind::Unauthorized,
        ),
        (
            "Gemini",
            "ai.google.dev: troubleshooting",
            403,
            json!({"error": {"code": 403, "message": "Your API key was reported as leaked. Please use another API key.", "status": "PERMISSION_DENIED"}}),
            Kind::Unauthorized,
        ),
        (
            "Bedrock",
            "docs.aws.amazon.com: errors",
            403,
            json!({"__type": "UnrecognizedClientException", "message": "The security token included in the request is invalid."}),
            Kind::Unauthorized,
        ),
        said(
            "DeepSeek",
            "api-docs.deepseek.com: error codes",
            401,
            "Authentication Fails, Your api key: ****1234 is invalid",
        ),
        (
            "Moonshot",
            "platform.moonshot.ai: errors",
            401,
            json!({"error": {"message": "Invalid Authentication", "type": "invalid_authentication_error"}}),
            Kind::Unauthorized,
        ),
        (
            "MiniMax",
            "platform.minimax.io: error codes",
            500,
            json!({"base_resp": {"status_code": 1004, "status_msg": "login fail: Please carry the API secret key in the 'Authorization' field of the request header"}}),
            Kind::Unauthorized,
        ),
        (
            "DashScope",
            "help.aliyun.com: error-code",
            400,
            json!({"code": "InvalidApiKey", "message": "Invalid API-key provided.", "request_id": "1"}),
            Kind::Unauthorized,
        ),
        (
            "Groq",
            "console.groq.com: errors",
            401,
            json!({"error": {"message": "Invalid API Key", "type": "invalid_request_error", "code": "invalid_api_key"}}),
            Kind::Unauthorized,
        ),
        (
            "one-api",
            "songquanpeng/one-api",
            500,
            json!({"error": {"message": "无效的令牌 (request id: 1)", "type": "one_api_error"}}),
            Kind::Unauthorized,
        ),
        said("Cohere", "docs.cohere.com: errors", 400, "invalid api token"),
        said("OpenRouter", "openrouter.ai: errors", 401, "No auth credentials found"),
        said(
            "Azure",
            "learn.microsoft.com: Azure OpenAI",
            400,
            "Access denied due to invalid subscription key: the API key is wrong.",
        ),
        ("Mistral", "docs.mistral.ai: errors", 401, json!({"detail": "Unauthorized"}), Kind::Unauthorized),
        ("Fireworks", "docs.fireworks.ai: errors", 400, json!({"error": "unauthenticated"}), Kind::Unauthorized),
        (
            "Anthropic",
            "docs.claude.com: errors",
            400,
            json!({"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}),
            Kind::Unauthorized,
        ),
        said("Gemini", "ai.google.dev: errors", 400, "Please provide a valid API key"),
        said("a proxy", "an expired session", 400, "Your token has expired, please log in again"),
    ]
}

/// The place is not served, or a permission is missing.
fn forbidden_places() -> Vec<Shape> {
    let said = |vendor, source, status, text: &str, kind| (vendor, source, status, message(text), kind);
    vec![
        (
            "Gemini",
            "google-gemini/gemini-cli#24641",
            400,
            json!({"error": {"message": "{\n  \"error\": {\n    \"code\": 400,\n    \"message\": \"User location is not supported for the API use.\",\n    \"status\": \"FAILED_PRECONDITION\"\n  }\n}\n", "code": 400, "status": "Bad Request"}}),
            Kind::Forbidden,
        ),
        (
            "OpenRouter",
            "OpenRouterTeam/ai-sdk-provider#187",
            400,
            json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": "{\n \"error\": {\n \"code\": 400,\n \"message\": \"User location is not supported for the API use.\",\n \"status\": \"FAILED_PRECONDITION\"\n }\n}\n", "provider_name": "Google AI Studio"}}}),
            Kind::Forbidden,
        ),
        (
            "OpenAI",
            "songquanpeng/one-api#1692",
            403,
            json!({"error": {"message": "Country, region, or territory not supported", "type": "request_forbidden", "param": "", "code": "unsupported_country_region_territory"}}),
            Kind::Forbidden,
        ),
        said(
            "opencode",
            "anomalyco/opencode#45755",
            400,
            "Error from provider (Console Go): Upstream request failed: [unsupported_country_region_territory] Country, region, or territory not supported",
            Kind::Forbidden,
        ),
        said(
            "Bedrock",
            "docs.aws.amazon.com: errors",
            400,
            "Access to Anthropic models is not allowed from unsupported countries, regions, or territories.",
            Kind::Forbidden,
        ),
        said(
            "Bedrock",
            "docs.aws.amazon.com: AccessDeniedException",
            400,
            "You don't have access to the model with the specified model ID.",
            Kind::NoEndpoint,
        ),
        said(
            "Google",
            "cloud.google.com: errors",
            400,
            "Permission 'aiplatform.endpoints.predict' denied on resource",
            Kind::Forbidden,
        ),
        said("Anthropic", "docs.claude.com: errors", 400, "This organization has been disabled.", Kind::Forbidden),
        said(
            "a gateway",
            "a country that is blocked",
            400,
            "Access from your country is not permitted",
            Kind::Forbidden,
        ),
    ]
}

/// The rate, whatever it counts.
fn rates() -> Vec<Shape> {
    let said = |vendor, source, status, text: &str| (vendor, source, status, message(text), Kind::RateLimited);
    vec![
        said("Bedrock", "jin-bo/agentao#88", 429, "Too many tokens, please wait before trying again."),
        said(
            "Bedrock",
            "docs.aws.amazon.com: ThrottlingException",
            429,
            "Too many tokens per day, please wait before trying again.",
        ),
        (
            "Groq",
            "console.groq.com: rate limits",
            413,
            json!({"error": {"message": "Request too large for model `m` in organization `o` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 7421, please reduce your message size and try again.", "type": "tokens", "code": "rate_limit_exceeded"}}),
            Kind::RateLimited,
        ),
        said(
            "Groq",
            "console.groq.com: rate limits",
            413,
            "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 7421",
        ),
        (
            "Gemini",
            "vercel/ai#18627",
            429,
            json!([{"error": {"code": 429, "message": "You exceeded your current quota, please check your plan and billing details.", "status": "RESOURCE_EXHAUSTED", "details": [{"@type": "type.googleapis.com/google.rpc.QuotaFailure"}]}}]),
            Kind::RateLimited,
        ),
        (
            "OpenRouter",
            "openrouter.ai: limits",
            429,
            json!({"error": {"message": "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day", "code": 429}}),
            Kind::RateLimited,
        ),
        (
            "OpenRouter",
            "zed-industries/zed#64424",
            429,
            json!({"error": {"message": "Provider returned error", "code": 429, "metadata": {"limit_source": "upstream_provider_shared_pool", "raw": "m is temporarily rate-limited upstream.", "remedy_hint": "Add credits"}}}),
            Kind::RateLimited,
        ),
        (
            "Anthropic",
            "docs.claude.com: errors",
            429,
            json!({"type": "error", "error": {"type": "rate_limit_error", "message": "This request would exceed your organization's rate limit of 40,000 input tokens per minute. Please reduce the prompt length or the maximum tokens requested."}}),
            Kind::RateLimited,
        ),
        (
            "Moonshot",
            "platform.moonshot.ai: errors",
            429,
            json!({"error": {"type": "engine_overloaded_error", "message": "The engine is currently overloaded, please try again later"}}),
            Kind::RateLimited,
        ),
        (
            "LiteLLM",
            "BerriAI/litellm: exceptions",
            500,
            json!({"error": {"message": "litellm.RateLimitError: VertexAIException - {\"error\": {\"code\": 429, \"message\": \"Resource exhausted. Please try again later.\", \"status\": \"RESOURCE_EXHAUSTED\"}}"}}),
            Kind::RateLimited,
        ),
        said("DashScope", "help.aliyun.com: error-code", 400, "Requests rate limit exceeded, please try again later."),
        (
            "DashScope",
            "help.aliyun.com: error-code",
            400,
            json!({"code": "Throttling.RateQuota", "message": "Requests throttling triggered."}),
            Kind::RateLimited,
        ),
        said(
            "Workers AI",
            "developers.cloudflare.com: Workers AI errors",
            429,
            "you have used up your daily free allocation of 10,000 neurons, please upgrade",
        ),
        (
            "Mistral",
            "earendil-works/pi#9815",
            429,
            json!({"object": "error", "message": "Service tier capacity exceeded for this model.", "type": "service_tier_capacity_exceeded", "param": null, "code": "3505"}),
            Kind::RateLimited,
        ),
        ("Cloudflare", "developers.cloudflare.com: 1015", 429, json!("error code: 1015"), Kind::RateLimited),
        said(
            "Google",
            "cloud.google.com: errors",
            403,
            "Quota exceeded for quota metric 'Generate requests' of service 'aiplatform.googleapis.com'",
        ),
        said("Replicate", "replicate.com: errors", 400, "Request was throttled. Expected available in 3 seconds."),
    ]
}

/// The model, the content, the upstream.
fn others() -> Vec<Shape> {
    let said = |vendor, source, status, text: &str, kind| (vendor, source, status, message(text), kind);
    vec![
        (
            "Azure",
            "learn.microsoft.com: Azure OpenAI",
            404,
            json!({"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}),
            Kind::UnknownModel,
        ),
        said("DeepSeek", "api-docs.deepseek.com: errors", 400, "Model Not Exist", Kind::UnknownModel),
        said(
            "Gemini",
            "ai.google.dev: errors",
            404,
            "models/gemini-9 is not found for API version v1main, or is not supported for generateContent.",
            Kind::UnknownModel,
        ),
        (
            "Groq",
            "console.groq.com: errors",
            400,
            json!({"error": {"message": "The model `mixtral` has been decommissioned and is no longer supported.", "type": "invalid_request_error", "code": "model_decommissioned"}}),
            Kind::UnknownModel,
        ),
        said("Zhipu", "docs.bigmodel.cn: error codes", 400, "模型不存在，请检查模型代码。", Kind::UnknownModel),
        said("Ollama", "ollama/ollama", 404, "model \"llama9\" not found, try pulling it first", Kind::UnknownModel),
        (
            "new-api",
            "QuantumNous/new-api",
            503,
            json!({"error": {"code": "model_not_found", "message": "No available channel for model gpt-9 under group default (distributor)", "type": "new_api_error"}}),
            Kind::Unavailable,
        ),
        said(
            "Ollama",
            "ollama/ollama",
            400,
            "registry.ollama.ai/library/gemma does not support tools",
            Kind::NoEndpoint,
        ),
        said(
            "OpenAI",
            "platform.openai.com: errors",
            400,
            "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.",
            Kind::NoEndpoint,
        ),
        said(
            "Anthropic",
            "docs.claude.com: errors",
            400,
            "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for claude-3-5",
            Kind::NoEndpoint,
        ),
        (
            "DashScope",
            "help.aliyun.com: error-code",
            400,
            json!({"error": {"code": "data_inspection_failed", "message": "Input data may contain inappropriate content."}}),
            Kind::ContentFilter,
        ),
        (
            "Azure",
            "learn.microsoft.com: content filter",
            400,
            json!({"error": {"message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", "type": null, "param": "prompt", "code": "content_filter", "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": true, "severity": "high"}}}}}),
            Kind::ContentFilter,
        ),
        said(
            "Zhipu",
            "docs.bigmodel.cn: error code 1301",
            400,
            "系统检测到输入或生成内容可能包含不安全或敏感内容",
            Kind::ContentFilter,
        ),
        said(
            "Go",
            "mudler/LocalAI",
            500,
            "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
            Kind::Unavailable,
        ),
        (
            "DeepSeek",
            "api-docs.deepseek.com: errors",
            503,
            json!({"error": {"message": "Server overloaded", "type": "server_error"}}),
            Kind::Unavailable,
        ),
        said("Bedrock", "docs.aws.amazon.com: errors", 500, "Bedrock is experiencing high demand", Kind::Unavailable),
        (
            "Anthropic",
            "docs.claude.com: errors",
            500,
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            Kind::Unavailable,
        ),
        (
            "Envoy",
            "envoyproxy/envoy",
            503,
            json!("upstream connect error or disconnect/reset before headers. reset reason: connection failure"),
            Kind::Unavailable,
        ),
        (
            "any",
            "a proxy",
            400,
            json!({"error": {"message": "Error code: 503 - {\"error\": {\"message\": \"no backend\", \"code\": 503}}"}}),
            Kind::Unavailable,
        ),
        (
            "OpenRouter",
            "openrouter.ai: errors",
            503,
            json!({"error": {"code": 503, "message": "m", "metadata": {"error_type": "provider_unavailable"}}}),
            Kind::Unavailable,
        ),
        said(
            "LiteLLM",
            "BerriAI/litellm: exceptions",
            400,
            "There are no healthy deployments for this model",
            Kind::Unavailable,
        ),
        said(
            "LiteLLM",
            "BerriAI/litellm: exceptions",
            400,
            "Invalid model name passed in model=gpt-9. Call `/v1/models` to view available models for your key.",
            Kind::UnknownModel,
        ),
        said(
            "OpenAI",
            "platform.openai.com: errors",
            400,
            "The server had an error while processing your request. Sorry about that!",
            Kind::ServerError,
        ),
        said(
            "DeepSeek",
            "api-docs.deepseek.com: errors",
            500,
            "Service is too busy. We advise users to temporarily switch to alternative LLM API service providers.",
            Kind::Unavailable,
        ),
    ]
}

/// The caller's own mistakes, some of which have words of other rows.
fn mistakes() -> Vec<Shape> {
    let said = |vendor, source, status, text: &str| (vendor, source, status, message(text), Kind::InvalidRequest);
    vec![
        said(
            "OpenAI",
            "platform.openai.com: errors",
            400,
            "Invalid 'messages[0].name': string too long. Expected a string with maximum length 64, but got a string with length 80 instead.",
        ),
        said(
            "OpenAI",
            "platform.openai.com: errors",
            400,
            "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 150 instead.",
        ),
        said("OpenAI", "platform.openai.com: errors", 400, "Unknown parameter: 'foo'."),
        said(
            "OpenAI",
            "platform.openai.com: errors",
            400,
            "We could not parse the JSON body of your request. Unexpected token at position 3.",
        ),
        said(
            "OpenAI",
            "platform.openai.com: errors",
            400,
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.",
        ),
        (
            "vLLM",
            "vllm-project/vllm",
            400,
            json!({"object": "error", "message": "[{'type': 'less_than_equal', 'loc': ('body', 'temperature'), 'msg': 'Input should be less than or equal to 2'}]", "type": "BadRequestError", "code": 400}),
            Kind::InvalidRequest,
        ),
        (
            "FastAPI",
            "Gitlawb/openclaude#739",
            422,
            json!({"detail": [{"type": "greater_than_equal", "loc": ["body", "max_tokens"], "msg": "Input should be greater than or equal to 1", "input": 0}]}),
            Kind::InvalidRequest,
        ),
        said(
            "Anthropic",
            "docs.claude.com: errors",
            400,
            "messages.1.content.0.image.source.base64: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes",
        ),
        said(
            "Anthropic",
            "docs.claude.com: errors",
            400,
            "messages: roles must alternate between \"user\" and \"assistant\"",
        ),
        (
            "OpenRouter",
            "openrouter.ai: errors",
            400,
            json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": "{\"error\":{\"message\":\"messages.2: tool_use ids were found without tool_result blocks\"}}"}}}),
            Kind::InvalidRequest,
        ),
        (
            "FastAPI",
            "a validation error that echoes the request",
            422,
            json!({"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": "Field required", "input": {"prompt": "my api key is invalid and the context length exceeded"}}]}),
            Kind::InvalidRequest,
        ),
        said(
            "Mistral",
            "docs.mistral.ai: errors",
            400,
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
        ),
        said(
            "OpenAI",
            "platform.openai.com: errors",
            400,
            "Invalid value: 'foo'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
        ),
        said("Gemini", "ai.google.dev: errors", 400, "* GenerateContentRequest.contents: contents is not specified"),
        said("Qwen", "help.aliyun.com: error-code", 400, "Temperature should be in [0.0, 2.0)"),
        said(
            "Anthropic",
            "docs.claude.com: errors",
            400,
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ),
    ]
}

fn shapes() -> Vec<Shape> {
    [overflows(), empty_accounts(), wrong_keys(), forbidden_places(), rates(), others(), mistakes()].concat()
}

fn kind(status: u16, body: &Value) -> Kind {
    classify(status, &Headers::default(), body.to_string().as_bytes(), 0).kind
}

#[test]
fn every_shape_has_its_kind() {
    let wrong: Vec<_> = shapes()
        .iter()
        .filter(|(_, _, status, body, expected)| kind(*status, body) != *expected)
        .map(|(vendor, _, status, body, expected)| {
            format!("{vendor} {status} {body}: {:?}, not {expected:?}", kind(*status, body))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), shapes().len(), wrong.join("\n"));
}

/// The same value, with the keys of each object in reverse order.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().rev().map(|(key, value)| (key.clone(), reversed(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
        other => other.clone(),
    }
}

/// The same value, with the texts changed by `change`.
fn changed(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(fields) => {
            let change = |(key, value): (&String, &Value)| (key.clone(), changed(value, change));
            Value::Object(fields.iter().map(change).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| changed(item, change)).collect()),
        // JSON inside a string keeps its keys.
        Value::String(text) if !text.contains('{') => Value::String(change(text)),
        other => other.clone(),
    }
}

/// The ways in which the same error may come.
fn variants(body: &Value) -> Vec<(&'static str, Value)> {
    let text = body.to_string();
    vec![
        ("reversed keys", reversed(body)),
        ("capitals", changed(body, &|text| text.to_ascii_uppercase())),
        (
            "small letters",
            changed(body, &|text| if text.contains(' ') { text.to_ascii_lowercase() } else { text.into() }),
        ),
        ("white space around", changed(body, &|text| format!("  {text}\n"))),
        ("in a list", json!([body])),
        ("as JSON in a message", json!({"error": {"message": text, "type": "upstream_error"}})),
        ("behind a prefix", json!({"error": {"message": format!("Error from provider: {text}")}})),
        (
            "quoted by a router",
            json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": text, "provider_name": "P"}}}),
        ),
        ("under another key", json!({"response": {"body": body}})),
        ("as a detail", json!({"detail": body})),
        ("as a text", Value::String(text)),
    ]
}

#[test]
fn another_wrapping_does_not_change_the_kind() {
    let mut wrong = Vec::new();
    for (vendor, _, status, body, expected) in &shapes() {
        for (way, variant) in variants(body) {
            let found = kind(*status, &variant);
            if found != *expected {
                wrong.push(format!("{vendor}, {way}: {found:?}, not {expected:?}: {status} {variant}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
