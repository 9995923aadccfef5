//! What each error code of the edge means, and what to do. The names and statuses are the Worker's own table.

#[path = "../../../worker/src/http/api_error/code.rs"]
mod code;

pub(super) use code::Code;

/// Why the edge gives the code, and what helps, in Markdown.
#[rustfmt::skip]
pub(super) fn describe(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::InvalidRequest => ("A field is wrong; `error.param` is its path.", "Correct the field. The message names the right spelling or the range."),
        Code::InvalidJson => ("The body is not JSON, or nests too deep.", "Send what `JSON.stringify` or your language's encoder makes, without comments."),
        Code::UnreadableBody => ("The body could not be read.", "Send the request again. If it happens often, look for a proxy that cuts bodies."),
        Code::UnknownUrl => ("Nothing is at this path.", "Take the path that the message names. The base URL of OpenAI's clients ends with `/v1`; that of Anthropic's clients does not."),
        Code::MethodNotAllowed => ("The path takes another method.", "Use a method of the header `allow`."),
        Code::RequestTimeout => ("The body did not arrive within `limits.bodyWithin`.", "Send the request again. For slow phones with images, raise [`limits.bodyWithin`](configuration.md#limits-of-a-request)."),
        Code::RequestTooLarge => ("The body is larger than `limits.bodyBytes`.", "Shorten the conversation or the images, or raise [`limits.bodyBytes`](configuration.md#limits-of-a-request)."),
        Code::InvalidApiKey => ("The request has no client key, or one that is not known here.", "Send a client key of this edge as `Authorization: Bearer` or `x-api-key`, not a provider's key. Compare `printf %s KEY | sha256sum` with `keys[].sha256`."),
        Code::TokenExpired => ("A user's token or a visitor's session has expired.", "Get a new token, and send the request once more. [Phones](phones.md) shows how."),
        Code::TokenInvalid => ("A user's token or a visitor's session is not valid here.", "Let the user sign in again. If it happens to all users, compare `issuer` and `audience` of [`users`](access.md) with the claims of a token."),
        Code::TokenRevoked => ("The owner has [revoked the session](access.md#revoke-a-session).", "Start a new session."),
        Code::ClientKeyExpired => ("The [managed key](access.md#managed-keys) has expired.", "Create a new key, and give it to the app."),
        Code::ClientKeyRevoked => ("The managed key was revoked.", "Create a new key, and give it to the app."),
        Code::NotLocal => ("With `\"access\": \"loopback\"`, the caller is not on the edge's own machine, or is a web page of another origin.", "Call http://127.0.0.1:8787 or http://localhost:8787. Add the origin of your page to `origins`, or with `cargo xtask dev --origin`. For other machines, set `keys`."),
        Code::HttpsRequired => ("The request came over plain HTTP, and not from this machine.", "Call the edge with `https://`. Behind a proxy with TLS of your own, set `trustProxy`."),
        Code::OriginNotAllowed => ("The key has `origins`, and the request does not come from one of them.", "Add the page's origin to the key's `origins`, without a path. Programs send no `Origin`: give them a key without `origins`."),
        Code::AddressNotAllowed => ("The key has `addresses`, and the request does not come from one of them.", "Add the caller's network to the key's `addresses`."),
        Code::ModelNotAllowed => ("This client may not name this model.", "Use a model of `GET /v1/models`, or a route, or add the model to `models` of the key."),
        Code::ModelNotFound => ("There is no such route.", "Compare the name behind `route/` with `routes` and with [the stored routes](routes.md)."),
        Code::TooManyAttempts => ("Too many attempts from one network to guess a key or the admin token, or to get a session.", "Wait as long as `retry-after` says."),
        Code::KeysUnavailable => ("The objects of managed keys and visitors do not answer.", "Send the request again after a pause. Keys of the configuration work meanwhile."),
        Code::IssuerUnavailable => ("The public keys of the users' issuer cannot be fetched.", "Open the `jwks` address of [`users`](access.md) in a browser. It must answer over HTTPS with JSON."),
        Code::TurnstileRefused => ("Turnstile does not accept the token.", "Render the widget again, and send the new token at once: a token works once, for five minutes. If it never works, compare the site key with `TURNSTILE_SECRET`."),
        Code::VisitorsNotSetUp => ("There are no visitors in the configuration.", "Set [`visitors`](access.md#anonymous-visitors)."),
        Code::TurnstileUnavailable => ("Turnstile does not answer.", "Send the request again after a pause."),
        Code::BudgetExceeded => ("The call would exceed a bound in USD.", "Show the user when `error.budget` resets, or raise the [budget](budgets.md). A smaller `max_tokens` holds less."),
        Code::RateLimitExceeded => ("The call would exceed a bound on requests, tokens or concurrent calls.", "Wait as long as `retry-after` says, or raise the [budget](budgets.md)."),
        Code::BudgetUnavailable => ("The objects of the accounts do not answer, so that the edge cannot count the call.", "Send the request again after a pause."),
        Code::PriceUnknown => ("The call is bounded in USD, but no model has a known price.", "Write the price of the model into [`upstream.models`](configuration.md), or bound tokens instead of USD."),
        Code::ReasoningUnbounded => ("The call is bounded, and nothing bounds the reasoning that the upstream bills beyond the output limit.", "Send `reasoning.max_tokens`, or set `maxReasoning` of the model."),
        Code::InvalidAdminToken => ("`/admin` needs the secret `ADMIN_TOKEN`, or a token of `admins`.", "Send it as `Authorization: Bearer`. A client key is no admin token."),
        Code::InvalidAdminSession => ("The [admin session](access.md#admin-sessions) is over, or was never one.", "Sign in again."),
        Code::InsufficientScope => ("The admin token has not the [scope](access.md#admin-tokens) that the request needs.", "Use a token with the scope, or add the scope to the token."),
        Code::CsrfRefused => ("A request with the cookie of an admin session lacks its `Origin` or the header `x-failsoft-csrf`.", "Send both. A program should use an admin token instead of a cookie."),
        Code::AdminNotSetUp => ("The secret `ADMIN_TOKEN` is not set.", "Store it: `npx wrangler secret put ADMIN_TOKEN`."),
        Code::SessionNotFound => ("This is no id of a [session](access.md#revoke-a-session).", "Take the id that `POST /v1/session` gave, or `account` of the log."),
        Code::TooManySessions => ("A thousand sessions are revoked already.", "Store a new `SESSION_SECRET`, which revokes all."),
        Code::KeyNotFound => ("There is no managed key with this id.", "List the keys: `GET /admin/keys`."),
        Code::KeyRevoked => ("At `/admin`: the managed key was revoked, and cannot be changed.", "Create a new key."),
        Code::KeyExists => ("A managed key with this id exists already.", "Send the request again."),
        Code::TooManyKeys => ("There are 10,000 managed keys already.", "Delete keys that nobody uses. To tell users apart, use [tokens of your users](access.md) instead of a key for each."),
        Code::LedgerUnavailable => ("The database does not answer, or has not the tables of this version.", "Apply the migrations (`npx wrangler d1 migrations apply failsoft --remote`), or send the request again after a pause. Calls of models go on meanwhile."),
        Code::BreakersUnavailable => ("At `/admin/breakers`: the object of the breakers does not answer.", "Send the request again after a pause. Calls of models go on meanwhile."),
        Code::RouteNotFound => ("No [stored route](routes.md) has this name, or the route has no such version.", "List the routes: `GET /admin/routes`."),
        Code::RouteExists => ("A route of this name exists, in the configuration or in the database.", "Choose another name, or store a new version of that route."),
        Code::RouteReadOnly => ("The route is in the configuration, which only a deployment changes.", "Change `routes` in `failsoft.json` and deploy, or store a route with another name."),
        Code::TooManyRoutes => ("There are 1,000 stored routes already.", "Delete routes that nobody uses."),
        Code::RouteChanged => ("Somebody has changed the route since the version in `If-Match`.", "Read the route again, and decide again."),
        Code::CacheUnavailable => ("Stored answers cannot be counted or removed at the moment.", "Send the request again. Some stored answers may be left until then."),
        Code::VersionMissing => ("A new version of a route needs the header `If-Match`.", "Send the `etag` of the version that you have read."),
        Code::RoutesUnavailable => ("The stored routes cannot be read or written at the moment.", "Send the request again after a pause. Routes of the configuration work meanwhile."),
        Code::Busy => ("The isolate works on `limits.bytesInFlight` bytes of requests, or the account on half of them.", "Send the request again after a pause. If it happens often, lower `limits.bodyBytes`."),
        Code::Paused => ("The owner has [paused the edge](operations.md#pause-everything); running calls finish.", "Tell the user to try later. The owner resumes it with `POST /admin/resume`."),
        Code::Internal => ("A fault of the edge.", "Send the request again. The log has the details under `x-request-id`; please report them."),
        Code::NotConfigured => ("The configuration is wrong.", "`GET /healthz` says what is missing."),
    }
}
