// SPDX-License-Identifier: MIT
//! Hostile clients for servers that send lines back; see options.rs for the use.

mod cases;
mod content;
mod crowd;
mod faults;
mod flood;
mod good;
mod habits;
mod judge;
mod latency;
mod member;
mod namespace;
mod opener;
mod options;
mod server;
mod trial;

use cases::{Attack, Case};
use options::{HELP, Options, Stop};
use std::env;
use std::process::{Command, ExitCode};
use trial::Verdict;

/// How a process tells that its case cannot be judged here.
const SKIPPED: u8 = 77;
/// A case fails where something is late so often: once may be the machine's doing.
const TRIES: u32 = 3;

#[derive(Clone, Copy)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

fn list() {
    for case in cases::all(false) {
        println!("{:14} {} ({} KiB)", case.name, case.about, case.budget_kib);
    }
}

/// Tells how a case ended.
fn tell(outcome: Outcome, case: &Case, words: &[String]) -> Outcome {
    let mark = match outcome {
        Outcome::Passed => "ok  ",
        Outcome::Failed => "FAIL",
        Outcome::Skipped => "skip",
    };
    println!("{mark} {}: {}", case.name, words.join(", "));
    outcome
}

/// Tells how a case ended that has to fail.
fn tell_failure(case: &Case, verdict: &Verdict) -> Outcome {
    if verdict.faults.are_none() {
        let outcome = tell(Outcome::Failed, case, &verdict.words);
        println!("     this should have failed");
        return outcome;
    }
    let outcome = tell(Outcome::Passed, case, &verdict.words);
    verdict
        .faults
        .all()
        .for_each(|fault| println!("     {fault}"));
    outcome
}

/// Runs a case in this process, again where something was only late, and tells of it.
fn run(case: &Case, options: &Options) -> Outcome {
    for left in (0..TRIES).rev() {
        let verdict = match trial::run(case, options) {
            Ok(verdict) => verdict,
            Err(error) => return tell(Outcome::Failed, case, &[error.to_string()]),
        };
        let faults = &verdict.faults;
        if options.expect_failures {
            return tell_failure(case, &verdict);
        } else if faults.are_none() {
            return tell(Outcome::Passed, case, &verdict.words);
        } else if !faults.grave.is_empty() || left == 0 && !verdict.was_starved {
            let outcome = tell(Outcome::Failed, case, &verdict.words);
            faults.all().for_each(|fault| println!("     {fault}"));
            return outcome;
        }
        println!("     {}: {}", case.name, faults.late.join("; "));
        if left > 0 {
            println!("     once more");
        }
    }
    println!("(skipped: {}: the machine is too busy to tell)", case.name);
    Outcome::Skipped
}

/// Runs a case in a process of its own, in a network namespace of its own.
fn run_apart(case: &Case) -> Outcome {
    let own = env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command
            .args(["--in-new-namespace", case.name])
            .args(env::args().skip(1));
        command.status()
    });
    match own.map(|status| status.code()) {
        Ok(Some(0)) => Outcome::Passed,
        Ok(Some(code)) if code == i32::from(SKIPPED) => Outcome::Skipped,
        Ok(_) => Outcome::Failed,
        Err(error) => {
            println!("FAIL {}: {error}", case.name);
            Outcome::Failed
        }
    }
}

/// The process that `run_apart` starts.
fn run_in_new_namespace(case: &Case, options: &Options) -> ExitCode {
    if let Err(error) = namespace::enter(options.expect_failures) {
        println!(
            "(skipped: {}: no network namespace of its own can be had: {error})",
            case.name
        );
        return ExitCode::from(SKIPPED);
    }
    match run(case, options) {
        Outcome::Passed => ExitCode::SUCCESS,
        Outcome::Failed => ExitCode::FAILURE,
        Outcome::Skipped => ExitCode::from(SKIPPED),
    }
}

fn chosen(case: &Case, options: &Options) -> bool {
    match &options.in_new_namespace {
        Some(name) => name == case.name,
        None => options.only.is_empty() || options.only.iter().any(|name| name == case.name),
    }
}

fn run_all(options: &Options) -> ExitCode {
    let mut counts = [0; 3];
    for case in cases::all(options.full)
        .iter()
        .filter(|case| chosen(case, options))
    {
        if options.in_new_namespace.is_some() {
            return run_in_new_namespace(case, options);
        }
        let outcome = match (&case.attack, &options.origin) {
            (Attack::HalfOpen(_), server::Origin::Address(..)) => {
                println!(
                    "(skipped: {}: needs a server that it starts itself)",
                    case.name
                );
                Outcome::Skipped
            }
            (Attack::HalfOpen(_), _) => run_apart(case),
            _ => run(case, options),
        };
        counts[outcome as usize] += 1;
    }
    let [passed, failed, skipped] = counts;
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    ExitCode::from(u8::from(failed > 0))
}

fn unknown(options: &Options) -> Option<&String> {
    let known = cases::all(false);
    options
        .only
        .iter()
        .find(|name| known.iter().all(|case| case.name != name.as_str()))
}

fn main() -> ExitCode {
    let stop = match Options::parse(env::args().skip(1)) {
        Ok(options) => match unknown(&options) {
            None => return run_all(&options),
            Some(name) => Stop::Mistake(format!("no case is called '{name}': see --list")),
        },
        Err(stop) => stop,
    };
    match stop {
        Stop::Help => println!("{HELP}"),
        Stop::List => list(),
        Stop::Mistake(text) => {
            eprintln!("hostile: {text}\n{HELP}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
