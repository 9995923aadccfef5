//! What needs stored state or work at the vendor, and what to send instead.
//!
//! A request goes to any vendor of the chain, and nothing of it is stored. A field or an item of these tables is refused
//! before anything is sent.

use crate::invalid::{Invalid, join};
use crate::json::{Fields, Json};
use crate::text::text;

/// The fields that are refused unless they are `null`, and what to do instead.
const FIELDS: [(&str, &str); 5] = [
    (
        "previous_response_id",
        "needs a stored response, and responses are not stored here; send the whole conversation in `input`, with the \
         output items of the earlier responses",
    ),
    (
        "conversation",
        "needs a stored conversation, and conversations are not stored here; send the whole conversation in `input`",
    ),
    ("prompt", "needs a stored prompt, and prompts are not stored here; send its text in `instructions` or `input`"),
    ("context_management", "needs work at the vendor; leave out old items of `input` instead"),
    ("moderation", "needs work at the vendor; send the text to a moderation endpoint instead"),
];

/// What to say about a tool or an item that only its vendor can run.
const AT_VENDOR: &str = "runs at its vendor, and the models of a chain have different vendors; send a tool of the type \"function\" or \
     \"custom\" instead, and run the tool at the caller";

/// The items that only repeat what a tool at the vendor did are refused with this.
const VENDOR_ITEM: &str = "is of a tool that runs at its vendor, and the models of a chain have different vendors; send its result as text in \
     a message instead";

/// The message for the paths below `/responses/`, which need a stored response.
pub const NO_STORED_RESPONSES: &str = "responses are not stored here, so none can be retrieved, cancelled or deleted; keep the output items, and send \
     them in `input` of the next request to /v1/responses";

/// `path` is of an endpoint for stored responses: below `/responses/`, in any API.
pub fn is_stored_path(path: &str) -> bool {
    let behind = |base: &str| path.strip_prefix(base).and_then(|rest| rest.strip_prefix("/responses/"));
    ["/v1", "/api/v1"].into_iter().any(|base| behind(base).is_some_and(|rest| !rest.is_empty()))
}

/// Refuses a request that needs stored state.
pub(super) fn check_fields(body: &Fields<'_>) -> Result<(), Box<Invalid>> {
    if body.get("background").flag() == Some(true) {
        let problem = "needs a stored response, and responses are not stored here; send the request with `stream: true` \
                       instead, and read the answer as it comes";
        return Err(Invalid::new("background", problem));
    }
    for (name, instead) in FIELDS {
        if !body.get(name).is_null() {
            return Err(Invalid::new(name, instead));
        }
    }
    Ok(())
}

/// The refusal of the item at `path`, whose type has no form in a chat request.
pub(super) fn refuse_item(path: &str, item: Json<'_>) -> Box<Invalid> {
    let kind = item.get("type");
    if kind.is("item_reference") {
        let problem = "refers to a stored item, and items are not stored here; set `store: false` in your client, so that \
                       it sends whole items (in the AI SDK: `providerOptions: {openai: {store: false}}`)";
        return Invalid::new(path, problem);
    }
    Invalid::new(join(path, "type"), text!("\"", &kind.text().unwrap_or_default(), "\" ", VENDOR_ITEM))
}

/// The refusal of a tool, or of a choice of it, whose `type` only its vendor can run.
pub(super) fn refuse_tool(path: &str, tool: Json<'_>) -> Box<Invalid> {
    Invalid::new(join(path, "type"), text!("\"", &tool.get("type").text().unwrap_or_default(), "\" ", AT_VENDOR))
}

/// The refusal of a file that is stored at a vendor.
pub(super) fn refuse_file(path: &str) -> Box<Invalid> {
    let problem = "is stored at one vendor, and the models of a chain have different vendors; send the data itself: \
                   `image_url` with a data URL, or `file_data`";
    Invalid::new(join(path, "file_id"), problem)
}
