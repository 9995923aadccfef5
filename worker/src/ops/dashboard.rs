//! What the dashboard shows: `GET /admin/…`, for admins with the scope `read`. Figures come from the sums of the ledger, which
//! equal its rows; only the list of calls reads rows. The database writes the JSON.
//!
//! | request | |
//! |---|---|
//! | `/admin/overview` | what all calls used, how they ended, and how that changed over the time |
//! | `/admin/usage` | the same by `feature`, `model`, `route`, `client`, `upstream` or `account` |
//! | `/admin/calls`, `/admin/calls.csv` | calls with their attempts, the newest first |
//! | `/admin/budgets` | budgets, with what is used, held and left |
//! | `/admin/breakers`, `/admin/alerts`, `/admin/audit` | the breakers, the alerts, and who changed what |

mod budgets;
mod calls;
mod query;
mod range;

use failsoft::json::Object;
use futures_util::future::{join, join3};
use wasm_bindgen::JsValue;
use worker::Env;

use crate::breakers::BreakerClient;
use crate::config::Config;
use crate::http::api_error::{ApiError, Code};
use crate::http::reply::Reply;
use crate::ledger::{database, sums};
use crate::platform::host;
use query::Query;
use range::Range;

/// What calls used, by the column `{name}`; `{times}` is the same column of the histograms. `{sums}` and `{histograms}` are the
/// tables, and `{chosen}` the rows that count. If `{by_day}`, closed days are read from their sums by `{dimension}`. A percentile is
/// the middle of the first bucket that has its rank. Parameters: 1 the spans, an array of length, first quarter and the one behind the
/// last; 2 whether there are percentiles; 3 to 6 the route, feature, client and model that count. Null counts all.
const USAGE: &str = include_str!("dashboard/usage.sql");
/// What accounts used, those that cost most; the last row has the sum of all that are not shown. Parameters: 1 the spans, 3 the
/// account, 4 the client.
const ACCOUNTS: &str = include_str!("dashboard/accounts.sql");
/// What happened in each part of the time, from the rows that `{picked}` picks. Parameters: 1 the first quarter, 2 the one behind
/// the last, 3 to 6 as in [`USAGE`], 7 an array of the quarters in which the parts begin, in order.
const SERIES: &str = include_str!("dashboard/series.sql");

/// The rows of [`SERIES`]. Its tables are those of [`USAGE`].
const PICKED: &str = "SELECT * FROM {sums} WHERE length = 1 AND begins >= ?1 AND begins < ?2 AND {chosen}";

/// Where a statement reads: the sums, the histograms, the rows of both that count, and whether closed days have sums of their own.
type Source = [(&'static str, &'static str); 4];

/// The filters of the figures.
const CHOSEN: &str = "(?3 IS NULL OR route = ?3) AND (?4 IS NULL OR feature = ?4) AND (?5 IS NULL OR client = ?5) AND (?6 IS NULL OR model = ?6)";
const ALL: &str = "coalesce(?3, ?4, ?5, ?6) IS NULL";

/// The sums of everything together have few rows, so that they answer at once where nothing is filtered.
const TOGETHER: Source =
    [("{sums}", "quarters"), ("{histograms}", "quarter_times"), ("{chosen}", ALL), ("{by_day}", "false")];
/// A breakdown without a filter reads one row for each name and closed day.
const BROKEN_DOWN: Source = [("{sums}", "sums"), ("{histograms}", "times"), ("{chosen}", ALL), ("{by_day}", "true")];
const DETAILED: Source = [("{sums}", "sums"), ("{histograms}", "times"), ("{chosen}", CHOSEN), ("{by_day}", "false")];

const ALERTS: &str = "SELECT json_object('at', at, 'occasion', occasion, 'sent', json(iif(sent, 'true', 'false')), \
                      'alert', json(body)) FROM told ORDER BY at DESC LIMIT 200";
const AUDIT: &str = "SELECT json_object('id', CAST(rowid AS TEXT), 'at', at, 'admin', admin, 'request', request, 'method', method, \
                     'path', path, 'status', status) FROM audit \
                     WHERE ?1 IS NULL OR at < ?1 OR (at = ?1 AND rowid < CAST(?2 AS INTEGER)) \
                     ORDER BY at DESC, rowid DESC LIMIT 100";

