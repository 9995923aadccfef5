//! The list of calls, and the ledger's rows as CSV.

use wasm_bindgen::JsValue;
use worker::Env;

use super::query::Query;
use super::range::Range;
use super::{FILTERS, filters, money, page, read, text};
use crate::http::api_error::ApiError;
use crate::http::reply::{Body, Reply};
use crate::platform::host;

/// Calls, the newest first, each with its attempts. Parameters: 1 and 2 from and until when, in milliseconds; 3 to 6 the route,
/// feature, client and model; 7 the account; 8 how the call ended, where failed stands for all failures; 9 the id of a call, of a
/// row or of a generation; 10 and 11 the time and the id of the row before the first one; 12 how many. Null counts all.
const CALLS: &str = include_str!("calls.sql");

/// The calls of a page, and the rows of an export.
const ON_PAGE: usize = 50;
const EXPORTED: usize = 10_000;

/// The columns of an export: those that hold text, and those that hold numbers.
const TEXTS: &str =
    "call id account client route feature role asked model provider upstream outcome ended settled generation";
const NUMBERS: &str = "at prompt_tokens completion_tokens first_token duration call_first_token call_duration";

pub(super) async fn list(query: &Query, env: &Env) -> Result<Reply, ApiError> {
    query.only(&[&FILTERS[..], &["from", "to", "account", "ended", "id", "before"]].concat())?;
    let mut values = bounds(query)?;
    values.extend(["account", "ended", "id"].map(|name| text(query.text(name))));
    values.extend(query.cursor()?);
    values.push((ON_PAGE as f64).into());
    Ok(page(&read(env, &money(CALLS), &values).await?, ON_PAGE))
}

/// From and until when, and the filters.
fn bounds(query: &Query) -> Result<Vec<JsValue>, ApiError> {
    let range = Range::read(query, host::now())?;
    let mut values = vec![(range.begin() as f64).into(), (range.end() as f64).into()];
    values.extend(filters(query));
    Ok(values)
}

/// The rows of the ledger, a line for each attempt, the newest first.
pub(super) async fn export(query: &Query, env: &Env) -> Result<Reply, ApiError> {
    query.only(&[&FILTERS[..], &["from", "to", "account", "ended", "id", "before"]].concat())?;
    let mut values = bounds(query)?;
    values.extend(["account", "ended", "id"].map(|name| text(query.text(name))));
    values.extend(query.cursor()?);
    values.push((EXPORTED as f64).into());
    let lines = read(env, &statement(), &values).await?;
    let next = lines.last().filter(|_| lines.len() == EXPORTED).and_then(|line| line.split_once('\t'));
    let next = next.map(|(cursor, _)| cursor.to_owned());
    let mut csv = [&TEXTS.replace(' ', ","), ",usd,", &NUMBERS.replace(' ', ","), "\r\n"].concat();
    for line in &lines {
        csv.push_str(line.split_once('\t').map_or("", |(_, line)| line));
        csv.push_str("\r\n");
    }
    let mut reply = Reply::new(200, "text/csv; charset=utf-8", Body::Text(csv));
    reply.headers.push(("content-disposition", "attachment; filename=\"failsoft-calls.csv\"".into()));
    reply.headers.extend(next.map(|next| ("x-failsoft-next", next)));
    Ok(reply)
}

/// The statement of the export. Each line has its cursor before a tab. How a call ended is on the row of its first attempt, and an id
/// may be that of any of its attempts: then the rows of the whole call count. The ids of its rows begin with `call`.
fn statement() -> String {
    let cells: Vec<String> = TEXTS.split(' ').map(cell).collect();
    let numbers: Vec<String> = NUMBERS.split(' ').map(|name| format!("coalesce({name}, '')")).collect();
    let call = "substr(attempts.id, 1, instr(attempts.id, '/'))";
    let line = [&cells[..], &["{cost}".to_owned()], &numbers].concat().join(" || ',' || ");
    money(&format!(
        "SELECT at || '~' || id || char(9) || {line} FROM attempts \
         WHERE at >= ?1 AND at < ?2 AND (?3 IS NULL OR coalesce(route, '') = ?3) \
         AND (?4 IS NULL OR coalesce(part, feature, '') = ?4) AND (?5 IS NULL OR client = ?5) \
         AND (?6 IS NULL OR coalesce(label, model, asked ->> 0, '') = ?6) AND (?7 IS NULL OR account = ?7) \
         AND (?8 IS NULL OR EXISTS (SELECT 1 FROM attempts AS first WHERE first.id = {call} || '0' \
           AND (first.ended = ?8 OR (?8 = 'failed' AND first.ended NOT IN ('answered', 'fallback', 'aborted', 'cached'))))) \
         AND (?9 IS NULL OR {call} = ?9 || '/' OR EXISTS (SELECT 1 FROM attempts AS each \
           WHERE each.id >= {call} AND each.id < rtrim({call}, '/') || '0' AND ?9 IN (each.call, each.id, each.generation))) \
         AND (?10 IS NULL OR at < ?10 OR (at = ?10 AND id < ?11)) ORDER BY at DESC, id DESC LIMIT ?12"
    ))
}

/// A cell with text. Spreadsheets would take a text that begins with one of these characters for a formula.
fn cell(column: &str) -> String {
    let value = format!("coalesce({column}, '')");
    let formula = format!("{column} GLOB '[=+@' || char(9) || char(10) || char(13) || '-]*'");
    format!("'\"' || iif({formula}, '''', '') || replace({value}, '\"', '\"\"') || '\"'")
}
