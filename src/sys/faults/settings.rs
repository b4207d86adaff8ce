// SPDX-License-Identifier: MIT
//! The schedule that the environment asks for: COPAS_FAULTS=seed[:kinds[:rate]].

use super::call::kind;

/// The variable.
const VARIABLE: &str = "COPAS_FAULTS";
/// Failures of a million calls, unless a rate is said.
const USUAL_RATE: u32 = 50_000;

/// What a schedule begins with.
#[derive(Debug, PartialEq, Eq)]
pub struct Settings {
    /// What decides.
    pub seed: u64,
    /// Which kinds.
    pub kinds: u32,
    /// How many of a million calls fail.
    pub rate: u32,
}

/// The settings of the environment. The process ends where they are wrong: tests without the failures that
/// somebody asked for would say nothing.
pub fn of_environment() -> Option<Settings> {
    let text = std::env::var(VARIABLE).ok()?;
    let settings = parse(&text);
    if settings.is_none() {
        let names: Vec<_> = kind::NAMES.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "{VARIABLE}={text} is not seed[:kinds[:rate]]: a number; {} joined by '+'; failures of a million \
             calls",
            names.join(", ")
        );
        std::process::abort();
    }
    settings
}

fn parse(text: &str) -> Option<Settings> {
    let mut parts = text.splitn(3, ':');
    let seed = parts.next()?.parse().ok()?;
    let kinds = parts.next().map_or(Some(kind::BENIGN), kinds)?;
    let rate = parts.next().map_or(Some(USUAL_RATE), |n| n.parse().ok())?;
    Some(Settings { seed, kinds, rate })
}

/// The kinds that names joined by '+' mean.
fn kinds(text: &str) -> Option<u32> {
    let of_name = |name: &str| kind::NAMES.iter().find(|known| known.0 == name);
    text.split('+')
        .try_fold(0, |kinds, name| Some(kinds | of_name(name)?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_alone_means_what_programs_never_see() {
        let usual = Settings {
            seed: 7,
            kinds: kind::BENIGN,
            rate: USUAL_RATE,
        };
        assert_eq!(parse("7"), Some(usual));
    }

    #[test]
    fn kinds_are_joined_and_the_rate_is_said() {
        let said = parse("1:short+threads:900").unwrap();
        assert_eq!(said.kinds, kind::SHORT | kind::THREADS);
        assert_eq!(said.rate, 900);
        assert_eq!(parse("1:all").unwrap().kinds, kind::ALL);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for wrong in [
            "",
            "x",
            "1:",
            "1:none",
            "1:short+",
            "1:short:",
            "1:short:1:2",
            "-1",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
