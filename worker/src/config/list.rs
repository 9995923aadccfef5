//! Lists of strings in the configuration: plain ones, model patterns, and origins of web pages.

use failsoft::Json;
use failsoft::invalid::{Invalid, Section};

/// Reads the array `name` of strings that are not blank, if the array is there.
pub(super) fn strings(given: &Section<'_>, name: &str) -> Result<Option<Vec<String>>, Box<Invalid>> {
    let rows = given.get(name);
    if rows.is_null() {
        return Ok(None);
    }
    if !rows.is_array() {
        return Err(given.wrong(name, "must be an array of strings"));
    }
    let read = |(at, row): (usize, Json<'_>)| match row.text() {
        Some(text) if !text.trim().is_empty() => Ok(text.into_owned()),
        _ => Err(given.wrong(&format!("{name}[{at}]"), "must be a string that is not empty")),
    };
    rows.items().enumerate().map(read).collect::<Result<_, _>>().map(Some)
}

/// Reads `models`: model ids, or the beginning of ids and `*`.
pub(super) fn model_patterns(given: &Section<'_>) -> Result<Option<Vec<String>>, Box<Invalid>> {
    let models = strings(given, "models")?;
    let is_wrong = |model: &String| model.trim_end_matches('*').contains('*') || model.starts_with("route/");
    match models.iter().flatten().position(is_wrong) {
        Some(at) => {
            Err(given
                .wrong(&format!("models[{at}]"), "must be a model's id, or the beginning of one and `*` at its end"))
        }
        None => Ok(models),
    }
}

/// Reads `origins`: origins of web pages, or `*`.
pub(super) fn origins(given: &Section<'_>) -> Result<Option<Vec<String>>, Box<Invalid>> {
    let origins = strings(given, "origins")?;
    let is_wrong = |origin: &String| {
        let host = origin.split_once("://").map(|(_, host)| host);
        origin != "*" && host.is_none_or(|host| host.is_empty() || host.contains(['/', '*', '?', '#', '@']))
    };
    match origins.iter().flatten().position(is_wrong) {
        Some(at) => {
            Err(given.wrong(&format!("origins[{at}]"), "must be an origin such as https://app.example, without a path"))
        }
        None => Ok(origins),
    }
}

/// Reads the array `name`, whose items are words of `known`, and returns their places in it. A word counts once.
pub(super) fn words(given: &Section<'_>, name: &str, known: &str) -> Result<Vec<usize>, Box<Invalid>> {
    let mut places = Vec::new();
    for (at, word) in strings(given, name)?.unwrap_or_default().iter().enumerate() {
        let Some(place) = known.split(' ').position(|known| known == word) else {
            let problem = format!("must be one of: {}", known.replace(' ', ", "));
            return Err(given.wrong(&format!("{name}[{at}]"), problem));
        };
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places)
}
