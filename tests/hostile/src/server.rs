// SPDX-License-Identifier: MIT
//! The server under test: started anew for each case, or one that is there already.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a server may take to begin, and to end.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);

/// Where the server comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A command line in which {port} stands for a free port of 127.0.0.1.
    Command(Vec<String>),
    Address(SocketAddr, Option<u32>),
}

pub struct Server {
    pub address: SocketAddr,
    pid: Option<u32>,
    child: Option<Child>,
}

#[derive(Clone, Copy)]
pub struct Turns {
    pub ran: Duration,
    pub waited: Duration,
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

impl Server {
    pub fn of(origin: &Origin) -> io::Result<Server> {
        let mut server = match origin {
            Origin::Address(address, pid) => Server {
                address: *address,
                pid: *pid,
                child: None,
            },
            Origin::Command(command) => Server::start(command)?,
        };
        server.await_listening()?;
        Ok(server)
    }

    fn start(command: &[String]) -> io::Result<Server> {
        let port = free_port()?;
        let words: Vec<_> = command
            .iter()
            .map(|word| word.replace("{port}", &port.to_string()))
            .collect();
        let mut starting = Command::new(&words[0]);
        starting.args(&words[1..]);
        // SAFETY: between fork and exec only prctl() is called, which is a system call and no more.
        unsafe {
            starting.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let child = starting
            .spawn()
            .map_err(|error| io::Error::other(format!("cannot start {}: {error}", words[0])))?;
        Ok(Server {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            pid: Some(child.id()),
            child: Some(child),
        })
    }

    fn await_listening(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.ended() {
                return Err(io::Error::other(format!(
                    "the server ended at once: {status}"
                )));
            }
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other(format!(
                    "the server does not listen on {} within {PATIENCE:?}",
                    self.address
                )));
            }
            sleep(LOOK);
        }
        Ok(())
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        self.child
            .as_mut()?
            .try_wait()
            .ok()?
            .map(|status| status.to_string())
    }

    /// Resident memory in KiB; None where nobody knows.
    pub fn resident_kib(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid?)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// How long its first OS thread has run, and has waited for a CPU that others had.
    pub fn turns(&self) -> Option<Turns> {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.pid?)).ok()?;
        let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
        Some(Turns {
            ran: Duration::from_nanos(numbers.next()?),
            waited: Duration::from_nanos(numbers.next()?),
        })
    }

    pub fn descriptors(&self) -> Option<usize> {
        Some(
            fs::read_dir(format!("/proc/{}/fd", self.pid?))
                .ok()?
                .count(),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(child) = &mut self.child else {
            return;
        };
        // SAFETY: no pointer is passed; the child has not been waited for, so its number is its own.
        unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
        let start = Instant::now();
        while matches!(child.try_wait(), Ok(None)) {
            if start.elapsed() > PATIENCE {
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            sleep(LOOK);
        }
    }
}
