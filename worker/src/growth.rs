//! Counts the steps of work on hostile input, and fails if they grow faster than the input: a stranger's request of one
//! megabyte must not stop an isolate.
//!
//! A step is an instruction, counted by valgrind's callgrind, so that no loop can be forgotten and no clock is involved. A
//! test with [`assert_linear`] runs itself again under valgrind, for inputs of two sizes. Both sizes are beyond every limit
//! of names and lists, so work that a limit bounds does not grow at all.

use std::path::Path;
use std::process::Command;

/// The sizes of the two inputs in bytes, unless [`BYTES`] is set.
const SMALL: usize = 16 * 1024;
const TIMES: usize = 4;

/// The most that the steps may grow, in percent. n log n grows to 457 %, and n² to 1600 %.
const MOST: u64 = 500;

/// Set for the process whose steps are counted.
const COUNTING: &str = "FAILSOFT_GROWTH_COUNTING";
/// The size of the smaller input in bytes.
const BYTES: &str = "FAILSOFT_GROWTH_BYTES";

/// Hostile input of some kind, and the work that it causes.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Makes an input of about this many bytes.
    pub(crate) input: fn(usize) -> String,
    pub(crate) work: fn(&str),
}

/// Asserts that the steps of no case grow faster than n log n. `test` is the full name of the calling test.
pub(crate) fn assert_linear(test: &str, cases: &[Case]) {
    let small = std::env::var(BYTES).ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(SMALL);
    if std::env::var_os(COUNTING).is_some() {
        for case in cases {
            let inputs = [(case.input)(small), (case.input)(small * TIMES)];
            inputs.iter().for_each(|input| measure(case.work, input));
        }
        return;
    }
    let Some(steps) = count(test) else {
        assert!(std::env::var_os("CI").is_none(), "valgrind is missing: apt-get install valgrind");
        return eprintln!("{test}: not checked, because valgrind is missing");
    };
    assert_eq!(steps.len(), 2 * cases.len());
    let grown: Vec<String> = cases
        .iter()
        .zip(steps.chunks(2))
        .inspect(|(case, steps)| println!("{}: {} steps, then {}", case.name, steps[0], steps[1]))
        .filter(|(_, steps)| steps[1] * 100 > steps[0] * MOST)
        .map(|(case, steps)| format!("{}: {} steps, then {}", case.name, steps[0], steps[1]))
        .collect();
    assert_eq!(grown, Vec::<String>::new(), "for {TIMES} times the input");
}

/// The name by which callgrind finds [`measure`].
const MEASURE: &str = "failsoft_worker::growth::measure";

/// The work whose steps count.
#[inline(never)]
fn measure(work: fn(&str), input: &str) {
    work(std::hint::black_box(input));
}

/// Runs `test` under callgrind, and returns the steps of each call of [`measure`]. `None`: valgrind is missing.
fn count(test: &str) -> Option<Vec<u64>> {
    let folder = std::env::temp_dir().join(format!("failsoft-growth-{}-{}", std::process::id(), test.replace(':', "")));
    std::fs::create_dir_all(&folder).expect("a folder for the counts");
    let out = format!("--callgrind-out-file={}/out", folder.display());
    let mut valgrind = Command::new("valgrind");
    let [collect, dump] = ["toggle-collect", "dump-after"].map(|option| format!("--{option}={MEASURE}"));
    valgrind.args(["--tool=callgrind", &collect, &dump, &out]);
    valgrind.arg(std::env::current_exe().expect("a program")).args(["--exact", test, "--test-threads=1"]);
    let output = valgrind.env(COUNTING, "1").output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The last dump is of the end of the program.
    let dumps = (1..).map(|number| folder.join(format!("out.{number}"))).take_while(|dump| dump.exists());
    let steps = dumps.map(|dump| read_steps(&dump)).collect();
    std::fs::remove_dir_all(&folder).expect("the folder is there");
    Some(steps)
}

fn read_steps(dump: &Path) -> u64 {
    let text = std::fs::read_to_string(dump).expect("a dump of callgrind");
    let totals = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a line with the totals");
    totals.trim().parse().expect("a number of steps")
}