/// The filters of the figures, in the order of their parameters.
const FILTERS: [&str; 4] = ["route", "feature", "client", "model"];

/// What a request asks to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Overview,
    Usage,
    Calls,
    CallsCsv,
    Budgets,
    Breakers,
    Alerts,
    Audit,
}

/// Decides what a request asks to see. Returns nothing if it is about something else.
pub(crate) fn read_view(method: &str, path: &str) -> Result<Option<View>, ApiError> {
    let view = match path.trim_end_matches('/').strip_prefix("/admin/").unwrap_or_default() {
        "overview" => View::Overview,
        "usage" => View::Usage,
        "calls" => View::Calls,
        "calls.csv" => View::CallsCsv,
        "budgets" => View::Budgets,
        "breakers" => View::Breakers,
        "alerts" => View::Alerts,
        "audit" => View::Audit,
        _ => return Ok(None),
    };
    if matches!(method, "GET" | "HEAD") { Ok(Some(view)) } else { Err(ApiError::wrong_method("GET")) }
}

/// Answers a request with this URL.
pub(crate) async fn answer(view: View, url: &str, config: &Config, env: &Env) -> Result<Reply, ApiError> {
    let query = Query::read(url);
    match view {
        View::Overview => overview(&query, env).await,
        View::Usage => usage(&query, env).await,
        View::Calls => calls::list(&query, env).await,
        View::CallsCsv => calls::export(&query, env).await,
        View::Budgets => budgets::list(&query, config, env).await,
        View::Breakers => {
            query.only(&[])?;
            let breakers = BreakerClient::new(env).list().await.map_err(|error| {
                host::log(&serde_json::json!({"event": "dashboard", "error": error.to_string()}).to_string());
                ApiError::new(Code::BreakersUnavailable, "the object of the breakers does not answer; try again")
            })?;
            Ok(list(&breakers))
        }
        View::Alerts => {
            query.only(&[])?;
            Ok(list(&array(&read(env, ALERTS, &[]).await?)))
        }
        View::Audit => audit(&query, env).await,
    }
}

async fn overview(query: &Query, env: &Env) -> Result<Reply, ApiError> {
    query.only(&[&FILTERS[..], &["from", "to", "at"]].concat())?;
    let now = host::now();
    let range = Range::read(query, now)?;
    let starts = range.starts(query)?;
    let series = read_from(query, "''", &money(&SERIES.replace("{picked}", PICKED)));
    let mut values = vec![(range.from as f64).into(), (range.to as f64).into()];
    values.extend(filters(query));
    values.push(starts.into());
    let total = read_usage(query, &range, "''", "''", env);
    let (total, series, missing) = join3(total, read(env, &series, &values), count_missing(env)).await;
    let (total, series) = (total?, series?.into_iter().next().unwrap_or_default());
    let total = total.strip_prefix('[').and_then(|total| total.strip_suffix(']')).filter(|total| !total.is_empty());
    let mut body = Object::default();
    body.whole("from", range.begin()).whole("to", range.end()).raw("total", total.unwrap_or("null"));
    body.whole("missing", missing?).raw("parts", &series);
    Ok(Reply::json(200, body.end()))
}

async fn usage(query: &Query, env: &Env) -> Result<Reply, ApiError> {
    let range = Range::read(query, host::now())?;
    let (rows, missing) = join(read_breakdown(query, &range, env), count_missing(env)).await;
    let mut body = Object::default();
    body.whole("from", range.begin()).whole("to", range.end()).whole("missing", missing?).raw("data", &rows?);
    Ok(Reply::json(200, body.end()))
}

/// How many rows of the ledger the figures lack, because their sums are still being made.
async fn count_missing(env: &Env) -> Result<u64, ApiError> {
    let statement = ["SELECT CAST((", sums::MISSING, ") AS TEXT)"].concat();
    Ok(read(env, &statement, &[]).await?.first().and_then(|count| count.parse().ok()).unwrap_or_default())
}

