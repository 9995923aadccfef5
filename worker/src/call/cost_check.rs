//! Warns the owner about costs that do not fit the prices: an upstream that bills more than a request can cost, or reports less
//! than its tokens cost. Then a price or a declaration in the configuration is wrong, or the upstream is.

use std::cell::RefCell;
use std::collections::BTreeSet;

use failsoft::catalog::ModelInfo;
use failsoft::report::AttemptReport;
use failsoft::{Catalog, Millis, Report, Upstream, Usd};
use serde_json::json;

use crate::ledger::alerts::Alert;

const DAY: Millis = 24 * 60 * 60 * 1_000;

/// The most occasions that an isolate remembers. The database knows all of them.
const REMEMBERED: usize = 100;

thread_local! {
    /// The occasions that this isolate has reported: the database need not be asked again.
    static REPORTED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// The alerts for the attempts of `report`, each occasion once in an isolate.
pub(crate) fn find_alerts(report: &Report, upstreams: &[Upstream], catalog: &Catalog, now: Millis) -> Vec<Alert> {
    let found = report.attempts.iter().filter_map(|attempt| check(attempt, upstreams, catalog, now));
    found.filter(|alert| remember(&alert.occasion)).collect()
}

/// Returns false if this isolate has reported `occasion`.
fn remember(occasion: &str) -> bool {
    REPORTED.with_borrow_mut(|reported| {
        if reported.len() >= REMEMBERED {
            reported.clear();
        }
        reported.insert(occasion.into())
    })
}

fn check(attempt: &AttemptReport, upstreams: &[Upstream], catalog: &Catalog, now: Millis) -> Option<Alert> {
    let model = attempt.models.first()?;
    let cost = attempt.cost.filter(|_| attempt.cost_is_final);
    let charged = cost.or(attempt.cost_of_tokens)?;
    let decimal = |usd: Usd| usd.decimal();
    let alert = |word: &str, text: String, usd: Usd, expected: Usd| Alert {
        occasion: format!("cost/{word}/{model}/{}", now / DAY),
        kind: "cost",
        text,
        data: json!({"model": model, "usd": decimal(usd), "expected": decimal(expected)}),
    };
    if let Some(most) = attempt.highest_cost.filter(|most| charged > *most) {
        let text = format!(
            "A request to {model} cost {} USD, but can cost at most {} USD by its prices and its output limit. Check the prices; \
             if the upstream bills reasoning beyond the output limit, set `reasoningBeyondLimit` for it.",
            decimal(charged),
            decimal(most)
        );
        return Some(alert("high", text, charged, most));
    }
    let (reported, least) = match attempt.reported_cost {
        Some(reported) => (reported, charged),
        None => {
            (cost.filter(|_| !attempt.cost_is_computed)?, least_cost(attempt, find_prices(model, upstreams, catalog)?)?)
        }
    };
    (reported < least).then(|| {
        let text = format!(
            "The upstream reported a cost of {} USD for a request to {model}, but its tokens cost at least {} USD by the known \
             prices. Check the prices, and the upstream's bill.",
            decimal(reported),
            decimal(least)
        );
        alert("low", text, reported, least)
    })
}

/// What is known about a model, and whether the owner states the prices.
fn find_prices<'a>(model: &str, upstreams: &'a [Upstream], catalog: &'a Catalog) -> Option<(&'a ModelInfo, bool)> {
    let stated = upstreams.iter().find_map(|upstream| upstream.catalog.find(model));
    stated.map(|info| (&**info, true)).or_else(|| catalog.find(model).map(|info| (&**info, false)))
}

/// The least that the tokens of `attempt` cost. Tokens of a prompt that come from a cache are cheaper, so the prompt counts
/// only where nothing was cached. Providers differ in price, so half of a catalog's price counts.
fn least_cost(attempt: &AttemptReport, (info, is_stated): (&ModelInfo, bool)) -> Option<Usd> {
    let (prompt, answer) = info.price;
    let answer = answer?.times(attempt.completion_tokens?);
    let prompt =
        prompt.zip(attempt.uncached_prompt_tokens).map(|(price, tokens)| price.times(tokens)).unwrap_or_default();
    let all = answer.plus(prompt);
    Some(if is_stated { all } else { Usd(all.0 / 2) })
}

#[cfg(test)]
mod tests {
    use failsoft::catalog::ModelInfo;
    use failsoft::report::AttemptReport;
    use failsoft::{Catalog, Dialect, Report, Upstream, Usd};

    use super::find_alerts;

    const CENT: u64 = 10_000_000_000;

    /// The occasion for an attempt of 1,000 tokens at a cent for 1,000 tokens, which costs at most two cents.
    fn occasion(model: &str, cost: Option<u64>, of_tokens: u64, is_stated: bool) -> Option<String> {
        let mut upstream = Upstream::new(Dialect::OpenAi, "https://u", None);
        let mut catalog = Catalog::default();
        let price = (Some(Usd(0)), Some(Usd(CENT / 1_000)));
        let known = if is_stated { &mut upstream.catalog } else { &mut catalog };
        known.add(ModelInfo { id: model.into(), price, ..ModelInfo::default() });
        let attempt = AttemptReport {
            models: vec![model.into()],
            cost: cost.map(Usd),
            cost_is_final: cost.is_some(),
            cost_of_tokens: Some(Usd(of_tokens)),
            highest_cost: Some(Usd(2 * CENT)),
            completion_tokens: Some(1_000),
            ..AttemptReport::default()
        };
        let report = Report { attempts: vec![attempt], ..Report::default() };
        find_alerts(&report, &[upstream], &catalog, 0).pop().map(|alert| alert.occasion)
    }

    #[test]
    fn a_cost_above_the_highest_or_below_that_of_the_tokens_is_reported_once() {
        assert_eq!(occasion("a", Some(CENT), CENT, true), None);
        assert_eq!(occasion("a", Some(2 * CENT + 1), CENT, true).as_deref(), Some("cost/high/a/0"));
        assert_eq!(occasion("a", Some(2 * CENT + 1), CENT, true), None, "the isolate has reported this");
        assert_eq!(occasion("b", None, 3 * CENT, true).as_deref(), Some("cost/high/b/0"), "only tokens are known");
        assert_eq!(occasion("c", Some(CENT - 1), CENT, true).as_deref(), Some("cost/low/c/0"));
        assert_eq!(occasion("d", Some(CENT - 1), CENT, false), None, "providers differ in price");
        assert_eq!(occasion("d", Some(CENT / 2 - 1), CENT, false).as_deref(), Some("cost/low/d/0"));
        assert_eq!(occasion("e", None, CENT, true), None);
        // The core has booked the cost of the tokens in place of the reported one.
        let raised = AttemptReport {
            models: vec!["f".into()],
            cost: Some(Usd(CENT)),
            cost_is_final: true,
            cost_is_computed: true,
            reported_cost: Some(Usd(0)),
            ..AttemptReport::default()
        };
        let report = Report { attempts: vec![raised], ..Report::default() };
        let alerts = find_alerts(&report, &[], &Catalog::default(), 0);
        assert!(
            alerts[0].text.starts_with("The upstream reported a cost of 0 USD for a request to f"),
            "{}",
            alerts[0].text
        );
    }
}
