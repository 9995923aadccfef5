//! The fields of OpenRouter's `provider` that the owner fixes, for the whole edge or for a route.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};
use failsoft::json::{Object, patched};

use super::list::strings;

/// The fields that the owner can fix.
const FIELDS: &str = "order only ignore allow_fallbacks require_parameters data_collection zdr enforce_distillable_text \
                      quantizations sort";

/// Reads `provider` of the configuration or of a route. A route inherits the fields of the configuration, `above`. Returns the
/// JSON text of an object; nothing if no field is fixed.
pub(super) fn read(given: &Section<'_>, above: Option<&str>) -> Result<Option<String>, Box<Invalid>> {
    let provider = given.section("provider")?;
    provider.only(FIELDS)?;
    for name in ["order", "only", "ignore", "quantizations"] {
        strings(&provider, name)?;
    }
    for name in ["allow_fallbacks", "require_parameters", "zdr", "enforce_distillable_text"] {
        provider.flag(name, &mut false)?;
    }
    provider.choice("data_collection", "allow deny")?;
    provider.choice("sort", "price throughput latency")?;
    let mut fixed = Object::default();
    for (name, value) in provider.fields().filter(|(_, value)| !value.is_null()) {
        fixed.entry(name, value.raw());
    }
    let fixed = patched(above.unwrap_or("{}"), &fixed.end());
    Ok(Some(fixed).filter(|fixed| fixed != "{}"))
}

/// Refuses a route whose `provider` has another value than one that the configuration fixed, `above`.
pub(super) fn check_unchanged(route: &Section<'_>, above: Option<&str>) -> Result<(), Box<Invalid>> {
    let provider = route.section("provider")?;
    for (name, fixed) in above.and_then(Json::parse).unwrap_or(Json::NULL).fields() {
        let name = name.text().unwrap_or_default();
        let given = provider.get(&name);
        if !given.is_null() && given.raw() != fixed.raw() {
            return Err(provider.wrong(&name, "is fixed by the configuration"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::read;
    use failsoft::Json;
    use failsoft::invalid::Section;

    #[test]
    fn a_route_inherits_the_fields_of_the_configuration_and_can_change_them() {
        let of = |json: &str, above: Option<&str>| {
            let text = format!("{{\"provider\":{json}}}");
            let section = Section::object("", Json::parse(&text).expect("JSON")).expect("an object");
            read(&section, above).map_err(|invalid| invalid.to_string())
        };
        let above = of(r#"{"data_collection": "deny", "sort": null}"#, None).expect("a provider");
        assert_eq!(above.as_deref(), Some(r#"{"data_collection":"deny"}"#));
        assert_eq!(of("null", above.as_deref()), Ok(above.clone()));
        let route = of(r#"{"only": ["azure"], "data_collection": "allow"}"#, above.as_deref());
        assert_eq!(route, Ok(Some(r#"{"only":["azure"],"data_collection":"allow"}"#.into())));
        assert_eq!(of("{}", None), Ok(None));
        assert!(of(r#"{"data_collection": "maybe"}"#, None).expect_err("a word").contains("allow, deny"));
    }
}
