// SPDX-License-Identifier: MIT
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| copas_fuzz::calls::run(data));

/// Without a fuzzer there is nothing to run: the inputs in this folder are the library's tests.
#[cfg(not(fuzzing))]
fn main() {}
