// SPDX-License-Identifier: MIT
//! Mailboxes between two dispatchers, and from an OS thread that has none.

use crate::world::{Shared, check, dispatcher, free, told, wait_for};
use ::copas::capi::mailbox::*;
use ::copas::capi::submit::copas_submit_cancel;
use ::copas::capi::submit_wait::copas_submit_choice;
use ::copas::capi::types::{copas, copas_choice, copas_mailbox};
use shuttle::thread;
use std::ptr;

const TAKE: u32 = 13;
const PUT: u32 = 14;
const TIMEOUT: i32 = -1;

fn mailbox(most: usize) -> *mut copas_mailbox {
    let mut mailbox = ptr::null_mut();
    // SAFETY: the place is writable.
    assert_eq!(unsafe { copas_mailbox_new(most, None, &mut mailbox) }, 0);
    mailbox
}

/// Takes or puts, and waits for that without a limit.
fn wait(c: *mut copas, kind: u32, mailbox: *mut copas_mailbox) {
    let choice = copas_choice {
        kind,
        status: 0,
        handle: mailbox.cast(),
        item: ptr::without_provenance_mut(7),
        amount: 0,
    };
    let (now, out) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: a whole choice; NULL is allowed.
    let begun = unsafe { copas_submit_choice(c, &choice, -1.0, 3, now, out) };
    assert_eq!(begun, 0);
    assert_eq!(wait_for(c, 1), [3]);
}

#[test]
fn whoever_waits_for_an_item_gets_it() {
    check(|| {
        let (c, mailbox) = (dispatcher(), mailbox(1));
        let shared = Shared::new(mailbox);
        let other = thread::spawn(move || {
            let item = ptr::without_provenance_mut(7);
            assert_eq!(copas_mailbox_put(shared.get(), item, 0.0), 0);
        });
        wait(c, TAKE, mailbox);
        other.join().unwrap();
        free(c);
        assert_eq!(copas_mailbox_destroy(mailbox), 0);
    });
}

#[test]
fn whoever_waits_for_room_gets_it() {
    check(|| {
        let (c, mailbox) = (dispatcher(), mailbox(1));
        assert_eq!(
            copas_mailbox_put(mailbox, ptr::without_provenance_mut(1), 0.0),
            0
        );
        let shared = Shared::new(mailbox);
        let other = thread::spawn(move || {
            let mut item = ptr::null_mut();
            // SAFETY: the place is writable.
            assert_eq!(
                unsafe { copas_mailbox_take(shared.get(), 0.0, &mut item) },
                0
            );
        });
        wait(c, PUT, mailbox);
        other.join().unwrap();
        free(c);
        assert_eq!(copas_mailbox_destroy(mailbox), 0);
    });
}

#[test]
fn items_go_from_one_dispatcher_to_the_other_through_a_place_for_one() {
    const ITEMS: usize = 3;
    check(|| {
        let mailbox = mailbox(1);
        let shared = Shared::new(mailbox);
        let other = thread::spawn(move || {
            let c = dispatcher();
            for _ in 0..ITEMS {
                wait(c, PUT, shared.get());
            }
            free(c);
        });
        let c = dispatcher();
        for _ in 0..ITEMS {
            wait(c, TAKE, mailbox);
        }
        other.join().unwrap();
        free(c);
        assert_eq!(copas_mailbox_size(mailbox), 0);
        assert_eq!(copas_mailbox_destroy(mailbox), 0);
    });
}

#[test]
fn what_one_taker_leaves_behind_is_the_others() {
    check(|| {
        let mailbox = mailbox(2);
        let shared = Shared::new(mailbox);
        let leaver = thread::spawn(move || {
            let c = dispatcher();
            let choice = copas_choice {
                kind: TAKE,
                status: 0,
                handle: shared.get().cast(),
                item: ptr::null_mut(),
                amount: 0,
            };
            let (now, mut out) = (ptr::null_mut(), ptr::null_mut());
            // SAFETY: a whole choice; the place is writable.
            assert_eq!(
                unsafe { copas_submit_choice(c, &choice, -1.0, 3, now, &mut out) },
                0
            );
            assert_eq!(copas_submit_cancel(out), 0);
            // It goes away without what it may have been promised. What it has taken goes back.
            if told(c, 1) == [(3, 0)] {
                let item = ptr::without_provenance_mut(7);
                assert_eq!(copas_mailbox_put(shared.get(), item, 0.0), 0);
            }
            free(c);
        });
        let putter = thread::spawn(move || {
            let item = ptr::without_provenance_mut(7);
            assert_eq!(copas_mailbox_put(shared.get(), item, 0.0), 0);
        });
        let c = dispatcher();
        wait(c, TAKE, mailbox);
        leaver.join().unwrap();
        putter.join().unwrap();
        free(c);
        let mut item = ptr::null_mut();
        // SAFETY: the place is writable.
        assert_eq!(
            unsafe { copas_mailbox_take(mailbox, 0.0, &mut item) },
            TIMEOUT
        );
        assert_eq!(copas_mailbox_destroy(mailbox), 0);
    });
}
