//! The corpus of refusals, and of answers that look like refusals: `fixtures/refusals`, a file for each language. The rule about
//! refusals was made with these texts. Those in the folder `held-out` were written before anybody saw what the rule says about
//! them. The tests print what the rule gets wrong, and bound it in each language.

use std::fs;
use std::path::PathBuf;

use failsoft::verdict::{Beginning, beginning, is_refusal};
use serde_json::Value;

struct Language {
    name: String,
    answers: Vec<String>,
    refusals: Vec<String>,
}

/// The languages of a folder of the corpus.
fn corpus(folder: &str) -> Vec<Language> {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", "refusals", folder].iter().collect();
    let files = fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("a file").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
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

/// Prints a row for each language of `folder`, and checks the bounds: at most 2 % of the answers count as refusals, and at least
/// 90 % of the refusals are found.
fn check(folder: &str, fewest_answers: usize, fewest_refusals: usize) {
    let corpus = corpus(folder);
    assert_eq!(corpus.len(), 10, "languages of {folder:?}");
    let mut all = (0, 0);
    println!("\n{folder:8}| false alarms      | found             | held in a stream");
    for Language { name, answers, refusals } in &corpus {
        let alarms: Vec<&String> = answers.iter().filter(|text| is_refusal(text, &[])).collect();
        let missed: Vec<&String> = refusals.iter().filter(|text| !is_refusal(text, &[])).collect();
        let held = refusals.iter().filter(|text| beginning(text, &[]) == Beginning::Refused).count();
        let found = refusals.len() - missed.len();
        let row = [(alarms.len(), answers.len()), (found, refusals.len()), (held, refusals.len())];
        let cells = row.map(|(part, whole)| {
            let percent = 100.0 * part as f64 / whole as f64;
            format!("{part:4} of {whole:3}, {percent:5.1}%")
        });
        println!("{name:8}| {}", cells.join(" | "));
        assert!(
            answers.len() >= fewest_answers && refusals.len() >= fewest_refusals,
            "{name} in {folder:?} is too small"
        );
        assert!(100 * alarms.len() <= 2 * answers.len(), "{name}: false alarms: {alarms:#?}");
        assert!(100 * missed.len() <= 10 * refusals.len(), "{name}: missed: {missed:#?}");
        all.0 += held;
        all.1 += refusals.len();
    }
    // In some languages a sentence begins with its object, so its beginning says little.
    assert!(10 * all.0 >= 6 * all.1, "{} of {} refusals begin in a known way", all.0, all.1);
}

#[test]
fn in_each_of_ten_languages_refusals_are_found_and_answers_are_left_alone() {
    check("", 250, 130);
}

#[test]
fn refusals_are_found_and_answers_left_alone_among_texts_that_were_held_out() {
    check("held-out", 50, 20);
}

/// A stream is shown from the point on at which its text is clear. So a refusal is never clear at any point, unless it begins
/// in a way that is not known.
#[test]
fn no_beginning_of_a_refusal_with_a_known_opening_is_clear() {
    let languages = [corpus(""), corpus("held-out")].into_iter().flatten();
    for text in languages.flat_map(|language| language.refusals) {
        let clear = |end: &usize| beginning(&text[..*end], &[]) == Beginning::Clear;
        let ends: Vec<usize> = (0..=text.len()).filter(|end| text.is_char_boundary(*end)).collect();
        if beginning(&text, &[]) == Beginning::Refused {
            assert_eq!(ends.iter().find(|end| clear(end)), None, "{text}");
        }
    }
}
