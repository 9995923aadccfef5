//! The budgets: of the edge, of its visitors, of routes and of client keys, with what is used, held and left.

use failsoft::json::Object;
use futures_util::future::join_all;
use worker::Env;

use super::array;
use super::query::Query;
use crate::access::admin::find_managed_accounts;
use crate::account::{AccountClient, budget_owners};
use crate::config::{Account, Config};
use crate::http::api_error::ApiError;
use crate::http::reply::Reply;

/// The budgets of one page: a request to a Worker may ask a bounded number of objects.
const ON_PAGE: usize = 15;

pub(super) async fn list(query: &Query, config: &Config, env: &Env) -> Result<Reply, ApiError> {
    query.only(&["before"])?;
    let after = query.whole("before")?.unwrap_or_default() as usize;
    let mut owners: Vec<(String, Account)> = budget_owners(config);
    let known = owners.len();
    owners.drain(..after.min(known));
    owners.truncate(ON_PAGE);
    let left = ON_PAGE - owners.len();
    let (managed, more) = find_managed_accounts(config, env, after.saturating_sub(known), left).await?;
    let next = after + owners.len() + managed.len();
    let is_more = more || next < known;
    owners.extend(managed);
    let client = AccountClient::new(env);
    let usages = join_all(owners.iter().map(|(_, account)| client.fetch_usage(account))).await;
    let mut rows = Vec::new();
    for ((title, account), usage) in owners.iter().zip(usages) {
        let mut row = Object::default();
        row.text("title", title).text("account", &account.name).raw("usage", &usage?);
        rows.push(row.end());
    }
    let mut body = Object::default();
    body.raw("data", &array(&rows));
    if is_more {
        body.text("next", &next.to_string());
    }
    Ok(Reply::json(200, body.end()))
}
