// SPDX-License-Identifier: MIT
//! What is fed to libcopas, and the models that its answers are compared with. Each module but the
//! helpers is one fuzz target: `run` takes the fuzzer's bytes and panics where an answer is wrong.

pub mod calls;
pub mod completions;
pub mod http;
pub mod receive;

mod coroutine;
mod dispatcher;
mod model;
mod pair;
mod script;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Runs the committed inputs of a target: those that fuzzers began with, and those that found defects.
    fn run_all(target: &str, run: fn(&[u8])) {
        let mut count = 0;
        for folder in ["seeds", "regressions"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let Ok(inputs) = fs::read_dir(folder.join(target)) else {
                continue;
            };
            for input in inputs {
                let path = input.expect("an input").path();
                println!("{}", path.display());
                run(&fs::read(path).expect("an input"));
                count += 1;
            }
        }
        assert!(count != 0, "{target} has no inputs");
    }

    #[test]
    fn receives_answer_as_the_model() {
        run_all("receive", crate::receive::run);
    }

    #[test]
    fn calls_answer_with_known_statuses() {
        run_all("calls", crate::calls::run);
    }

    #[test]
    fn each_submission_has_one_event() {
        run_all("completions", crate::completions::run);
    }

    #[test]
    fn requests_are_the_same_in_slices() {
        run_all("http", crate::http::run);
    }
}
