// SPDX-License-Identifier: MIT
//! Telling AddressSanitizer and ThreadSanitizer of switches, and of what orders OS threads, when the program
//! runs under one: their functions are looked up in the process, so that the one release library
//! works with all tools.

use super::symbols;
use std::ffi::{CStr, c_uint, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

type StartSwitch = unsafe extern "C" fn(*mut *mut c_void, *const c_void, usize);
type FinishSwitch = unsafe extern "C" fn(*mut c_void, *mut *const c_void, *mut usize);
type OnRange = unsafe extern "C" fn(*const c_void, usize);
type CreateFiber = unsafe extern "C" fn(c_uint) -> *mut c_void;
type CurrentFiber = unsafe extern "C" fn() -> *mut c_void;
type SwitchFiber = unsafe extern "C" fn(*mut c_void, c_uint);
type DestroyFiber = unsafe extern "C" fn(*mut c_void);
type Order = unsafe extern "C" fn(*mut c_void);

/// AddressSanitizer's functions.
struct Asan {
    start: StartSwitch,
    finish: FinishSwitch,
    unpoison: OnRange,
    /// LeakSanitizer's, which comes with it.
    add_root: Option<OnRange>,
}

/// ThreadSanitizer's functions.
struct Tsan {
    create: CreateFiber,
    current: CurrentFiber,
    switch: SwitchFiber,
    destroy: DestroyFiber,
    acquire: Order,
    release: Order,
}

/// The tools that the process runs under.
struct Tools {
    asan: Option<Asan>,
    tsan: Option<Tsan>,
}

static TOOLS: OnceLock<Option<Tools>> = OnceLock::new();

/// Whether one of them is to be told what orders OS threads. One load where none is.
static ORDERS: AtomicBool = AtomicBool::new(false);

/// Looks for tools, once; those that are not looked for are not told.
pub fn prepare() {
    let found = tools().is_some_and(|tools| tools.tsan.is_some());
    ORDERS.store(found, Relaxed);
}

/// The tools, if there are any.
fn tools() -> Option<&'static Tools> {
    TOOLS.get_or_init(find).as_ref()
}

fn find() -> Option<Tools> {
    let tools = Tools {
        asan: find_asan(),
        tsan: find_tsan(),
    };
    (tools.asan.is_some() || tools.tsan.is_some()).then_some(tools)
}

/// A function of the process as the type `F`, which must be that of the named function.
///
/// # Safety
/// `F` is a function pointer type, and the one that the sanitizers' interface gives to `name`.
unsafe fn function<F>(name: &CStr) -> Option<F> {
    let address = symbols::find(name)?.as_ptr();
    // SAFETY: the caller says that F is the function's pointer type, which is as wide as any.
    Some(unsafe { std::mem::transmute_copy(&address) })
}

fn find_asan() -> Option<Asan> {
    // SAFETY: the types are those of sanitizer/common_interface_defs.h, asan_interface.h and
    // lsan_interface.h.
    unsafe {
        Some(Asan {
            start: function(c"__sanitizer_start_switch_fiber")?,
            finish: function(c"__sanitizer_finish_switch_fiber")?,
            unpoison: function(c"__asan_unpoison_memory_region")?,
            add_root: function(c"__lsan_register_root_region"),
        })
    }
}

fn find_tsan() -> Option<Tsan> {
    // SAFETY: the types are those of sanitizer/tsan_interface.h.
    unsafe {
        Some(Tsan {
            create: function(c"__tsan_create_fiber")?,
            current: function(c"__tsan_get_current_fiber")?,
            switch: function(c"__tsan_switch_to_fiber")?,
            destroy: function(c"__tsan_destroy_fiber")?,
            acquire: function(c"__tsan_acquire")?,
            release: function(c"__tsan_release")?,
        })
    }
}

/// The stack was used by a coroutine that has ended: its memory is clean again.
pub fn unpoison(bottom: usize, len: usize) {
    if let Some(Tools {
        asan: Some(asan), ..
    }) = tools()
    {
        // SAFETY: the range is a stack of the pool's, which nothing runs on.
        unsafe { (asan.unpoison)(bottom as *const c_void, len) };
    }
}

/// The stack is leaked on purpose: what it refers to is so too.
pub fn leaked(bottom: usize, len: usize) {
    if let Some(Tools {
        asan: Some(asan), ..
    }) = tools()
        && let Some(add_root) = asan.add_root
    {
        // SAFETY: the range is a stack that stays mapped for as long as the process runs.
        unsafe { add_root(bottom as *const c_void, len) };
    }
}

