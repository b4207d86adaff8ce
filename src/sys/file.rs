// SPDX-License-Identifier: MIT
//! The few files that are read or removed.

#[cfg(feature = "faults")]
use super::faults::{self, Call};
use std::io;

/// The content of a file.
#[cfg(feature = "tls")]
pub fn read(path: &str) -> io::Result<Vec<u8>> {
    #[cfg(feature = "faults")]
    faults::check(Call::File)?;
    std::fs::read(path)
}

/// Removes a file.
pub fn remove(path: &str) -> io::Result<()> {
    #[cfg(feature = "faults")]
    faults::check(Call::File)?;
    std::fs::remove_file(path)
}

/// Whether a path is that of a Unix socket.
pub fn is_socket(path: &str) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}
