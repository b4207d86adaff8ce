// SPDX-License-Identifier: MIT
//! What is wrong, in words.

#[derive(Default)]
pub struct Faults {
    /// Wrong however busy the machine is.
    pub grave: Vec<String>,
    /// Too late, which may be the machine's doing.
    pub late: Vec<String>,
}

impl Faults {
    pub fn are_none(&self) -> bool {
        self.grave.is_empty() && self.late.is_empty()
    }

    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.grave.iter().chain(&self.late)
    }
}
