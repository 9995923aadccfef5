//! Stored data of earlier versions stays readable, and the stored names do not change.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::account::balance::{Hold, PeriodUsage};
use crate::account::limits::Limits;

fn check_names<T: Serialize + DeserializeOwned>(text: &str) {
    let read: T = serde_json::from_str(text).expect(text);
    let expected: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(serde_json::to_value(read).expect("JSON"), expected);
}

/// Rows as the first version wrote them.
#[test]
fn rows_of_the_first_version_are_read_and_written_with_the_same_names() {
    include_str!("holds.jsonl").lines().for_each(check_names::<Hold>);
    check_names::<[PeriodUsage; 3]>(
        r#"[{"starts":1709208000000,"used":{"requests":1,"tokens":10,"usd":9}},{"starts":1709164800000,"used":{"requests":1,"tokens":10,"usd":9}},{"starts":1706745600000,"used":{"requests":1,"tokens":10,"usd":9}}]"#,
    );
    check_names::<Limits>(r#"{"requests":[1,null,null],"tokens":[null,null,null],"usd":[null,5,null],"concurrent":3}"#);
}
