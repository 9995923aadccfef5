//! What the words of an error mean. Vendors say the same thing in dozens of ways, so a row states a meaning, not a sentence.
//!
//! To teach failsoft another wording, add a row or an alternative, with its source. `tests/failure/` has an example of each.

use super::{Kind, RequestFields};
use crate::text::split;

/// Names (codes, types, reasons) in small letters, without the marks between their words. The first row that has one of
/// an error's names decides, so the rows go from the name that says most to the name that says least.
const NAMES: [(Kind, &str); 7] = [
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
    // OpenRouter; Anthropic. The body has too many bytes, whatever the model.
    (Kind::InvalidRequest, "payloadtoolarge requesttoolarge"),
];

/// Names that say less than the words beside them.
const VAGUE_NAMES: [(Kind, &str); 5] = [
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

/// Words that decide even beside a 429. The account is empty, whatever else the error counts.
/// Zhipu: langgenius/dify#5850, continuedev/continue#11823. Moonshot: continuedev/continue#11443. Gemini's prepaid credits.
const NO_MONEY: &str = "balance|credit|funds|余额|账户 \
                        insufficient|too_low|not_enough|depleted|used_up|ran_out|out_of|negative|不足|欠费";

/// Words about a field that the upstream does not know.
/// OpenAI: QuantumNous/new-api#418. Azure: CherryHQ/cherry-studio#9214. pydantic: gpustack/gpustack#429. Go: `unknown field`.
const UNKNOWN_FIELD: &str = "unknown_parameter|unknown_field|unknown_argument|unknown_name|unrecognized_request|\
                             unrecognized_argument|unrecognized_field|unrecognized_key|unexpected_keyword|unexpected_field|extra_inputs|\
                             extra_fields|extra_parameters|extra_forbidden|additional_properties|not_permitted|was_unexpected";

/// Words about a field that the upstream or the model does not offer.
const UNSUPPORTED: &str = "unsupported|not_support|not_supported|isnt_supported|doesnt_support|does_not_support|not_allowed|\
                           not_implemented|must_be_verified";

/// Wordings by meaning; the first row that matches decides. A pattern has groups, separated by spaces. It matches if one
/// sentence of the error has an alternative of each group, at the beginning of a word. `_` stands for the space between words.
const WORDINGS: [(Kind, &str); 38] = [
    // Go's name for a timeout, which reads like an overflow: LocalAI, Ollama.
    (Kind::Unavailable, "deadline_exceeded|timed_out|timeout_error|gateway_timeout|request_timeout"),
    // The rate. Groq sends a 413 for tokens per minute; Cloudflare sends plain text.
    (
        Kind::RateLimited,
        "rate_limit|ratelimit|too_many_requests|throttl|too_many_concurrent|concurrency_limit|slow_down",
    ),
    (Kind::RateLimited, "per_minute|per_second|per_hour|per_day|rpm|tpm|rpd limit|exceed|reached|requested|quota"),
    (Kind::RateLimited, "请求过于频繁|请求频率|并发|速率限制|请求过多"),
    // The money. Anthropic: anthropics/anthropic-sdk-typescript#618. DeepSeek: continuedev/continue#11387.
    (Kind::PaymentRequired, NO_MONEY),
    // LiteLLM's budgets; xAI's monthly spending limit; Anthropic's API usage limits.
    (
        Kind::PaymentRequired,
        "spend|monthly|max_budget|budget_has|over_budget|billing|usage_limit|hard_limit exceed|reach|over|used_all",
    ),
    // new-api: "user quota is not enough".
    (Kind::PaymentRequired, "quota|额度 insufficient|not_enough|used_up|不足"),
    // Google's 403 for a quota that fills again.
    (Kind::RateLimited, "quota exceed|reached|exhausted"),
    // OpenAI `billing_not_active`; Google asks to enable billing.
    (Kind::PaymentRequired, "billing not_active|inactive|enable|disabled|required|set_up"),
    (
        Kind::PaymentRequired,
        "no_credit|no_remaining_credit|no_payment_method|payment_required|purchase_credits|recharge|top_up|充值",
    ),
    // DashScope: "make sure your account is in good standing".
    (Kind::PaymentRequired, "account good_standing|overdue|arrears|suspended_due"),
    // The key. Gemini: continuedev/continue#10290. Bedrock: "The security token included in the request is invalid".
    (
        Kind::Unauthorized,
        "api_key|apikey|api_token|access_token|auth_token|bearer|security_token|credential|credentials|authentication|\
         auth_credentials|authorization_header|secret_key|令牌|密钥 \
         invalid|not_valid|incorrect|expired|missing|wrong|revoked|disabled|not_found|no|unauthorized|must_provide|a_valid|fails|failed|failure|\
         malformed|unrecognized|deactivated|required|not_provided|didnt_provide|did_not_provide|leaked|blocked|carry|\
         not_authorized|无效|过期|失败|不存在",
    ),
    (
        Kind::Unauthorized,
        "token_expired|token_is_expired|token_has_expired|invalid_access_token|unauthenticated|unauthorized|未授权",
    ),
    // Anthropic: "This organization has been disabled."
    (Kind::Forbidden, "organization|account|project|team disabled|deactivated|suspended|terminated|blocked|banned"),
    // The place. Gemini: google-gemini/gemini-cli#1614. OpenAI: songquanpeng/one-api#1692.
    (
        Kind::Forbidden,
        "location|country|countries|region|territory|territories \
         not_supported|unsupported|not_available|unavailable|not_allowed|not_permitted|isnt_supported|restricted|prohibited|blocked",
    ),
    // A model that this account may not use; another model may answer. Bedrock; HuggingFace's gated models.
    (
        Kind::NoEndpoint,
        "model|deployment access denied|not_have|dont_have|doesnt_have|no_access|restricted|gated|permission|request",
    ),
    (Kind::Forbidden, "permission denied|not_have|doesnt_have|dont_have|lacks|insufficient|required"),
    // Mistakes of the caller that have words of other rows: pydantic's ranges, JSON that cannot be read, unknown fields.
    (
        Kind::InvalidRequest,
        "input_should|unexpected_token|parse_json|parse_the_json|json_parse|invalid_json|malformed_json|valid_json",
    ),
    (Kind::InvalidRequest, UNKNOWN_FIELD),
    // The prompt. llama.cpp: cline/kanban#505. SGLang: openclaw/openclaw#129352. vLLM: earendil-works/pi#5929. z.ai; MiniMax.
    (
        Kind::ContextLength,
        "context|n_ctx|kv_cache|max_seq_len|max_model_len \
         exceed|overflow|overflows|too_small|too_long|longer|greater|larger|not_fit|maximum|max|reached",
    ),
    (Kind::ContextLength, "context_length|context_window|context_size"),
    // xAI; Poolside: earendil-works/pi#4943.
    (
        Kind::ContextLength,
        "prompt_length|input_length|model_length|sequence_length|input_token|prompt_token \
         max|maximum|limit|exceed|longer|greater|range|too_long",
    ),
    // Gemini; Bedrock; Cohere; Moonshot: earendil-works/pi#129. TGI: "`inputs` tokens + `max_new_tokens` must be <= 4096".
    (
        Kind::ContextLength,
        "prompt|input|inputs|request|message|messages|conversation|history|sequence|text \
         exceed|too_many|longer|more_than|greater|larger|over|limit|maximum|max|must_be|must_have|only_supports|too_large|too_long|at_most \
         token|tokens",
    ),
    // Groq and Cerebras.
    (Kind::ContextLength, "reduce|shorten|trim length|size|number prompt|input|message|messages|conversation"),
    // Bedrock's Titan: "expected maxLength: 50000, actual: 60011, please reformat your input".
    (Kind::ContextLength, "input max_length|maxlength actual"),
    // Zhipu: "Prompt 超长"; Baidu.
    (Kind::ContextLength, "超长|超过最大长度|超出最大长度|上下文长度"),
    // The content. Azure; DashScope; Zhipu.
    (
        Kind::ContentFilter,
        "content_policy|content_management_policy|content_filter|moderation|flagged|safety_system|inappropriate_content|\
         usage_policy|usage_policies|prohibited_content|sensitive_content|敏感|违规|不安全",
    ),
    // What the caller wrote is wrong in itself, whatever its size is compared with.
    (
        Kind::InvalidRequest,
        "string|array|name|description|url|image|images|audio|video|file|document|pdf|schema|header|metadata|stop|function|tool|tools \
         too_long|too_large|too_big|too_short|too_small|too_many|exceed|unsupported_format|image_format|maximum|at_most",
    ),
    (Kind::ContextLength, "prompt|input|request|message|messages|conversation too_long|too_large|too_big"),
    // The output limit is above what this model can write. Another model may have room.
    (
        Kind::NoEndpoint,
        "max_tokens|max_completion_tokens|max_new_tokens|max_output_tokens|output_tokens|completion_tokens \
         too_large|too_high|at_most|exceed|less_than|maximum|range",
    ),
    // A parameter that this model or this upstream does not offer.
    (
        Kind::NoEndpoint,
        "parameter|argument|field|value|property|feature|format unsupported|not_supported|isnt_supported",
    ),
    (
        Kind::UnknownModel,
        "model|models|deployment|模型 \
         not_found|not_exist|doesnt_exist|unknown|not_a_valid|invalid_model|no_such|deprecated|decommissioned|retired|\
         discontinued|no_longer|not_recognized|not_available|not_loaded|不存在|已下线",
    ),
    (Kind::UnknownModel, "unknown_model|invalid_model|no_such_model|model_identifier_is_invalid|not_a_valid_model"),
    (Kind::NoEndpoint, "no_endpoint|no_endpoints|no_provider|no_allowed_providers|no_channel"),
    // OpenAI; Anthropic; new-api: "No available channel for model".
    (
        Kind::Unavailable,
        "overload|overloaded|at_capacity|over_capacity|no_capacity|capacity_exceeded|high_demand|high_load|heavy_load|busy|\
         temporarily|no_available_channel|no_healthy|is_loading|loading_model|warming_up|not_ready|unavailable|繁忙|过载",
    ),
    (Kind::Unavailable, "try_again_later|please_try_again|稍后再试|稍后重试"),
    (
        Kind::NoEndpoint,
        "not_support|doesnt_support|dont_support|does_not_support|not_supported|unsupported|isnt_supported|only_supports \
         model|models|endpoint|provider|deployment|engine|tool|tools|image|images|vision|audio|stream|streaming|json|schema|\
         response_format|reasoning|thinking|system|prefill|temperature|with_this",
    ),
    // The upstream's own trouble, in the words of a proxy.
    (
        Kind::ServerError,
        "internal_server_error|bad_gateway|server_had_an_error|unexpected_error_occurred|upstream_error|upstream_connect_error|upstream_request_failed|connection_error|\
         connection_reset|connection_refused|something_went_wrong|fetch_failed|socket_hang_up|econnreset|econnrefused",
    ),
];

/// The kind that a name means, if the name is specific; or with `vague`, any known name.
pub(super) fn by_name(names: &str, vague: bool) -> Option<Kind> {
    let rows: &[(Kind, &str)] = if vague { &VAGUE_NAMES } else { &NAMES };
    let is_named = |known: &str| !known.is_empty() && is_in(names, known);
    rows.iter().find(|(_, known)| split(known, b' ').any(is_named)).map(|(kind, _)| *kind)
}

/// The kind that the words of an error mean, as [`normalize`] writes them.
pub(super) fn by_words(words: &str) -> Option<Kind> {
    WORDINGS.iter().find(|(_, pattern)| matches(words, pattern)).map(|(kind, _)| *kind)
}

/// The words say that the account has no money.
pub(super) fn says_no_money(words: &str) -> bool {
    matches(words, NO_MONEY)
}

/// One sentence of `words` has an alternative of each group of `pattern`.
pub(super) fn matches(words: &str, pattern: &str) -> bool {
    let has_group = |sentence: &str, group: &str| split(group, b'|').any(|words| has(sentence, words));
    split(words, b'\n').any(|sentence| split(pattern, b' ').all(|group| has_group(sentence, group)))
}

/// `sentence` has `words` at the beginning of a word. A short one is a whole word: `no` is not the beginning of `note`.
fn has(sentence: &str, words: &str) -> bool {
    let (text, words) = (sentence.as_bytes(), words.as_bytes());
    let is_same = |(ours, theirs): (&u8, &u8)| ours == theirs || *theirs == b'_' && *ours == b' ';
    (0..text.len()).any(|at| {
        let Some(piece) = text.get(at..at + words.len()) else { return false };
        let begins = words[0] >= 0x80 || at == 0 || text[at - 1] == b' ';
        let ends = words.len() > 4 || words[0] >= 0x80 || text.get(at + words.len()).is_none_or(|next| *next == b' ');
        begins && ends && piece.iter().zip(words).all(is_same)
    })
}

/// The fields of the request that the words reject.
pub(super) fn rejected_fields(words: &str) -> RequestFields {
    let mut fields = RequestFields::default();
    if matches(words, UNKNOWN_FIELD) || matches(words, UNSUPPORTED) {
        for (field, names) in RequestFields::NAMES {
            if matches(words, names) {
                fields.add(field);
            }
        }
        if fields.has(RequestFields::STREAM_OPTIONS) {
            fields.remove(RequestFields::STREAM);
        }
    }
    fields
}

/// `list`, of words with a space between them, has `word`.
#[inline(never)]
pub(super) fn is_in(list: &str, word: &str) -> bool {
    split(list, b' ').any(|known| known == word)
}

/// `name` in small letters, without the marks between its words.
pub(super) fn squeeze(name: &str) -> String {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_lowercase())).collect()
}

/// Adds `text` to `words`: in small letters, with one space between words and each sentence on a line. `camelCase` and
/// `snake_case` become words too, so that a name reads like a sentence. An apostrophe joins: `doesn't` is `doesnt`.
pub(super) fn normalize(text: &str, words: &mut String) {
    let mut rest = text.chars().peekable();
    let mut last = '\n';
    while let Some(character) = rest.next() {
        let is_end = rest.peek().is_none_or(|next| next.is_ascii_whitespace());
        let next = match character {
            '\n' | '。' | '，' => '\n',
            '.' | '!' | '?' if is_end => '\n',
            '\'' | '\u{2019}' => continue,
            'A'..='Z' | 'a'..='z' | '0'..='9' | '\u{80}'.. => character,
            _ => ' ',
        };
        if next.is_ascii_uppercase() && last.is_ascii_lowercase() {
            words.push(' ');
        }
        if !matches!((last, next), (' ' | '\n', ' ') | ('\n', '\n')) {
            words.push(next.to_ascii_lowercase());
        }
        last = next;
    }
    words.push('\n');
}