async fn read_breakdown(query: &Query, range: &Range, env: &Env) -> Result<String, ApiError> {
    let by = query.text("by").unwrap_or("feature");
    Ok(match by {
        "account" => {
            query.only(&["from", "to", "by", "account", "client"])?;
            let values = [range.spans().into(), JsValue::NULL, text(query.text("account")), text(query.text("client"))];
            read(env, &money(ACCOUNTS), &values).await?.into_iter().next().unwrap_or_default()
        }
        "feature" | "model" | "route" | "client" | "upstream" => {
            query.only(&[&FILTERS[..], &["from", "to", "by", "times"]].concat())?;
            // The histograms do not know the upstream.
            read_usage(query, range, by, if by == "upstream" { "NULL" } else { by }, env).await?
        }
        _ => {
            let message = "`by` must be one of feature, model, route, client, upstream and account";
            return Err(ApiError::new(Code::InvalidRequest, message).about("by"));
        }
    })
}

/// The rows of `usage.sql` by the column `name`, as a JSON array.
async fn read_usage(query: &Query, range: &Range, name: &str, times: &str, env: &Env) -> Result<String, ApiError> {
    let dimension = ["'", name.trim_matches('\''), "'"].concat();
    let statement = read_from(query, name, &money(USAGE)).replace("{dimension}", &dimension);
    let statement = statement.replace("{name}", name).replace("{times}", times);
    // The histograms have most of the rows.
    let has_times = query.text("times") != Some("no");
    let mut values = vec![range.spans().into(), f64::from(u8::from(has_times)).into()];
    values.extend(filters(query));
    Ok(read(env, &statement, &values).await?.into_iter().next().unwrap_or_default())
}

/// `statement`, which breaks the figures down by the column `name`, with the tables that have them in the fewest rows.
fn read_from(query: &Query, name: &str, statement: &str) -> String {
    let is_filtered = FILTERS.iter().any(|filter| query.text(filter).is_some());
    let source = match (is_filtered, name) {
        (true, _) => DETAILED,
        (false, "''") => TOGETHER,
        (false, _) => BROKEN_DOWN,
    };
    source.iter().fold(statement.to_owned(), |statement, (place, text)| statement.replace(place, text))
}

async fn audit(query: &Query, env: &Env) -> Result<Reply, ApiError> {
    query.only(&["before"])?;
    let rows = read(env, AUDIT, &query.cursor()?).await?;
    Ok(page(&rows, 100))
}

fn filters(query: &Query) -> impl Iterator<Item = JsValue> {
    FILTERS.iter().map(|name| text(query.text(name)))
}

fn text(value: Option<&str>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from_str)
}

/// Writes how the database shows amounts: as exact numbers in USD.
fn money(statement: &str) -> String {
    let usd = |column: &str| format!("printf('%d.%012d', {column} / 1000000000000, {column} % 1000000000000)");
    statement.replace("{cost}", &usd("cost")).replace("{unsettled_cost}", &usd("unsettled_cost"))
}

/// The first column of each row.
async fn read(env: &Env, statement: &str, values: &[JsValue]) -> Result<Vec<String>, ApiError> {
    let rows = database::query(env, statement, values).await.map_err(|error| {
        host::log(&serde_json::json!({"event": "dashboard", "error": database::reason(&error)}).to_string());
        ApiError::new(
            Code::LedgerUnavailable,
            "the database of the ledger does not answer, or has not the tables of this version",
        )
    })?;
    Ok(rows.into_iter().filter_map(|row| Some(row.first()?.as_str()?.to_owned())).collect())
}

fn array(items: &[String]) -> String {
    ["[", &items.join(","), "]"].concat()
}

/// A reply with the JSON array `data`.
fn list(data: &str) -> Reply {
    Reply::json(200, Object::default().raw("data", data).end())
}

/// A reply with the JSON objects `rows`. If there can be more than these `most`, `next` is the value of `before` for them.
fn page(rows: &[String], most: usize) -> Reply {
    let mut body = Object::default();
    body.raw("data", &array(rows));
    if let Some(last) = rows.last().filter(|_| rows.len() == most) {
        let last = failsoft::Json::parse(last).unwrap_or(failsoft::Json::NULL);
        let at = last.get("at").whole().unwrap_or_default().to_string();
        body.text("next", &[&at, "~", &last.get("id").text().unwrap_or_default()].concat());
    }
    Reply::json(200, body.end())
}
