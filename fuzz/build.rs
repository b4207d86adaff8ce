// SPDX-License-Identifier: MIT
//! The C side of the HTTP example, to be called from here.

fn main() {
    let example = "../c_examples/http/request.c";
    println!("cargo::rerun-if-changed=../c_examples/http");
    println!("cargo::rerun-if-changed=../include/copas.h");
    cc::Build::new()
        .file(example)
        .file("src/http_request.c")
        .include("../include")
        .include("../c_examples/http")
        .include("../c_examples/http_parser")
        .flag("-fstack-clash-protection")
        .compile("http_request");
}
