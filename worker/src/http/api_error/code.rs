//! The table of the edge's error codes. `xtask` reads this file, too, for the page of the documentation that explains every error;
//! so it uses nothing of this crate.

macro_rules! codes {
    ($($code:ident $name:literal $status:literal)+) => {
        /// Every error that the edge gives, by its `code`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code {
            $($code,)+
        }

        impl Code {
            /// Every code, in the order of the table.
            #[allow(dead_code, reason = "only `cargo xtask reference` needs the list")]
            pub(crate) const ALL: &[Self] = &[$(Self::$code,)+];

            /// The value of `error.code`.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            pub(crate) fn status(self) -> u16 {
                match self {
                    $(Self::$code => $status,)+
                }
            }
        }
    };
}

codes! {
    // The request.
    InvalidRequest       "invalid_request"       400
    InvalidJson          "invalid_json"          400
    UnreadableBody       "unreadable_body"       400
    UnknownUrl           "unknown_url"           404
    MethodNotAllowed     "method_not_allowed"    405
    RequestTimeout       "request_timeout"       408
    RequestTooLarge      "request_too_large"     413
    // Who may call, and for which models.
    InvalidApiKey        "invalid_api_key"       401
    TokenInvalid         "token_invalid"         401
    TokenExpired         "token_expired"         401
    TokenRevoked         "token_revoked"         401
    ClientKeyExpired     "key_expired"           401
    ClientKeyRevoked     "key_revoked"           401
    NotLocal             "not_local"             403
    HttpsRequired        "https_required"        403
    OriginNotAllowed     "origin_not_allowed"    403
    AddressNotAllowed    "address_not_allowed"   403
    ModelNotAllowed      "model_not_allowed"     403
    ModelNotFound        "model_not_found"       404
    TooManyAttempts      "too_many_attempts"     429
    KeysUnavailable      "keys_unavailable"      503
    IssuerUnavailable    "issuer_unavailable"    503
    // Sessions of visitors.
    TurnstileRefused     "turnstile_refused"     403
    VisitorsNotSetUp     "visitors_not_set_up"   404
    TurnstileUnavailable "turnstile_unavailable" 503
    ChallengeRefused     "challenge_refused"     403
    AttestationRefused   "attestation_refused"   403
    DeviceKeyUnknown     "device_key_unknown"    403
    DeviceKeyRevoked     "device_key_revoked"    403
    PlayIntegrityUnavailable "play_integrity_unavailable" 503
    // Budgets.
    BudgetExceeded       "budget_exceeded"       402
    RateLimitExceeded    "rate_limit_exceeded"   429
    BudgetUnavailable    "budget_unavailable"    503
    PriceUnknown         "price_unknown"         503
    ReasoningUnbounded   "reasoning_unbounded"   400
    // The owner's endpoints.
    InvalidAdminToken    "invalid_admin_token"   401
    InvalidAdminSession  "invalid_admin_session" 401
    InsufficientScope    "insufficient_scope"    403
    CsrfRefused          "csrf_refused"          403
    AdminNotSetUp        "admin_not_set_up"      404
    SessionNotFound      "session_not_found"     404
    TooManySessions      "too_many_sessions"     409
    DeviceNotFound       "device_not_found"      404
    KeyNotFound          "key_not_found"         404
    KeyRevoked           "key_revoked"           409
    KeyExists            "key_exists"            409
    TooManyKeys          "too_many_keys"         409
    LedgerUnavailable    "ledger_unavailable"    503
    BreakersUnavailable  "breakers_unavailable"  503
    // Stored routes.
    RouteNotFound        "route_not_found"       404
    RouteExists          "route_exists"          409
    RouteReadOnly        "route_read_only"       409
    TooManyRoutes        "too_many_routes"       409
    RouteChanged         "route_changed"         412
    VersionMissing       "version_missing"       428
    RoutesUnavailable    "routes_unavailable"    503
    CacheUnavailable     "cache_unavailable"     503
    // The edge.
    Busy                 "busy"                  503
    Paused               "paused"                503
    Internal             "internal"              500
    NotConfigured        "not_configured"        503
}
