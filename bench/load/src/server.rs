// SPDX-License-Identifier: MIT
//! What the server costs, told by the kernel.

use crate::failure::Failure;
use std::fs;
use std::time::Duration;

/// Resident memory, and the page tables that the kernel keeps for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub resident_kib: u64,
    pub tables_kib: u64,
}

pub struct Server {
    pid: i32,
    clock: libc::clockid_t,
}

impl Server {
    pub fn of(pid: i32) -> Result<Server, Failure> {
        let mut clock = 0;
        // SAFETY: `clock` outlives the call.
        if unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) } != 0 {
            return Err(Failure::Broken(format!("there is no process {pid}")));
        }
        let server = Server { pid, clock };
        server.cpu()?;
        Ok(server)
    }

    /// CPU time of all its OS threads, also of those that have ended, to the nanosecond: the sum of
    /// what /proc/PID/task/TID/schedstat shows.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` outlives the call.
        if unsafe { libc::clock_gettime(self.clock, &raw mut time) } == 0 {
            return Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32));
        }
        Err(Failure::Broken(format!("the server {} is gone", self.pid)))
    }

    pub fn memory(&self) -> Result<Memory, Failure> {
        Ok(Memory {
            resident_kib: field(&self.read("smaps_rollup")?, "Rss:"),
            tables_kib: field(&self.read("status")?, "VmPTE:"),
        })
    }

    fn read(&self, name: &str) -> Result<String, Failure> {
        let path = format!("/proc/{}/{name}", self.pid);
        fs::read_to_string(&path).map_err(|error| Failure::Broken(format!("{path}: {error}")))
    }
}

fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_clock_counts_what_this_process_computes() {
        let server = Server::of(std::process::id() as i32).unwrap();
        let (before, start) = (server.cpu().unwrap(), Instant::now());
        while server.cpu().unwrap() - before < Duration::from_millis(20) {
            assert!(start.elapsed() < Duration::from_secs(30));
        }
    }

    #[test]
    fn memory_that_is_touched_counts() {
        let server = Server::of(std::process::id() as i32).unwrap();
        let before = server.memory().unwrap().resident_kib;
        let memory = vec![1u8; 32 << 20];
        assert!(server.memory().unwrap().resident_kib >= before + (30 << 10));
        drop(memory);
    }

    #[test]
    fn a_process_that_is_not_there_is_a_failure() {
        // More than the kernel's largest.
        assert!(Server::of(4_194_305).is_err());
    }
}
