// SPDX-License-Identifier: MIT
//! Who comes first on the CPUs. Real attackers have machines of their own: here they, and whatever else
//! the machine does, must not take the time of the server and of the good clients. Where the system does
//! not allow that (it asks for root), only the attackers step back.

const FIRST: libc::c_int = -15;
const SECOND: libc::c_int = -5;
const LAST: libc::c_int = 10;

/// Sets that of the calling thread, and of what it starts; true where it is allowed.
fn set(priority: libc::c_int) -> bool {
    // SAFETY: no pointer is passed; 0 is the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, priority) == 0 }
}

/// The calling thread, and what it starts, comes before all others.
pub fn come_first() {
    set(FIRST);
}

/// The calling thread comes after those that come first.
pub fn come_second() {
    if !set(SECOND) {
        set(LAST);
    }
}
