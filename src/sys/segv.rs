// SPDX-License-Identifier: MIT
//! Faults of memory accesses (SIGSEGV): looking at them before whoever handled them first, on a stack
//! of their own, since the one that faulted may be used up.

use super::descriptor::check;
use super::memory::{Region, page_size};
use super::os_thread::keeping_errno;
use std::cell::OnceCell;
use std::io;
use std::mem;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};

/// Bytes of the stack that handlers run on: what the kernel saves of wide registers, and the handler of
/// a language's runtime after ours. Committed by touching it.
const HANDLER_STACK: usize = 128 * 1024;

/// What is called with the address that was accessed. It runs in a signal handler: it may only read
/// what its OS thread holds, and write to a descriptor.
pub type OnFault = fn(address: usize);

/// Who is told of faults, and how they were handled before.
struct Catcher {
    told: OnFault,
    before: libc::sigaction,
}

static CATCHER: OnceLock<Catcher> = OnceLock::new();

/// Whether faults are caught, so that OS threads need a stack for the handler.
static ON: AtomicBool = AtomicBool::new(false);

/// The earlier handler was for one time, which is over.
static SPENT: AtomicBool = AtomicBool::new(false);

/// The stack of one OS thread's handlers; None where a runtime has made one already.
struct HandlerStack(Option<Region>);

thread_local! {
    static HANDLERS: OnceCell<HandlerStack> = const { OnceCell::new() };
}

/// Has faults told from now on: those of the calling OS thread, and of others that call `prepare`.
pub fn catch(told: OnFault) -> io::Result<()> {
    give_handlers_a_stack()?;
    if ON.swap(true, AcqRel) {
        return Ok(());
    }
    let installed = install(told);
    if installed.is_err() {
        ON.store(false, Release);
    }
    installed
}

fn install(told: OnFault) -> io::Result<()> {
    // SAFETY: an all-zero sigaction is a valid value of that plain struct.
    let mut before: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: the struct lives; NULL: nothing is changed.
    check(unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), &mut before) })?;
    CATCHER.get_or_init(|| Catcher { told, before });
    // SAFETY: as above.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = caught as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the struct lives; the handler does only what a signal handler may (see its comment).
    check(unsafe { libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut()) }).map(|_| ())
}

/// Prepares the calling OS thread for faults, if they are caught. Where there is no memory for that, it
/// goes without.
#[inline]
pub fn prepare() {
    if ON.load(Acquire) {
        let _ = give_handlers_a_stack();
    }
}

/// Gives this OS thread's handlers a stack, once.
#[cold]
fn give_handlers_a_stack() -> io::Result<()> {
    let given = HANDLERS.try_with(|handlers| {
        if handlers.get().is_none() {
            let _ = handlers.set(HandlerStack::make()?);
        }
        Ok(())
    });
    // An OS thread that is ending goes without.
    given.unwrap_or(Ok(()))
}

impl HandlerStack {
    fn make() -> io::Result<Self> {
        // SAFETY: an all-zero stack_t is a valid value of that plain struct.
        let mut before: libc::stack_t = unsafe { mem::zeroed() };
        // SAFETY: the struct lives; NULL: nothing is changed.
        check(unsafe { libc::sigaltstack(ptr::null(), &mut before) })?;
        if before.ss_flags & libc::SS_DISABLE == 0 {
            return Ok(HandlerStack(None));
        }
        let guard = page_size();
        let region = Region::reserve(guard + HANDLER_STACK)?;
        region.protect(0, guard)?;
        let stack = libc::stack_t {
            ss_sp: ptr::with_exposed_provenance_mut(region.start() + guard),
            ss_flags: 0,
            ss_size: HANDLER_STACK,
        };
        // SAFETY: the memory is this OS thread's until `drop` takes it away from the kernel.
        check(unsafe { libc::sigaltstack(&stack, ptr::null_mut()) })?;
        Ok(HandlerStack(Some(region)))
    }
}

impl Drop for HandlerStack {
    /// At the OS thread's end.
    fn drop(&mut self) {
        if self.0.is_some() {
            let none = libc::stack_t {
                ss_sp: ptr::null_mut(),
                ss_flags: libc::SS_DISABLE,
                ss_size: 0,
            };
            // SAFETY: the struct lives; NULL: what is replaced is not asked for.
            unsafe { libc::sigaltstack(&none, ptr::null_mut()) };
        }
    }
}

/// The handler. Safe where a fault may happen: it reads what `CATCHER` keeps, and what it calls keeps to
/// `OnFault`.
extern "C" fn caught(number: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(catcher) = CATCHER.get() else { return };
    // SAFETY: the kernel gives the handler its signal's information.
    let (address, was_sent) = unsafe { ((*info).si_addr() as usize, (*info).si_code <= 0) };
    if !was_sent {
        keeping_errno(|| (catcher.told)(address));
    }
    pass_on(&catcher.before, number, was_sent, info, context);
}

/// Writes a line where a person looks for it. May be called in the handler.
pub fn tell(line: &[u8]) {
    // SAFETY: reads the slice; a line that cannot be written is lost.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}

/// Does what the kernel would do before it calls the handler itself.
fn take_place_of(before: &libc::sigaction, number: i32) {
    // SAFETY: a live set; NULL: what is replaced is not asked for. The kernel sets the mask back at the end.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &before.sa_mask, ptr::null_mut()) };
    if before.sa_flags & libc::SA_NODEFER != 0 {
        // SAFETY: a zeroed set is made one by sigemptyset; the set lives.
        unsafe {
            let mut own: libc::sigset_t = mem::zeroed();
            libc::sigemptyset(&mut own);
            libc::sigaddset(&mut own, number);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &own, ptr::null_mut());
        }
    }
    if before.sa_flags & libc::SA_RESETHAND != 0 {
        SPENT.store(true, Release);
    }
}

/// Lets the signal be handled as before.
fn pass_on(
    before: &libc::sigaction,
    number: i32,
    was_sent: bool,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    let action = match SPENT.load(Acquire) {
        true => libc::SIG_DFL,
        false => before.sa_sigaction,
    };
    match action {
        libc::SIG_IGN if was_sent => {}
        libc::SIG_DFL | libc::SIG_IGN => {
            // The access is repeated when the handler returns, and the process ends where it was made.
            // SAFETY: a valid signal, and a constant for a handler.
            unsafe { libc::signal(number, libc::SIG_DFL) };
            if was_sent {
                // SAFETY: sends the signal to this OS thread, which gets it when the handler returns.
                unsafe { libc::raise(number) };
            }
        }
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            take_place_of(before, number);
            type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);
            // SAFETY: the flag says that the handler was installed with this type.
            let handler: Handler = unsafe { mem::transmute(handler) };
            handler(number, info, context);
        }
        handler => {
            take_place_of(before, number);
            // SAFETY: without the flag a handler, which is neither of the constants, has this type.
            let handler: extern "C" fn(i32) = unsafe { mem::transmute(handler) };
            handler(number);
        }
    }
}
