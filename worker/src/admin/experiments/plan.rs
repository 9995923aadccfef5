//! The plan of an experiment: which variant is compared, how, and within which bounds. It is fixed before the first replay.
//!
//! | field | meaning | default |
//! |---|---|---|
//! | `models`, `outputTokens`, `route` or `writer` | the variant: a chain, a limit, a whole route, or the model that writes a shorter system prompt; one of them | |
//! | `judge` | `{"model", "criteria"}` | that of the route's policy |
//! | `usd` | what everything may cost, up to 1,000 | 1 |
//! | `samples` | how many samples, from 20 to 200 | 60 |
//! | `margin` | by how many percentage points the variant may lose at most, from 1 to 50 | 10 |

use failsoft::invalid::{Invalid, Section};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The default of `judge.criteria`.
const CRITERIA: &str = "A good answer is right, complete and follows the instructions.";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// `models`, `outputTokens`, `route` or `writer`.
    pub(super) kind: String,
    /// The model that writes a shorter prompt.
    pub(super) writer: Option<String>,
    pub(super) judge: String,
    pub(super) criteria: String,
    /// In units of 10^-12 USD.
    pub(super) usd: u64,
    pub(super) samples: u64,
    /// In percentage points.
    pub(super) margin: u64,
    /// How many experiments compared a variant with this version, this one included.
    pub(super) tries: u64,
}

/// Checks the fields of a request.
pub(super) fn check(given: &Section<'_>) -> Result<(), Box<Invalid>> {
    given.only("models outputTokens route writer judge usd samples margin")?;
    let judge = given.section("judge")?;
    judge.only("model criteria")?;
    judge.text("model")?;
    judge.text("criteria")?;
    given.section("route")?;
    given.text("writer")?;
    given.usd("usd", &mut None)?;
    given.whole("outputTokens", 1, 10_000_000, &mut 0)?;
    given.whole("samples", 20, 200, &mut 0)?;
    given.whole("margin", 1, 50, &mut 0)
}

/// Reads the plan from the checked `fields`, and the variant of the route `base`; nothing, if a model will write its prompt.
pub(super) fn read(fields: &Map<String, Value>, base: &Value) -> Result<(Plan, Option<Value>), Box<Invalid>> {
    const KINDS: [&str; 4] = ["models", "outputTokens", "route", "writer"];
    let mut kinds = KINDS.into_iter().filter(|kind| fields.get(*kind).is_some_and(|value| !value.is_null()));
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        let problem = "is missing: give one of `models`, `outputTokens`, `route` and `writer`, which is the variant";
        return Err(Invalid::new("models", problem));
    };
    let mut variant = base.clone();
    match kind {
        "route" => variant = fields["route"].clone(),
        "models" => variant["models"] = fields["models"].clone(),
        "outputTokens" => {
            if !variant["limits"].is_object() {
                variant["limits"] = json!({});
            }
            variant["limits"]["outputTokens"] = fields["outputTokens"].clone();
        }
        _ => {}
    }
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let given = fields.get("judge").unwrap_or(&Value::Null);
    let own = &base["policy"]["judge"];
    let judge = text(&given["model"]).or_else(|| text(&own["model"]));
    let judge =
        judge.ok_or_else(|| Invalid::new("judge.model", "must be the id of a model: the route has no judge"))?;
    let criteria = text(&given["criteria"]).or_else(|| text(&own["criteria"])).unwrap_or_else(|| CRITERIA.into());
    let number = |name: &str, default| fields.get(name).and_then(Value::as_u64).unwrap_or(default);
    let usd = fields.get("usd").and_then(Value::as_f64).unwrap_or(1.0);
    if usd > 1_000.0 {
        return Err(Invalid::new("usd", "must be 1000 at most"));
    }
    let plan = Plan {
        kind: kind.into(),
        writer: fields.get("writer").and_then(text),
        judge,
        criteria,
        usd: (usd * 1e12).round() as u64,
        samples: number("samples", 60),
        margin: number("margin", 10),
        tries: 1,
    };
    Ok((plan, (kind != "writer").then_some(variant)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::read;

    fn of(fields: Value, base: &Value) -> Result<(super::Plan, Option<Value>), String> {
        read(fields.as_object().expect("an object"), base).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn a_variant_changes_what_it_names_and_nothing_else() {
        let base = json!({"models": ["a", "b"], "limits": {"messages": 9}, "policy": {"judge": {"model": "j", "criteria": "c"}}});
        let (plan, variant) = of(json!({"models": ["b"], "usd": 0.25}), &base).expect("a plan");
        let mut expected = base.clone();
        expected["models"] = json!(["b"]);
        assert_eq!(variant, Some(expected));
        assert_eq!(
            (plan.usd, plan.samples, plan.margin, plan.judge.as_str(), plan.criteria.as_str()),
            (250_000_000_000, 60, 10, "j", "c")
        );
        let (_, variant) = of(json!({"outputTokens": 50}), &base).expect("a plan");
        assert_eq!(variant.expect("a variant")["limits"], json!({"messages": 9, "outputTokens": 50}));
        let (plan, variant) = of(json!({"writer": "w", "judge": {"model": "k"}}), &base).expect("a plan");
        assert_eq!((variant, plan.writer.as_deref(), plan.judge.as_str()), (None, Some("w"), "k"));
        assert_eq!(of(json!({"route": {"models": ["c"]}}), &base).expect("a plan").1, Some(json!({"models": ["c"]})));
    }

    #[test]
    fn a_plan_names_one_variant_and_a_judge() {
        let base = json!({"models": ["a"]});
        let found = [
            json!({}),
            json!({"models": ["b"], "writer": "w"}),
            json!({"models": ["b"]}),
            json!({"models": ["b"], "judge": {"model": "j"}, "usd": 1001}),
        ];
        let paths = found
            .map(|fields| of(fields, &base).expect_err("an error").split(' ').next().unwrap_or_default().to_owned());
        assert_eq!(paths, ["`models`", "`models`", "`judge.model`", "`usd`"]);
    }
}
