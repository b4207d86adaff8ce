// SPDX-License-Identifier: MIT
//! Hostile connections by the thousand: opened at a steady rate, each acting by its habit, opened anew
//! when it has ended.

use crate::member::{Habit, Member, Next};
use crate::opener;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// How a crowd is made.
#[derive(Clone, Copy)]
pub struct Plan {
    /// How many are open at once.
    pub connections: usize,
    /// How many addresses they come from.
    pub sources: u64,
    /// How many are opened in a second.
    pub opened_per_second: u64,
    /// How many are opened in all.
    pub most_opened: u64,
    /// The kernel holds only a few KiB for them on their side.
    pub small_buffers: bool,
}

/// A connection that has ended, or, without an end, one that is still there.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    /// From when the connection stood; None: it never did.
    pub connected: Option<Instant>,
    pub end: Option<Instant>,
    /// Whether it left by itself.
    pub left: bool,
    pub sent: u64,
    pub replied: Option<Instant>,
    pub wrong: bool,
    pub stuck: Option<Instant>,
}

/// How a crowd fared.
#[derive(Default)]
pub struct Fared {
    pub lives: Vec<Life>,
    /// The longest that the suite itself took for one round: what it saw may be so much older.
    pub lag: Duration,
}

pub struct Crowd {
    plan: Plan,
    target: SocketAddr,
    habit: Box<dyn Habit>,
    poll: Poll,
    members: Vec<Option<Member>>,
    vacant: VecDeque<usize>,
    due: BinaryHeap<Reverse<(Instant, usize, u64)>>,
    /// How many might have been opened by now, and how many were.
    allowed: u64,
    opened: u64,
    lives: Vec<Life>,
}

fn life(member: &Member, end: Option<Instant>, left: bool) -> Life {
    Life {
        connected: member.connected,
        end,
        left,
        sent: member.sent,
        replied: member.replied,
        wrong: member.wrong,
        stuck: member.stuck,
    }
}

impl Crowd {
    pub fn new(target: SocketAddr, plan: Plan, habit: Box<dyn Habit>) -> io::Result<Crowd> {
        Ok(Crowd {
            plan,
            target,
            habit,
            poll: Poll::new()?,
            members: (0..plan.connections).map(|_| None).collect(),
            vacant: (0..plan.connections).collect(),
            due: BinaryHeap::new(),
            allowed: 0,
            opened: 0,
            lives: Vec::new(),
        })
    }

    /// Opens as many as the time since the start allows.
    fn open(&mut self, since_start: Duration) -> io::Result<()> {
        let allowed = (since_start.as_secs_f64() * self.plan.opened_per_second as f64) as u64 + 1;
        // What finds no free place now is not made up for later.
        let count = (allowed - self.allowed).min(self.plan.most_opened - self.opened);
        self.allowed = allowed;
        for _ in 0..count {
            let Some(place) = self.vacant.pop_front() else {
                break;
            };
            let number = self.opened;
            self.opened += 1;
            let source = opener::hostile_source(number, self.plan.sources);
            let member = Member::new(
                number,
                opener::begin(self.target, source, self.plan.small_buffers)?,
            );
            self.poll.registry().register(
                &mut SourceFd(&member.socket.as_raw_fd()),
                Token(place),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.members[place] = Some(member);
            self.act(place, Instant::now());
        }
        Ok(())
    }

    /// True once the connection stands.
    fn is_connected(member: &mut Member, now: Instant) -> io::Result<bool> {
        if member.connected.is_none() {
            if let Some(error) = member.socket.take_error()? {
                return Err(error);
            }
            if member.socket.peer_addr().is_err() {
                return Ok(false);
            }
            member.connected = Some(now);
        }
        Ok(true)
    }

    fn act(&mut self, place: usize, now: Instant) {
        let Some(member) = &mut self.members[place] else {
            return;
        };
        if member.due.is_some_and(|due| due > now) {
            return;
        }
        member.due = None;
        let stands = if self.habit.needs_connection() {
            Crowd::is_connected(member, now)
        } else {
            Ok(true)
        };
        let next = match stands {
            Ok(true) => self.habit.act(member, now),
            Ok(false) => Ok(Next::Ready),
            Err(error) => Err(error),
        };
        match next {
            Ok(Next::Ready) => (),
            Ok(Next::At(due)) => {
                member.due = Some(due);
                self.due.push(Reverse((due, place, member.number)));
            }
            Ok(Next::Leave) => self.end(place, true),
            Ok(Next::Reset) => {
                member.reset();
                self.end(place, true);
            }
            Err(_) => self.end(place, false),
        }
    }

    fn end(&mut self, place: usize, left: bool) {
        if let Some(member) = self.members[place].take() {
            self.lives.push(life(&member, Some(Instant::now()), left));
            self.vacant.push_back(place);
        }
    }

    fn act_those_due(&mut self) {
        let now = Instant::now();
        while let Some(&Reverse((due, place, number))) = self.due.peek() {
            if due > now {
                break;
            }
            self.due.pop();
            if self.members[place]
                .as_ref()
                .is_some_and(|member| member.number == number)
            {
                self.act(place, now);
            }
        }
    }

    /// Goes on until `ending` says so; then all are reset. Tells how each connection fared.
    pub fn run(mut self, ending: impl Fn() -> bool) -> io::Result<Fared> {
        let start = Instant::now();
        let (mut round, mut lag) = (start, Duration::ZERO);
        let mut events = Events::with_capacity(1024);
        while !ending() {
            lag = lag.max(round.elapsed());
            round = Instant::now();
            self.open(start.elapsed())?;
            self.act_those_due();
            self.poll
                .poll(&mut events, Some(Duration::from_millis(1)))
                .or_else(|error| {
                    if error.kind() == io::ErrorKind::Interrupted {
                        Ok(())
                    } else {
                        Err(error)
                    }
                })?;
            let now = Instant::now();
            for event in &events {
                let place = event.token().0;
                let over = event.is_read_closed() || event.is_error();
                let stands = self.members[place]
                    .as_ref()
                    .is_some_and(|m| m.connected.is_some());
                if over && stands {
                    self.end(place, false);
                } else {
                    self.act(place, now);
                }
            }
        }
        for member in self.members.iter().flatten() {
            member.reset();
            self.lives.push(life(member, None, false));
        }
        Ok(Fared {
            lives: self.lives,
            lag,
        })
    }
}
