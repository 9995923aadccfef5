//! No client chooses an upstream: a field that would name an address, a key or headers for one is refused, in every protocol. As an
//! unknown field it would not be sent either, but the client would believe that another upstream had answered.

use failsoft::Json;
use failsoft::invalid::Invalid;

/// The names under which SDKs and gateways take such a field, in lower case and without `_` and `-`.
const NAMES: &str = "baseurl apibase apiurl apiendpoint apihost endpoint endpointurl azureendpoint serverurl targeturl customhost \
                     upstream upstreams upstreamurl proxyurl apikey headers extraheaders defaultheaders";

/// The most bytes that a spelling of one of [`NAMES`] has.
const LONGEST: usize = 20;

/// Refuses the first such field of `body`, unless the owner `opened` it.
pub(super) fn check(body: Json<'_>, opened: &[String]) -> Result<(), Box<Invalid>> {
    for (name, value) in body.fields() {
        let name = name.text().unwrap_or_default();
        if name.len() <= LONGEST
            && !value.is_null()
            && is_refused(&name)
            && !opened.iter().any(|opened| **opened == *name)
        {
            return Err(Invalid::new(&*name, "is not accepted: the owner of this edge configures its upstreams"));
        }
    }
    Ok(())
}

fn is_refused(name: &str) -> bool {
    let plain: String = name.chars().filter(|letter| !matches!(letter, '_' | '-')).collect();
    NAMES.split(' ').any(|refused| plain.eq_ignore_ascii_case(refused))
}

#[cfg(test)]
mod tests {
    use failsoft::Json;

    use super::{LONGEST, NAMES, check};

    #[test]
    fn every_spelling_of_a_name_is_refused_and_null_and_other_names_are_not() {
        for name in [
            "base_url",
            "baseURL",
            "baseUrl",
            "BASE-URL",
            "api_base",
            "apiKey",
            "extra_headers",
            "Upstreams",
            "azure_endpoint",
        ] {
            let error = check(Json::parse(&format!(r#"{{"a":1,"{name}":"x"}}"#)).expect("JSON"), &[]).expect_err(name);
            assert_eq!(error.path, name);
            assert!(check(Json::parse(&format!(r#"{{"{name}":null}}"#)).expect("JSON"), &[]).is_ok(), "{name}");
            assert!(
                check(Json::parse(&format!(r#"{{"{name}":"x"}}"#)).expect("JSON"), &[name.to_owned()]).is_ok(),
                "{name}"
            );
        }
        for name in ["model", "metadata", "user", "url", "base", "headersx", "the_base_url_of_my_own_server"] {
            assert!(check(Json::parse(&format!(r#"{{"{name}":"x"}}"#)).expect("JSON"), &[]).is_ok(), "{name}");
        }
        assert!(NAMES.split(' ').all(|name| name.len() + 2 <= LONGEST), "a spelling with two separators is read");
    }
}
