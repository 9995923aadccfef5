//! The table of meanings. Vendors say the same thing in dozens of ways, so each line states a meaning, not a sentence.
//!
//! To teach failsoft another wording, add an alternative or a line here, and the error to `tests/fixtures/vendor-errors.jsonl`.
//!
//! A line is a pattern. It has groups, separated by spaces, and a group has alternatives, separated by `|`. A pattern matches
//! if one sentence of the error has an alternative of each group, at the beginning of a word. `_` stands for the space between
//! words. An alternative of up to four letters is a whole word.

use crate::failure::Kind;

/// Names (codes, types, reasons) in small letters, without the marks between their words. The first row that has one of
/// an error's names decides, so the rows go from the name that says most to the name that says least.
pub(super) const NAMES: [(Kind, &str); 8] = [
    // OpenAI; Moonshot; DashScope `Arrearage`; new-api; google.rpc `BILLING_DISABLED`; LiteLLM `budget_exceeded`.
    (
        Kind::PaymentRequired,
        "paymentrequired insufficientquota billingerror billinghardlimitreached billingnotactive billingdisabled arrearage \
         exceededcurrentquotaerror insufficientuserquota insufficientbalance insufficientcredits budgetexceeded creditserror",
    ),
    // OpenAI; Gemini `API_KEY_INVALID`; Bedrock; Moonshot; DashScope `InvalidApiKey`.
    (
        Kind::Unauthorized,
        "authentication authenticationerror authenticationfailed unauthenticated unauthorized invalidapikey apikeyinvalid \
         invalidauthenticationerror incorrectapikeyerror unrecognizedclientexception expiredtokenexception",
    ),
    // OpenAI; LiteLLM; llama.cpp; GitHub Models and Copilot; z.ai.
    (
        Kind::ContextLength,
        "contextlengthexceeded tokenlimitexceeded maxtokensexceeded contextwindowexceedederror exceedcontextsizeerror \
         tokenslimitreached modelmaxprompttokensexceeded modelcontextwindowexceeded prompttoolong",
    ),
    // OpenAI; Azure; DashScope `DataInspectionFailed`; Gemini.
    (
        Kind::ContentFilter,
        "contentpolicyviolation refusal contentfilter responsibleaipolicyviolation datainspectionfailed moderationblocked \
         prohibitedcontent",
    ),
    // OpenAI; Azure; Moonshot; DashScope.
    (Kind::UnknownModel, "modelnotfound invalidmodel deploymentnotfound modelnotexist modelnotfounderror"),
    // OpenAI; Anthropic; Bedrock; google.rpc; Mistral.
    (
        Kind::RateLimited,
        "ratelimitexceeded ratelimiterror ratelimited toomanyrequests throttlingexception throttlingerror throttling \
         resourceexhausted",
    ),
    // Groq: the model wrote a call, or JSON, that cannot be read. It may write another one.
    (Kind::ServerError, "toolusefailed jsonvalidatefailed"),
    // OpenRouter; Anthropic. The body has too many bytes, whatever the model.
    (Kind::InvalidRequest, "payloadtoolarge requesttoolarge"),
];

/// Names that say less than the words beside them.
pub(super) const VAGUE_NAMES: [(Kind, &str); 5] = [
    (Kind::Forbidden, "permissiondenied permissionerror accessdenied accessdeniedexception requestforbidden"),
    (Kind::NoEndpoint, "notfound notfounderror unsupportedparameter unsupportedvalue resourcenotfoundexception"),
    // OpenRouter; Anthropic; Bedrock; Moonshot; google.rpc.
    (
        Kind::Unavailable,
        "provideroverloaded overloadederror engineoverloadederror timeout timeouterror gatewaytimeout unavailable \
         serviceunavailable serviceunavailableexception modelnotreadyexception modeltimeoutexception deadlineexceeded",
    ),
    (
        Kind::ServerError,
        "server unmapped servererror apierror internalservererror providerunavailable internalserverexception internal",
    ),
    (
        Kind::InvalidRequest,
        "invalidrequest invalidprompt invalidrequesterror stringtoolong invalidimage imagetoolarge imagetoosmall \
         unsupportedimageformat imagedownloadfailed imagenotfound preconditionfailed unprocessable",
    ),
];

/// The account is empty. These words decide even beside a 401 and a 429, whatever else the error counts.
/// Zhipu: langgenius/dify#5850, continuedev/continue#11823. Moonshot: continuedev/continue#11443. Gemini's prepaid credits.
/// xAI's new teams. Plans that have ended.
pub(super) const NO_MONEY: &str = "
    balance|credit|funds|余额|账户 insufficient|too_low|not_enough|depleted|used_up|ran_out|out_of|negative|doesnt_have|不足|欠费
    套餐|资源包|subscription 到期|过期|用尽|用完|expired
