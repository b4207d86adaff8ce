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
