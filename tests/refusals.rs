//! The corpus of refusals, and of answers that look like refusals: `fixtures/refusals`, a file for each language. The test
//! reports what the rule about refusals gets wrong, and bounds it in each language.

use std::fs;
use std::path::PathBuf;

use failsoft::verdict::{Beginning, beginning, is_refusal};
use serde_json::Value;

struct Language {
    name: String,
    answers: Vec<String>,
    refusals: Vec<String>,
}

fn corpus() -> Vec<Language> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "refusals"].iter().collect();
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files.iter().map(language).collect()
}

fn language(path: &PathBuf) -> Language {
    let texts: Value = serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
    let list = |name: &str| -> Vec<String> {
        let texts = texts[name].as_array().expect("a list").iter();
        texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    Language { name, answers: list("answers"), refusals: list("refusals") }
}

#[test]
fn in_each_of_ten_languages_refusals_are_found_and_answers_are_left_alone() {
    let corpus = corpus();
    for Language { name, answers, refusals } in &corpus {
        let alarms: Vec<&String> = answers.iter().filter(|text| is_refusal(text, &[])).collect();
        let missed: Vec<&String> = refusals.iter().filter(|text| !is_refusal(text, &[])).collect();
        println!(
            "{name}: {} false alarms of {}, {} missed of {}",
            alarms.len(),
            answers.len(),
            missed.len(),
            refusals.len()
        );
        assert!(100 * alarms.len() <= 2 * answers.len(), "{name}: false alarms: {alarms:#?}");
        assert!(100 * missed.len() <= 10 * refusals.len(), "{name}: missed: {missed:#?}");
    }
    let count = |of: fn(&Language) -> usize| corpus.iter().map(of).sum::<usize>();
    let sizes = (corpus.len(), count(|language| language.answers.len()), count(|language| language.refusals.len()));
    assert!(sizes.0 == 10 && sizes.1 >= 200 && sizes.2 >= 100, "{sizes:?}");
}

/// A stream is shown from the point on at which its text is clear. So a refusal is never clear at any point, unless it begins
/// in a way that is not known.
#[test]
fn no_beginning_of_a_refusal_with_a_known_opening_is_clear() {
    for text in corpus().iter().flat_map(|language| &language.refusals) {
        let clear = |end: &usize| beginning(&text[..*end], &[]) == Beginning::Clear;
        let ends: Vec<usize> = (0..=text.len()).filter(|end| text.is_char_boundary(*end)).collect();
        if beginning(text, &[]) == Beginning::Refused {
            assert_eq!(ends.iter().find(|end| clear(end)), None, "{text}");
        }
    }
}

#[test]
fn most_refusals_begin_in_a_known_way() {
    for Language { name, refusals, .. } in corpus() {
        let held = refusals.iter().filter(|text| beginning(text, &[]) == Beginning::Refused).count();
        assert!(10 * held >= 7 * refusals.len(), "{name}: {held} of {}", refusals.len());
    }
}
