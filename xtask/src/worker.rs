//! Builds the Worker: worker-build makes worker/build/index.js and its WebAssembly; the page's files go to
//! worker/build/assets. All of it also goes to the npm packages of the edge.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bundle;
use crate::docs;
use crate::edge_package;
use crate::failure::Result;
use crate::files;
use crate::fingerprint::Fingerprint;
use crate::npm;
use crate::process::{no_progress, report_step, run, run_quietly};
use crate::remap;
use crate::tools;
use crate::workspace::{Workspace, without_this_crate};

/// The features that worker-build allows wasm-opt to use.
const WASM_FEATURES: [&str; 8] = [
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-reference-types",
    "--enable-exception-handling",
];

/// As in the package: a function with one caller is inlined only if it is tiny, and the first kilobyte of the memory, which is the
/// end of the stack, stays unused. The second `-Oz` removes 6 KB that the first leaves. In the order of their names, functions of one
/// module and of one generic type are neighbours, which compress better: another 8 KB.
const WASM_OPTIMISATIONS: [&str; 7] = [
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=20",
    "-Oz",
    "-Oz",
    "--reorder-functions-by-name",
    "--strip-producers",
    "--strip-target-features",
];

/// - A panic is a trap without a message, so the Worker contains no code that formats messages of panics. The log has the stack
///   of the trap, and `functions.txt` has the names of its functions.
/// - Instructions that several branches have in common are merged, which changes the size and not the speed.
const RUSTFLAGS: &str = "-Zunstable-options -Cpanic=immediate-abort -Cllvm-args=-hoist-common-insts \
                         -Cllvm-args=-sink-common-insts";

/// Builds worker/build, unless nothing has changed. Needs what [`crate::setup::build`] sets up.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    report_step("building the Worker");
    compile(workspace)?;
    let stamp = workspace.scratch().join("worker.stamp");
    let inputs = fingerprint(workspace)?;
    if !inputs.is_stamped(&stamp) || !output(workspace).join("index.js").is_file() {
        bundle(workspace)?;
        inputs.stamp(&stamp)?;
    }
    copy_assets(workspace)?;
    edge_package::build(workspace)
}

/// The folder in wrangler.jsonc.
pub(crate) fn output(workspace: &Workspace) -> PathBuf {
    workspace.worker().join("build")
}

/// Compiles as worker-build does, so that worker-build finds everything compiled, and does not run at all if nothing is
/// new.
fn compile(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--lib", "--release", "--target=wasm32-unknown-unknown"]);
    cargo.current_dir(workspace.worker()).env("WASM_BINDGEN_USE_JS_SYS", "1");
    set_flags(workspace, &mut cargo)?;
    run("compiling the Worker", &mut cargo)
}

/// The standard library is compiled along with the Worker, for size.
fn set_flags(workspace: &Workspace, command: &mut Command) -> Result<()> {
    command.env("RUSTC_BOOTSTRAP", "1");
    command.env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");
    command.env("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size");
    remap::set_flags(workspace, command, RUSTFLAGS)
}

fn fingerprint(workspace: &Workspace) -> Result<Fingerprint> {
    let mut inputs = Fingerprint::new(include_str!("worker.rs"));
    inputs.add(&tools::worker_build(workspace)?.to_string_lossy());
    inputs.add_file(&workspace.wasm("wasm32-unknown-unknown", "release", "failsoft_worker"))?;
    inputs.add_file(&workspace.tests().join("package-lock.json"))?;
    Ok(inputs)
}

fn bundle(workspace: &Workspace) -> Result<()> {
    let mut worker_build = Command::new(tools::worker_build(workspace)?);
    // A backtrace would hide the message.
    worker_build.arg("--release").current_dir(workspace.worker()).env_remove("RUST_BACKTRACE");
    worker_build.env("CARGO_TARGET_DIR", &workspace.target).env("PATH", npm::path(workspace));
    // With these variables worker-build downloads nothing.
    worker_build.env("WASM_BINDGEN_BIN", tools::wasm_bindgen(workspace)?);
    worker_build.env("WASM_OPT_BIN", workspace.npm_bin().join("wasm-opt"));
    worker_build.env("ESBUILD_BIN", workspace.npm_bin().join("esbuild"));
    set_flags(workspace, &mut worker_build)?;
    without_this_crate(&mut worker_build);
    run_quietly("running worker-build", &mut worker_build, no_progress)?;
    optimise(workspace)
}

/// The WebAssembly with the names of its functions, which are a tenth of it, so an isolate loads it without them. Both have
/// the same functions in the same order. Needs a built Worker.
pub(crate) fn with_names(workspace: &Workspace) -> PathBuf {
    workspace.scratch().join("worker.wasm")
}

/// worker-build keeps the names of all functions. A line of `functions.txt` has the number and the name of a function: the stack
/// of a trap has only the numbers.
fn optimise(workspace: &Workspace) -> Result<()> {
    let (wasm, named) = (output(workspace).join("index_bg.wasm"), with_names(workspace));
    let mut wasm_opt = npm::program(workspace, "wasm-opt");
    wasm_opt.args(WASM_FEATURES).args(WASM_OPTIMISATIONS).arg("--debuginfo").arg(&wasm).arg("-o").arg(&named);
    run_quietly("running wasm-opt", &mut wasm_opt, no_progress)?;
    let mut strip = npm::program(workspace, "wasm-opt");
    let functions = output(workspace).join("functions.txt");
    strip.args(WASM_FEATURES).arg(format!("--symbolmap={}", functions.display()));
    strip.arg("--strip-debug").arg(&named).arg("-o").arg(&wasm);
    run_quietly("removing the names", &mut strip, no_progress)
}

/// Copies the playground and the package, which the playground imports as `./failsoft/…`, renders the documentation, and bundles
/// the dashboard.
fn copy_assets(workspace: &Workspace) -> Result<()> {
    let stage = workspace.scratch().join("assets");
    files::make_empty(&stage)?;
    copy_all(&workspace.root.join("www"), &stage, |file| !docs::is_source(file) && !bundle::is_source(file))?;
    docs::build(workspace, &stage.join("docs"))?;
    bundle::build_dashboard(workspace, &stage.join("dashboard"))?;
    copy_all(&workspace.package(), &stage.join("failsoft"), is_served)?;
    files::replace(&stage, &output(workspace).join("assets"))
}

fn copy_all(from: &Path, to: &Path, wanted: fn(&Path) -> bool) -> Result<()> {
    for file in files::below(from)?.iter().filter(|file| wanted(file)) {
        files::copy(&from.join(file), &to.join(file))?;
    }
    Ok(())
}

/// A page loads only the code of the package.
fn is_served(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "js" || extension == "wasm")
}
