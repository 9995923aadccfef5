use super::*;

fn read_line(line: &str) -> Result<Task, String> {
    read(line.split_whitespace().map(str::to_owned)).map_err(|failure| failure.to_string())
}

#[test]
fn dev_has_defaults() {
    assert_eq!(read_line("dev"), Ok(Task::Dev(Dev { port: 8787, upstream: None, dialect: None, origins: vec![] })));
}

#[test]
fn an_option_takes_its_value_as_a_word_or_after_an_equals_sign() {
    let expected = Dev {
        port: 9000,
        upstream: Some("https://api.openai.com/v1".to_owned()),
        dialect: Some(Dialect::OpenAi),
        origins: vec![],
    };
    let separate = read_line("dev --port 9000 --upstream https://api.openai.com/v1/ --dialect openai");
    let joined = read_line("dev --port=9000 --upstream=https://api.openai.com/v1 --dialect=openai");
    assert_eq!(separate, Ok(Task::Dev(expected)));
    assert_eq!(separate, joined);
}

#[test]
fn build_without_a_part_means_both() {
    assert_eq!(read_line("build"), Ok(Task::Build { package: true, worker: true }));
    assert_eq!(read_line("build worker"), Ok(Task::Build { package: false, worker: true }));
    assert_eq!(read_line("build package worker"), read_line("build"));
}

#[test]
fn test_takes_suites_and_the_long_mode_in_any_order() {
    let test = |suites: &[Suite], long| Ok(Task::Test(Test { suites: suites.to_vec(), long }));
    assert_eq!(read_line("test"), test(&[], false));
    assert_eq!(read_line("test edge types"), test(&[Suite::Edge, Suite::Types], false));
    assert_eq!(read_line("test --long"), test(&[], true));
    assert_eq!(read_line("test --long core"), read_line("test core --long"));
}

#[test]
fn a_simulation_has_defaults_and_can_be_repeated_by_its_seed() {
    assert_eq!(read_line("fuzz sim"), Ok(Task::Simulate(Simulate { calls: 1_000_000, seed: 1 })));
    assert_eq!(read_line("fuzz sim --seed 7 --calls=1"), Ok(Task::Simulate(Simulate { calls: 1, seed: 7 })));
    assert_eq!(read_line("fuzz mutants Cut"), Ok(Task::Mutants(vec!["Cut".to_owned()])));
}

#[test]
fn bench_takes_parts_and_a_baseline() {
    let bench = |parts: &[&str], baseline: Option<&str>| {
        let parts = parts.iter().map(|part| (*part).to_owned()).collect();
        Ok(Task::Bench(Bench { parts, baseline: baseline.map(PathBuf::from) }))
    };
    assert_eq!(read_line("bench"), bench(&[], None));
    assert_eq!(read_line("bench node bundle"), bench(&["node", "bundle"], None));
    assert_eq!(read_line("bench old --baseline ../b/worker/build"), bench(&["old"], Some("../b/worker/build")));
}

#[test]
fn live_uses_openrouter_by_default() {
    assert_eq!(read_line("live"), Ok(Task::Live { upstream: None }));
    let upstream = Some("http://127.0.0.1:9/api/v1".to_owned());
    assert_eq!(read_line("live --upstream http://127.0.0.1:9/api/v1/"), Ok(Task::Live { upstream }));
}

#[test]
fn the_faults_ask_each_model_by_itself_by_default() {
    assert_eq!(read_line("faults"), Ok(Task::Faults { dialect: Dialect::OpenAi }));
    assert_eq!(read_line("faults --dialect openrouter"), Ok(Task::Faults { dialect: Dialect::OpenRouter }));
}

#[test]
fn the_matrix_leaves_the_documentation_as_it_is_by_default() {
    assert_eq!(read_line("matrix"), Ok(Task::Matrix { writes: false }));
    assert_eq!(read_line("matrix --write"), Ok(Task::Matrix { writes: true }));
    assert_eq!(read_line("newcomer"), Ok(Task::Newcomer { writes: false }));
    assert_eq!(read_line("api --write"), Ok(Task::Api { writes: true }));
    assert_eq!(read_line("reference"), Ok(Task::Reference { writes: false }));
    assert_eq!(read_line("reference --write"), Ok(Task::Reference { writes: true }));
}

#[test]
fn an_error_names_the_wrong_word() {
    let cases = [
        ("biuld", "biuld: no such command"),
        ("build page", "page: no such part"),
        ("test cor", "cor: no such suite"),
        ("test --log", "--log: no such option"),
        ("dev --prot 1", "--prot: no such option"),
        ("dev --port", "--port: needs a value"),
        ("dev --port 0", "--port: needs a port"),
        ("dev --port 65536", "--port: needs a port"),
        ("dev --upstream openrouter.ai", "--upstream: needs a URL"),
        ("dev --dialect anthropic", "--dialect: needs `openrouter` or `openai`"),
        ("fuzz", "fuzz: needs `sim` or `mutants`"),
        ("fuzz simulator", "simulator: needs `sim` or `mutants`"),
        ("fuzz sim --seed x", "--seed: needs a whole number"),
        ("live --key k", "--key: no such option"),
        ("bench edges", "edges: no such part"),
        ("bench old", "old: needs --baseline DIR"),
        ("bench --baseline", "--baseline: needs a value"),
        ("faults --all", "--all: no such option"),
        ("faults --dialect azure", "--dialect: needs `openrouter` or `openai`"),
        ("matrix --all", "--all: no such option"),
        ("size now", "now: no such option"),
    ];
    for (line, expected) in cases {
        let problem = read_line(line).expect_err(line);
        assert!(problem.starts_with(expected), "{line}: {problem}");
    }
}
