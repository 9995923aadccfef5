//! The protocols of clients and upstreams beside chat completions.
//!
//! The readers in `responses_client.rs` and `messages_client.rs` are as strict as the official SDKs: they throw where an SDK
//! throws, and check what typed clients need.

#![cfg(feature = "protocols")]

mod answers;
mod anthropic;
mod anthropic_answers;
mod issuers;
mod long_answers;
mod messages;
mod messages_client;
mod openai;
mod openai_answers;
mod random;
mod recorded;
mod responses;
mod responses_client;
mod round_trips;
mod same_protocol;
mod support;
mod traps;
mod whole_messages;
