// SPDX-License-Identifier: MIT
//! The committed header is what the build generates from the exports and their comments.

const COMMITTED: &str = include_str!("../include/copas.h");
const GENERATED: &str = include_str!(concat!(env!("OUT_DIR"), "/copas.h"));

#[test]
fn the_committed_header_is_the_generated_one() {
    let differing = COMMITTED
        .lines()
        .zip(GENERATED.lines())
        .position(|(committed, generated)| committed != generated);
    assert!(
        COMMITTED == GENERATED,
        "include/copas.h is not what the exports say (first difference in line {:?}): \
         run scripts/header and commit the result",
        differing.map(|line| line + 1)
    );
}

#[test]
fn every_export_is_documented() {
    let mut previous = "";
    for line in COMMITTED.lines() {
        let declares = line.contains(" copas_")
            && line.contains('(')
            && !line.starts_with([' ', '*', '/', '#']);
        let documented = previous.trim_end() == "*/" || previous.trim_end().ends_with("*/");
        assert!(
            !declares || documented || previous.starts_with("COPAS_MUST_USE"),
            "no comment before: {line}"
        );
        previous = line;
    }
}

#[test]
fn every_export_says_whether_it_is_a_switch_point() {
    for (comment, declaration) in declarations() {
        let says = [
            "Switch point",
            "Never switches",
            "Steps the dispatcher",
            "Runs the dispatcher",
        ];
        assert!(
            says.iter().any(|words| comment.contains(words)),
            "the comment of {declaration} does not say whether it may switch:\n{comment}"
        );
    }
}

/// Each function's comment and the first line of its declaration.
fn declarations() -> Vec<(String, String)> {
    let mut comment = String::new();
    let mut found = Vec::new();
    for line in COMMITTED.lines() {
        if line.starts_with("/**") {
            comment.clear();
        }
        if line.starts_with("/**") || line.starts_with(" *") {
            comment.push_str(line);
        } else if line.contains(" copas_")
            && line.contains('(')
            && !line.starts_with([' ', '#', '/', 't'])
        {
            found.push((comment.clone(), line.to_string()));
        }
    }
    found
}
