//! What a page can know of itself and of a request that failed.

use js_sys::{Function, Reflect, global};
use wasm_bindgen::{JsCast, JsValue};

use super::misuse::misuse;
use crate::Failure;
use crate::text::{cut, find, text};

/// The property `name` of `value`; `undefined` if there is none.
#[inline(never)]
pub(super) fn property(value: &JsValue, name: &str) -> JsValue {
    if value.is_object() || value.is_function() {
        Reflect::get(value, &name.into()).unwrap_or_default()
    } else {
        JsValue::UNDEFINED
    }
}

/// Calls the method `name` of an object of the page, or of a `fetch` that the caller wrote.
///
/// # Errors
/// Whatever the method throws. An exception that passes through Rust would leave the call without an end.
pub(super) fn call(object: &JsValue, name: &str, argument: &JsValue) -> Result<JsValue, JsValue> {
    property(object, name).unchecked_into::<Function>().call1(object, argument)
}

/// Checks that the host has the global class `name`.
///
/// # Errors
/// A failure that names the class. Without this check, the error would be about a name in the package's own code.
pub(super) fn require(name: &str) -> Result<(), Box<Failure>> {
    if property(&global(), name).is_function() {
        return Ok(());
    }
    Err(misuse(text!("this host has no `", name, "`, which failsoft needs here; set `globalThis.", name, "`")))
}

/// True where a stranger who opens the developer tools can read what this code knows: a page or a worker of a page.
pub(super) fn is_page() -> bool {
    let global = global();
    if property(&property(&global, "window"), "document").is_truthy() {
        return true;
    }
    let scope = property(&global, "WorkerGlobalScope");
    let is_worker = scope.is_function() && property(&global, "importScripts").is_function();
    let agent = property(&property(&global, "navigator"), "userAgent").as_string();
    is_worker && agent.as_deref() != Some("Cloudflare-Workers") && property(&global, "Deno").is_undefined()
}

/// Why there is no answer from `url`, as far as the host tells: `thrown` is what `fetch` or a reader threw.
pub(super) fn explain(thrown: &JsValue, url: &str) -> String {
    // A response that the caller fetched has no address here.
    let mut message =
        if url.is_empty() { "the connection failed".into() } else { text!("the connection to ", host(url), " failed") };
    let cause = property(thrown, "cause");
    for error in [thrown, &cause] {
        if let Some(words) =
            error.as_string().or_else(|| property(error, "message").as_string()).filter(|words| !words.is_empty())
        {
            message.extend([": ", &words]);
        }
    }
    // A browser gives no reason, so that a page cannot explore a network. A host that gives one does so as the cause.
    let is_browser_error = property(thrown, "name").as_string().as_deref() == Some("TypeError") && cause.is_undefined();
    if is_browser_error && !url.is_empty() && is_page() {
        message.push_str(&possible_reasons(url));
    }
    message
}

/// The host of `url`; for a relative URL, the page's own.
fn host(url: &str) -> &str {
    match find(url, "://") {
        Some(at) => cut(cut(&url[at + 3..], b'/').0, b'?').0,
        None => "this page's own host",
    }
}

fn possible_reasons(url: &str) -> String {
    let navigator = property(&global(), "navigator");
    if property(&navigator, "onLine").as_bool() == Some(false) {
        return ". This device is offline".into();
    }
    let location = property(&global(), "location");
    let is_secure = property(&location, "protocol").as_string().as_deref() == Some("https:");
    if is_secure && url.starts_with("http://") && !is_loopback(host(url)) {
        return ". This page came over https, and a browser lets such a page call https addresses only (mixed content)"
            .into();
    }
    let origin = property(&location, "origin").as_string().unwrap_or_default();
    text!(
        ". A browser does not tell a page why. Possible reasons: the host does not allow the origin ",
        &origin,
        " (CORS); this page's Content-Security-Policy has no connect-src for the host; nothing listens there, or the \
         network is down. The developer tools show which one"
    )
}

fn is_loopback(host: &str) -> bool {
    ["localhost", "127.", "[::1]"].iter().any(|name| host.starts_with(name))
}
