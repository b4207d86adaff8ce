// SPDX-License-Identifier: MIT
//! Which OS thread calls, and starting others.

#[cfg(feature = "faults")]
use super::faults::{self, Call};
use super::sync::JoinHandle;
use std::io;

/// A number that no other living OS thread has; never 0. It is the thread pointer, which every call of
/// the library compares: a thread-local's address would cost each of them a call of the dynamic loader.
#[cfg(not(any(shuttle, miri)))]
#[inline]
pub fn id() -> usize {
    let id: usize;
    // SAFETY: reads the word at fs:0, where the x86-64 ABI of ELF's thread-local storage (variant II)
    // keeps the thread pointer itself; no memory is written and no flag changed.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) id, options(nostack, preserves_flags, pure, readonly));
    }
    // SAFETY: reads the register in which the AArch64 ABI keeps the thread pointer.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!("mrs {}, tpidr_el0", out(reg) id, options(nostack, preserves_flags, nomem, pure));
    }
    id
}

#[cfg(shuttle)]
pub use super::model::id;

/// The same for an interpreter, which knows no registers.
#[cfg(miri)]
pub fn id() -> usize {
    std::thread_local! {
        static PLACE: u8 = const { 0 };
    }
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}

/// How many CPUs this process may use (sched_getaffinity(2), and the quota of its control group).
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Lets other OS threads run.
pub fn yield_now() {
    super::sync::yield_now();
}

/// Runs `body` and restores errno afterwards, for functions that a signal handler may call.
pub fn keeping_errno<R>(body: impl FnOnce() -> R) -> R {
    // SAFETY: __errno_location gives this OS thread's own errno, valid for as long as it runs.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { *errno };
    let result = body();
    // SAFETY: as above.
    unsafe { *errno = before };
    result
}

/// Sets errno, for functions whose result cannot carry a status.
pub fn set_errno(errno: i32) {
    // SAFETY: __errno_location gives this OS thread's own errno.
    unsafe { *libc::__errno_location() = errno };
}

/// Signals that an OS thread raises by its own doing. They stay open: the kernel ends a process where
/// one of them is blocked, and runtimes (Go, JVMs) live on them.
const OWN_FAULTS: [libc::c_int; 6] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// Starts an OS thread, with a stack of `stack_size` bytes if that is asked for. The process' signals
/// are not delivered to it.
pub fn start(
    name: &str,
    stack_size: Option<usize>,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    #[cfg(feature = "faults")]
    faults::check(Call::Start)?;
    let before = block_signals();
    let started = spawn(name, stack_size, body);
    restore_signals(&before);
    started
}

#[cfg(shuttle)]
use super::model::spawn;

#[cfg(not(shuttle))]
fn spawn(
    name: &str,
    stack_size: Option<usize>,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let mut builder = std::thread::Builder::new().name(name.into());
    if let Some(size) = stack_size {
        builder = builder.stack_size(size);
    }
    builder.spawn(body)
}

/// Blocks the signals of this OS thread, whose new OS threads inherit that; the mask before.
fn block_signals() -> libc::sigset_t {
    // SAFETY: an all-zero sigset_t is a valid value of that plain struct.
    let (mut blocked, mut before): (libc::sigset_t, libc::sigset_t) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    // SAFETY: both are live sets, which is all that the functions write to.
    unsafe {
        libc::sigfillset(&mut blocked);
        for fault in OWN_FAULTS {
            libc::sigdelset(&mut blocked, fault);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &blocked, &mut before);
    }
    before
}

fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: a live set that pthread_sigmask gave; NULL: what is replaced is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
}
