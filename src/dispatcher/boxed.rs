// SPDX-License-Identifier: MIT
//! Any future as a submitted operation, for those whose own record is not worth a pool.

use super::operation::{Completion, Owner, Submitted};
use crate::status::{Outcome, Status};
use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What an operation gives beside its status.
pub struct Given {
    /// Bytes, with their number; NULL without any.
    pub data: (*const u8, usize),
    /// A handle or an item; 0 without any.
    pub result: u64,
    /// What `data` points into.
    pub kept: Option<Box<dyn Any>>,
    /// The owner of `result` until it is delivered.
    pub owner: Option<Box<dyn Owner>>,
}

impl Given {
    /// A handle or an item, or 0.
    pub fn result(result: u64) -> Self {
        Given {
            data: (std::ptr::null(), 0),
            result,
            kept: None,
            owner: None,
        }
    }

    /// So many values, which stay where they are until the next poll.
    pub fn values<T: 'static>(values: Box<[T]>) -> Self {
        Given {
            data: (values.as_ptr().cast(), values.len()),
            result: 0,
            kept: Some(Box::new(values)),
            owner: None,
        }
    }
}

/// How a boxed operation takes its end from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// With the status that it is told.
    AsTold,
    /// The passing of its time is what it waits for.
    WithItsTime,
    /// By itself only: somebody else works for it and cannot be stopped.
    ByItself,
}

/// A future that was submitted.
pub struct Boxed {
    /// None once it is over: what it held of others is free then.
    future: Option<Pin<Box<dyn Future<Output = Outcome<Given>>>>>,
    ends: Ends,
}

impl Boxed {
    /// Submits `future`.
    pub fn of(
        future: impl Future<Output = Outcome<Given>> + 'static,
        ends: Ends,
    ) -> Box<dyn Submitted> {
        Box::new(Boxed {
            future: Some(Box::pin(future)),
            ends,
        })
    }
}

impl Submitted for Boxed {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Completion> {
        let Some(future) = self.future.as_mut() else {
            return Poll::Pending;
        };
        let Poll::Ready(outcome) = future.as_mut().poll(context) else {
            return Poll::Pending;
        };
        self.future = None;
        Poll::Ready(match outcome {
            Ok(given) => Completion {
                data: given.data,
                result: given.result,
                kept: given.kept,
                owner: given.owner,
                ..Completion::of(Status::OK)
            },
            Err(fault) => Completion::failed(fault),
        })
    }

    fn stop(&mut self, status: Status) -> Completion {
        self.future = None;
        let over = self.ends == Ends::WithItsTime && status == Status::TIMEOUT;
        Completion::of(if over { Status::OK } else { status })
    }

    fn is_shielded(&self) -> bool {
        self.ends == Ends::ByItself
    }
}