";

/// The quota fills again by itself, whatever its name says. DashScope calls its limit of tokens per minute
/// `insufficient_quota`.
pub(super) const REFILLS: &str =
    "allocated_quota|rate_limit|per_minute|per_second|per_hour|per_day|will_reset|resets_in";

/// Words about a field that the upstream does not know.
/// OpenAI: QuantumNous/new-api#418. Azure: CherryHQ/cherry-studio#9214. pydantic: gpustack/gpustack#429. Go: `unknown field`.
pub(super) const UNKNOWN_FIELD: &str = "unknown_parameter|unknown_field|unknown_argument|unknown_name|unrecognized_request|\
                             unrecognized_argument|unrecognized_field|unrecognized_key|unexpected_keyword|unexpected_field|extra_inputs|\
                             extra_fields|extra_parameters|extra_forbidden|additional_properties|not_permitted|was_unexpected";

/// Words about a field that the upstream or the model does not offer.
pub(super) const UNSUPPORTED: &str = "unsupported|not_support|not_supported|isnt_supported|doesnt_support|does_not_support|\
                                      not_allowed|not_implemented|must_be_verified";

/// The meanings of words. The first one that matches decides.
pub(super) const MEANINGS: [(Kind, &str); 30] = [
    // Names of fields read like other rows: `connect_timeout`.
    (Kind::InvalidRequest, "unknown_field|unknown_parameter|unknown_argument|unrecognized_field"),
    // Go's name for a timeout, which reads like an overflow: LocalAI, Ollama.
    (Kind::Unavailable, "deadline_exceeded|timed_out|timeout_error|gateway_timeout|request_timeout"),
    // The model wrote a call, or JSON, that cannot be read: Groq. Its process has ended: LM Studio, Ollama.
    (
        Kind::ServerError,
        "
        failed_to_generate|failed_to_call_a_function|failed_generation
        model|runner|engine crashed|exit_code|unexpectedly_stopped
        ",
    ),
    // The process could not start: LM Studio, LocalAI, Ollama. NVIDIA's functions.
    (
        Kind::Unavailable,
        "
        failed_to_load|could_not_load|unloaded model
        more_system_memory|out_of_memory|unable_to_allocate
        degraded|cannot_be_invoked function
        ",
    ),
    // The rate. Groq sends a 413 for tokens per minute; Cloudflare sends plain text.
    (
        Kind::RateLimited,
        "
        rate_limit|ratelimit|too_many_requests|throttl|too_many_concurrent|concurrency_limit|slow_down
        per_minute|per_second|per_hour|per_day|rpm|tpm|rpd limit|exceed|reached|requested|quota
        daily|qps limit|exceed|reached
        请求过于频繁|请求频率|并发|速率限制|请求过多
        ",
    ),
    // The money. Anthropic: anthropics/anthropic-sdk-typescript#618. DeepSeek: continuedev/continue#11387.
    (Kind::PaymentRequired, NO_MONEY),
    // LiteLLM's budgets; xAI's monthly spending limit; Anthropic's API usage limits; the limit of a key: OpenRouter.
    // new-api: "user quota is not enough".
    (
        Kind::PaymentRequired,
        "
        spend|monthly|max_budget|budget_has|over_budget|billing|usage_limit|hard_limit exceed|reach|over|used_all
        key_limit|credit_limit|spending_limit exceed|reach
        free_quota|free_trial exhausted|used_up|expired|ended
        extra_usage
        quota|额度 insufficient|not_enough|used_up|不足|用尽
        ",
    ),
    // Google's 403 for a quota that fills again.
    (Kind::RateLimited, "quota exceed|reached|exhausted"),
    // OpenAI `billing_not_active`; Google asks to enable billing. DashScope: "make sure your account is in good standing".
    (
        Kind::PaymentRequired,
        "
        billing not_active|inactive|enable|disabled|required|set_up
        no_credit|no_remaining_credit|no_payment_method|payment_required|purchase_credits|recharge|top_up|充值
        account good_standing|overdue|arrears|suspended_due
        ",
    ),
    // The content. Azure; DashScope; Zhipu; MiniMax; xAI, which names the key beside it.
    (
        Kind::ContentFilter,
        "content_policy|content_management_policy|content_filter|moderation|flagged|safety_system|inappropriate_content|\
         usage_policy|usage_policies|prohibited_content|sensitive_content|new_sensitive|sensitive_information|safety_check|usage_guidelines|\
         敏感|违规|不安全",
    ),
    // The key. Gemini: continuedev/continue#10290. Bedrock: "The security token included in the request is invalid".
    (
        Kind::Unauthorized,
        "
        api_key|apikey|api_token|access_token|auth_token|oauth_token|bearer|security_token|credential|credentials|\
        authentication|auth_credentials|authorization_header|secret_key|令牌|密钥 \
        invalid|not_valid|incorrect|expired|missing|wrong|revoked|disabled|not_found|no|unauthorized|must_provide|a_valid|fails|\
        failed|failure|malformed|unrecognized|deactivated|required|not_provided|didnt_provide|did_not_provide|leaked|blocked|\
        carry|not_authorized|only_authorized|无效|过期|失败|不存在
        token_expired|token_is_expired|token_has_expired|invalid_access_token|unauthenticated|unauthorized|unregistered_caller|未授权
        ",
    ),
    // No such model, or none that this account may see: Vertex, Moonshot, Volcengine. An id that cannot be one: Bedrock.
    (
        Kind::UnknownModel,
        "
        model|deployment|endpoint not_found|not_exist|doesnt_exist or_permission|or_your|or_you
        endpoint_with_name not_exist|doesnt_exist
        unavailable_for_free|provider_not_provided
        model_id|model_name|model_identifier invalid|failed_to_satisfy
        ",
    ),
    // A model that this account may not use; another model may answer. Bedrock; HuggingFace's gated models and subscriptions;
    // Ollama; Groq's and Cloudflare's terms; Together's own endpoints; Databricks.
    (
        Kind::NoEndpoint,
        "
        model|deployment access denied|not_have|dont_have|doesnt_have|no_access|restricted|gated|permission|request
        unable_to_access|cannot_access|not_allowed_to_access|not_allowed_to_use model|deployment
        model|models terms|license|subscription|gated|blocked_at
        unavailable_model
        模型 未开启|未开通|未开放|无权
        permission not_have|doesnt_have|dont_have|lacks on_endpoint|on_model|to_model|the_model|this_model
        ",
    ),
    // The place. Gemini: google-gemini/gemini-cli#1614. OpenAI: songquanpeng/one-api#1692.
    (
        Kind::Forbidden,
        "location|country|countries|region|territory|territories \
         not_supported|unsupported|not_available|unavailable|not_allowed|not_permitted|isnt_supported|restricted|prohibited|\
         blocked",
    ),
    // Anthropic: "This organization has been disabled." Groq: "Organization has been restricted."
    (
        Kind::Forbidden,
        "
        organization|account|project|team disabled|deactivated|suspended|terminated|blocked|banned|restricted
        operation_not_allowed|no_permission
        ",
    ),
    (Kind::Forbidden, "permission denied|not_have|doesnt_have|dont_have|lacks|insufficient|required"),
    // The messages of another model lack what this one's thinking needs: DeepSeek, Gemini, Anthropic.
    (
        Kind::NoEndpoint,
        "reasoning_content|thought_signature|thinking_block|redacted_thinking missing|invalid|must|expected|required",
    ),
    // Mistakes of the caller that have words of other rows: pydantic's ranges, JSON that cannot be read, unknown fields, and
    // what is empty.
    (
        Kind::InvalidRequest,
        "
        input_should|unexpected_token|parse_json|parse_the_json|json_parse|invalid_json|malformed_json|valid_json
        prompt|input|inputs|message|messages|content at_least_1_token|be_empty
        max_tokens|max_completion_tokens must_be_positive|greater_than_0
        ",
    ),
    (Kind::InvalidRequest, UNKNOWN_FIELD),
    // The output limit is above what this model can write. Another model may have room. Cohere; Databricks.
    (
        Kind::NoEndpoint,
        "max_tokens|max_completion_tokens|max_new_tokens|max_output_tokens cannot_exceed|less_than_or_equal|valid_range|allowed_number",
    ),
    (
        Kind::ContextLength,
        // The prompt. llama.cpp: cline/kanban#505. SGLang: openclaw/openclaw#129352. vLLM: earendil-works/pi#5929. z.ai; MiniMax.
        // xAI; Poolside: earendil-works/pi#4943.
        // Gemini; Bedrock; Cohere; Moonshot: earendil-works/pi#129. TGI: "`inputs` tokens + `max_new_tokens` must be <= 4096".
        // Groq and Cerebras. Bedrock's Titan: "expected maxLength: 50000, actual: 60011". Zhipu: "Prompt 超长"; Baidu.
        "
        context|n_ctx|kv_cache|max_seq_len|max_model_len \
        exceed|overflow|overflows|too_small|too_long|longer|greater|larger|not_fit|maximum|max|reached
        context_length|context_window|context_size
        prompt_length|input_length|model_length|sequence_length|input_token|prompt_token \
        max|maximum|limit|exceed|longer|greater|range|too_long
        prompt|input|inputs|request|message|messages|conversation|history|sequence|text \
        exceed|too_many|longer|more_than|greater|larger|over|limit|maximum|max|must_be|must_have|only_supports|too_large|too_long|\
        at_most \
        token|tokens
        prompt|input|messages|conversation exceed max_length|maximum_length
        max_tokens at_least_1 got
        reduce|shorten|trim length|size|number prompt|input|message|messages|conversation
        input max_length|maxlength actual
        超长|超过最大长度|超出最大长度|上下文长度
        ",
    ),
    // What only this model or this server asks for: OpenRouter and vLLM (images), OpenAI (the word JSON), DeepSeek and MiniMax
    // (roles, parts), DashScope (streams, addresses), vLLM and llama.cpp (flags, grammars), TGI (templates), Bedrock (profiles),
    // Anthropic (betas).
    (
        Kind::NoEndpoint,
        "
        at_most image|images|audio|video in_one|per_prompt|per_request
        must_contain_the_word
        unknown_variant
        role system|developer invalid|unsupported|unexpected|unknown|not_supported|not_allowed
        enable_thinking must|only|not
        response_format|reasoning_effort not_one_of|unavailable|unsupported
        chat_template must|not|no_longer|missing
        requires_enable|requires_jinja|start_it_with
        grammar|template_error failed|invalid|not_found
        on_demand_throughput|inference_profile
        not_yet_available|not_available for_this|for_your|in_your
        url_error
        currently_not_supported|operation_is_unsupported
        ",
    ),
    // What the caller wrote is wrong in itself, whatever its size is compared with.
    (
        Kind::InvalidRequest,
        "
        string|array|name|description|url|image|images|audio|video|file|document|pdf|schema|header|metadata|stop|function|tool|\
        tools too_long|too_large|too_big|too_short|too_small|too_many|exceed|unsupported_format|image_format|following_formats|corrupted|maximum|at_most
        ",
    ),
    (Kind::ContextLength, "prompt|input|request|message|messages|conversation too_long|too_large|too_big"),
    (
        Kind::NoEndpoint,
        "
        max_tokens|max_completion_tokens|max_new_tokens|max_output_tokens|output_tokens|completion_tokens \
        too_large|too_high|at_most|exceed|less_than|maximum|range
        parameter|argument|field|value|property|feature|format unsupported|not_supported|isnt_supported
        ",
    ),
    (
        Kind::UnknownModel,
        "
        model|models|deployment|模型 \
        not_found|not_exist|doesnt_exist|unknown|not_a_valid|invalid_model|no_such|deprecated|decommissioned|retired|\
        discontinued|no_longer|end_of_its_life|not_recognized|not_available|not_loaded|不存在|已下线
        unknown_model|invalid_model|no_such_model|not_a_valid_model
        ",
    ),
    (Kind::NoEndpoint, "no_endpoint|no_endpoints|no_provider|no_allowed_providers|no_channel"),
    // OpenAI; Anthropic; new-api: "No available channel for model".
    (
        Kind::Unavailable,
        "
        overload|overloaded|at_capacity|over_capacity|no_capacity|serving_capacity|capacity_exceeded|high_demand|high_load|heavy_load|busy|\
        temporarily|no_available_channel|no_healthy|is_loading|loading_model|warming_up|not_ready|unavailable|繁忙|过载
        try_again_later|please_try_again|稍后再试|稍后重试
        all_available|all_accounts|all_keys exhausted|unavailable|cooldown
        ",
    ),
    (
        Kind::NoEndpoint,
        "
        doesnt_support|dont_support|does_not_support
        not_support|not_supported|unsupported|isnt_supported|only_supports \
        model|models|endpoint|provider|deployment|engine|tool|tools|image|images|vision|audio|stream|streaming|json|schema|\
        response_format|reasoning|thinking|system|prefill|temperature|with_this
        ",
    ),
    // The upstream's own trouble, in the words of a proxy.
    (
        Kind::ServerError,
        "internal_server_error|bad_gateway|server_had_an_error|unexpected_error_occurred|upstream_error|\
         upstream_connect_error|upstream_request_failed|connection_error|connection_reset|connection_refused|\
         something_went_wrong|fetch_failed|socket_hang_up|econnreset|econnrefused",
    ),
];

/// Without a status, these words say that the caller made a mistake: MiniMax, Baidu.
pub(super) const MISTAKE: &str = "invalid_param|must_be";

/// A request that is refused in a sentence about the model may be right for another model.
pub(super) const ABOUT_MODEL: &str = "model|models not|cannot|only|must|missing|unable|requires|invalid";