/// Whether somebody is told what orders OS threads.
#[inline]
pub fn are_told() -> bool {
    ORDERS.load(Relaxed)
}

/// What this OS thread did is seen by whoever acquires the same word next; told because the tool does
/// not see the library's own stores. May be called in a signal handler: looks for nothing.
#[inline]
pub fn released<T>(word: &T) {
    if are_told() {
        tell_order(ptr::from_ref(word).cast(), |tsan| tsan.release);
    }
}

/// The other half of `released`.
#[inline]
pub fn acquired<T>(word: &T) {
    if are_told() {
        tell_order(ptr::from_ref(word).cast(), |tsan| tsan.acquire);
    }
}

#[cold]
fn tell_order(word: *const c_void, which: fn(&Tsan) -> Order) {
    if let Some(tsan) = tools().and_then(|tools| tools.tsan.as_ref()) {
        // SAFETY: the address only names the order; nothing is read or written there.
        unsafe { which(tsan)(word.cast_mut()) };
    }
}

/// What the tools need to know of the coroutines of one stack.
pub struct Fiber {
    tsan: *mut c_void,
    tsan_resumer: *mut c_void,
    /// ASan's fake stack of the coroutine while it is suspended.
    fake: *mut c_void,
    /// The same of whoever resumed it.
    fake_resumer: *mut c_void,
    resumer_bottom: *const c_void,
    resumer_len: usize,
}

impl Fiber {
    /// Notes a new stack; None without any tool.
    pub fn new() -> Option<Self> {
        let tools = tools()?;
        // SAFETY: creating a fiber has no conditions; `Drop` destroys it.
        let tsan = tools
            .tsan
            .as_ref()
            .map_or(ptr::null_mut(), |t| unsafe { (t.create)(0) });
        Some(Fiber {
            tsan,
            tsan_resumer: ptr::null_mut(),
            fake: ptr::null_mut(),
            fake_resumer: ptr::null_mut(),
            resumer_bottom: ptr::null(),
            resumer_len: 0,
        })
    }

    /// Before the switch to the coroutine, whose stack this is.
    pub fn entering(&mut self, bottom: usize, len: usize) {
        let Some(tools) = tools() else { return };
        if let Some(asan) = &tools.asan {
            // SAFETY: the bounds are those of the stack that is switched to next.
            unsafe { (asan.start)(&mut self.fake_resumer, bottom as *const c_void, len) };
        }
        if let Some(tsan) = &tools.tsan {
            // SAFETY: the fiber is the coroutine's own and alive, and the switch follows.
            unsafe {
                self.tsan_resumer = (tsan.current)();
                (tsan.switch)(self.tsan, 0);
            }
        }
    }

    /// After the switch to the coroutine, on its stack.
    pub fn entered(&mut self) {
        if let Some(Tools {
            asan: Some(asan), ..
        }) = tools()
        {
            let (bottom, len) = (&mut self.resumer_bottom, &mut self.resumer_len);
            // SAFETY: the switch that `entering` announced has just happened.
            unsafe { (asan.finish)(self.fake, bottom, len) };
        }
    }

    /// Before the switch back, on the coroutine's stack; `ended`: for good.
    pub fn leaving(&mut self, ended: bool) {
        let Some(tools) = tools() else { return };
        if let Some(asan) = &tools.asan {
            let keep: *mut *mut c_void = if ended {
                self.fake = ptr::null_mut();
                ptr::null_mut()
            } else {
                &mut self.fake
            };
            // SAFETY: the bounds are those that `entered` was told of the resumer's stack.
            unsafe { (asan.start)(keep, self.resumer_bottom, self.resumer_len) };
        }
        if let Some(tsan) = &tools.tsan {
            // SAFETY: the resumer's fiber is that of the code that the switch goes back to.
            unsafe { (tsan.switch)(self.tsan_resumer, 0) };
        }
    }

    /// After the switch back, on the resumer's stack.
    pub fn left(&mut self) {
        if let Some(Tools {
            asan: Some(asan), ..
        }) = tools()
        {
            // SAFETY: the switch that `leaving` announced has just happened; NULL: not asked.
            unsafe { (asan.finish)(self.fake_resumer, ptr::null_mut(), ptr::null_mut()) };
        }
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        if let Some(Tools {
            tsan: Some(tsan), ..
        }) = tools()
        {
            // SAFETY: created by `new`, destroyed once, while another fiber runs.
            unsafe { (tsan.destroy)(self.tsan) };
        }
    }
}
