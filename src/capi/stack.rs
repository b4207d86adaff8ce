// SPDX-License-Identifier: MIT
//! The exports about coroutines' stacks: how much of them is used, and what happens at their end.

use super::guard::{answer, on_dispatcher, on_thread};
use super::memory::put;
use super::types::{copas, copas_stack_mark, copas_thread};
use super::{c_int, copas_status};
use crate::dispatcher::install_overflow_handler;
use crate::status::Fault;

/// Tells how many bytes of its stack a coroutine has used at most, in whole pages (`used`), of how many
/// (`size`); each may be NULL. The kernel's page map tells which pages were touched.
///
/// Stacks are used again, with the pages of those that ran there before. So it is exact with
/// COPAS_STACK_MARKS, which gives them back; else it is the most that any coroutine has used on this stack
/// since its pages were given back last. copas_thread_options.stack_size has room for a mark and what comes
/// deeper in rare cases; see docs/stacks.md.
///
/// Errors: COPAS_STALE (it has ended), COPAS_UNSUPPORTED (it runs on an OS thread), COPAS_SYSTEM (there is
/// no /proc), COPAS_INVALID, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_thread_stack_used(
    thread: *mut copas_thread,
    used: *mut usize,
    size: *mut usize,
) -> copas_status {
    on_thread(thread, |d, thread| {
        let mark = d.stack_use(thread.handle)?;
        // SAFETY: NULL or writable, as the comment asks.
        unsafe {
            put(used, mark.used);
            put(size, mark.size);
        }
        Ok(())
    })
}

/// Fills `marks` with at most `n` names and how much of their stacks the coroutines of each have used at
/// most, those that run included, the deepest first; the answer is how many names there are. For a
/// dispatcher that was made with COPAS_STACK_MARKS. After 1,024 names new ones count as "(others)".
/// Looks at every coroutine, by a system call each.
///
/// Errors: COPAS_INVALID (also without COPAS_STACK_MARKS, when `n` is negative, or `marks` is NULL and `n`
/// is not 0), COPAS_STALE, COPAS_WRONG_THREAD. Never switches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copas_stack_marks(
    c: *mut copas,
    marks: *mut copas_stack_mark,
    n: c_int,
) -> c_int {
    on_dispatcher(c, |d| {
        let room = usize::try_from(n)
            .ok()
            .filter(|&room| room == 0 || !marks.is_null())
            .ok_or_else(|| Fault::invalid("there is no room for marks"))?;
        let all = d.stack_uses()?;
        for (i, told) in all.iter().take(room).enumerate() {
            let mark = copas_stack_mark {
                name: told.name,
                used: told.mark.used,
                size: told.mark.size,
                ended: told.ended,
            };
            // SAFETY: `n` places are writable, as the comment asks.
            unsafe { marks.add(i).write(mark) };
        }
        Ok(all.len() as c_int)
    })
}

/// From now on a coroutine that overflows its stack is told in a line on stderr, with its name and the size
/// of its stack. Then the process ends by SIGSEGV, where the overflow happened, or what handled that signal
/// before is called, as for every other fault. Not told are frames larger than the guard of 256 KiB (compile
/// with -fstack-clash-protection) and the stacks of OS threads.
///
/// It handles SIGSEGV for the whole process: for programs without a runtime that does so, and before
/// anything else takes that signal. The handler has a stack of its own on the calling OS thread and on each
/// one that runs a dispatcher afterwards. Calling it again is COPAS_OK.
/// Errors: COPAS_SYSTEM, COPAS_NO_MEMORY. May be called from any OS thread. Never switches.
#[unsafe(no_mangle)]
pub extern "C" fn copas_install_overflow_handler() -> copas_status {
    answer(|| install_overflow_handler().map_err(|e| Fault::system(&e, "catch faults")))
}
