//! The two objects of a request that OpenRouter alone reads, and that can change the price: `provider` and `plugins`.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section, join};

use super::tools::items;

const PROVIDER: &str = "order only ignore allow_fallbacks require_parameters data_collection zdr \
                        enforce_distillable_text quantizations sort preferred_min_throughput preferred_max_latency \
                        max_price";

/// Plugins that work on the request and the answer, and buy nothing.
const PLUGINS: &str = "response-healing context-compression";

/// The engines that read files for nothing but the tokens of their content.
const FILE_ENGINES: &str = "native cloudflare-ai pdf-text";

/// Checks the plugins: the client may use those that buy nothing.
pub(super) fn check_plugins(body: &Section<'_>) -> Result<(), Box<Invalid>> {
    for (path, plugin) in items(body, "plugins")? {
        let plugin = Section::object(path, plugin)?;
        let known = plugin.get("id");
        if known.is("file-parser") {
            check_file_parser(&plugin)?;
        } else if PLUGINS.split(' ').any(|harmless| known.is(harmless)) {
            plugin.only("id enabled engine")?;
        } else {
            let names = PLUGINS.replace(' ', ", ");
            return Err(plugin.wrong("id", format!("must be one of: {names}, file-parser; others cost extra")));
        }
    }
    Ok(())
}

/// Without an engine, OpenRouter may choose one that charges each page of a file.
fn check_file_parser(plugin: &Section<'_>) -> Result<(), Box<Invalid>> {
    plugin.only("id enabled pdf")?;
    let pdf = plugin.section("pdf")?;
    pdf.only("engine")?;
    if FILE_ENGINES.split(' ').any(|free| pdf.get("engine").is(free)) {
        return Ok(());
    }
    let names = FILE_ENGINES.replace(' ', ", ");
    Err(plugin.wrong("id", format!("needs a `pdf.engine` that is one of: {names}; others cost extra")))
}

/// The client may choose the providers: the request's price limit excludes those that cost more than the amount held.
pub(super) fn check_provider(given: &Section<'_>) -> Result<(), Box<Invalid>> {
    given.only(PROVIDER)?;
    given.section("max_price")?.only("prompt completion request image audio")?;
    let sort = given.get("sort");
    if sort.is_object() {
        let sort = given.section("sort")?;
        sort.only("by partition")?;
        // Any other value would put the cheapest or fastest model first, in place of the first of the chain.
        sort.choice("partition", "model")?;
    }
    Ok(())
}

/// The fields that choose among providers. If the owner fixes one of them, a client chooses none.
const CHOICE: &str = "order only ignore allow_fallbacks require_parameters quantizations sort preferred_min_throughput \
                      preferred_max_latency";

/// Refuses a client's choice in `provider` that the owner has `fixed`.
pub(super) fn check_fixed_provider(given: Json<'_>, fixed: &str) -> Result<(), Box<Invalid>> {
    let fixed = Json::parse(fixed).unwrap_or(Json::NULL);
    let is_choice = |name: Json<'_>| CHOICE.split(' ').any(|choice| name.is(choice));
    let is_chosen = fixed.fields().any(|(name, _)| is_choice(name));
    for (name, value) in given.fields().filter(|(_, value)| !value.is_null()) {
        let text = name.text().unwrap_or_default();
        let own = fixed.get(&text);
        if own.raw() != value.raw() && (!own.is_null() || is_chosen && is_choice(name)) {
            return Err(Invalid::new(join("provider", &text), "is decided by the owner of this edge; leave it out"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_fixed_provider;
    use failsoft::Json;

    #[test]
    fn a_client_chooses_no_provider_where_the_owner_has_chosen() {
        let refused = |given: &str, fixed: &str| {
            let given = Json::parse(given).expect("JSON");
            check_fixed_provider(given, fixed).err().map(|invalid| invalid.path)
        };
        let (policy, choice) = (r#"{"data_collection":"deny"}"#, r#"{"order":["azure"]}"#);
        for (given, fixed, path) in [
            ("null", policy, None),
            ("{}", policy, None),
            (r#"{"sort":"price","zdr":true}"#, policy, None),
            (r#"{"data_collection":"deny"}"#, policy, None),
            (r#"{"data_collection":"allow"}"#, policy, Some("provider.data_collection")),
            (r#"{"data_c\u006fllection":"allow"}"#, policy, Some("provider.data_collection")),
            (r#"{"order":["azure"],"max_price":{}}"#, choice, None),
            (r#"{"data_collection":"deny","only":null}"#, choice, None),
            (r#"{"only":["other"]}"#, choice, Some("provider.only")),
            (r#"{"preferred_max_latency":1}"#, choice, Some("provider.preferred_max_latency")),
        ] {
            assert_eq!(refused(given, fixed).as_deref(), path, "{given} {fixed}");
        }
    }
}
