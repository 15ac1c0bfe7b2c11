// SPDX-License-Identifier: Apache-2.0
//! What one evaluation may use: time, stack and memory. The engine asks for the time every few steps; what it asks is
//! answered here, and the answer to an evaluation that has used up any of the three is "far too late". A single
//! builtin call is never interrupted: those that could run or grow without bound are replaced in bounded.rs.

use crate::abi::{Host, PolicyIn, Request, Tree};
use core::cell::{Cell, RefCell};
use core::num::NonZeroU32;
use core::time::Duration;
use regorus::utils::limits::{set_time_source, ExecutionTimerConfig, TimeSource};
use regorus::{Rc, Value};
use std::alloc::{GlobalAlloc, Layout, System};
use std::time::Instant;

pub const STACK_MAX: usize = 1024 * 1024;
pub const MEMORY_MAX: i64 = 64 * 1024 * 1024;
/// Where the caller names no deadline: upstream's.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(10);
const STEPS_BETWEEN_CHECKS: u32 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exceeded {
    Time,
    Stack,
    Memory,
    Cancelled,
}

/// The evaluation that runs on this thread.
pub struct Evaluation {
    pub host: Host,
    pub request: *mut Request,
    pub reference: Option<crate::abi::Reference>,
    pub now: i64,
    pub remembered: RefCell<Vec<(Rc<str>, Value)>>,
    pub exceeded: Cell<Option<Exceeded>>,
    begin: Instant,
    limit: Duration,
    stack: usize,
    memory: i64,
    checks: Cell<u32>,
}

thread_local! {
    static CURRENT: Cell<*const Evaluation> = const { Cell::new(core::ptr::null()) };
    static ALLOCATED: Cell<i64> = const { Cell::new(0) };
}

impl Evaluation {
    pub fn new(host: Host, request: *mut Request, input: &PolicyIn) -> Evaluation {
        let limit = match input.deadline_ms {
            0 => DEADLINE_DEFAULT,
            ms => Duration::from_millis(ms),
        };
        Evaluation {
            host,
            request,
            reference: input.reference,
            now: input.now,
            remembered: RefCell::new(Vec::new()),
            exceeded: Cell::new(None),
            begin: Instant::now(),
            limit,
            stack: stack_pointer(),
            memory: allocated(),
            checks: Cell::new(0),
        }
    }

    /// Runs `work` with this evaluation as the thread's current one.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        struct Restore(*const Evaluation);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.with(|c| c.set(self.0));
            }
        }
        let _restore = Restore(CURRENT.with(|c| c.replace(self)));
        work()
    }

    /// Whether a bound was reached; once it was, it stays.
    pub fn check(&self) -> Option<Exceeded> {
        if self.exceeded.get().is_none() {
            self.exceeded.set(self.look());
        }
        self.exceeded.get()
    }

    fn look(&self) -> Option<Exceeded> {
        if self.stack.saturating_sub(stack_pointer()) > STACK_MAX {
            return Some(Exceeded::Stack);
        }
        if allocated() - self.memory > MEMORY_MAX {
            return Some(Exceeded::Memory);
        }
        let checks = self.checks.get();
        self.checks.set(checks.wrapping_add(1));
        if checks % 16 == 0 && self.is_cancelled() {
            return Some(Exceeded::Cancelled);
        }
        (self.begin.elapsed() > self.limit).then_some(Exceeded::Time)
    }

    fn is_cancelled(&self) -> bool {
        // SAFETY: the host's function, called on the request's own thread.
        self.host.cancelled.is_some_and(|cancelled| unsafe { cancelled(self.request) } != 0)
    }

    /// The host's tree for a reference value; empty where there is none.
    pub fn reference_tree(&self, name: &str) -> Tree {
        match self.reference {
            // SAFETY: the host's function, called on the request's own thread during the evaluation.
            Some(reference) => unsafe { reference(self.request, crate::abi::Slice::of(name)) },
            None => Tree { nodes: core::ptr::null(), count: 0 },
        }
    }
}

/// The evaluation that runs on this thread, if one does.
pub fn with_current<T>(work: impl FnOnce(Option<&Evaluation>) -> T) -> T {
    let current = CURRENT.with(Cell::get);
    // SAFETY: run() keeps the evaluation alive while it is current, and only this thread sees it.
    work(unsafe { current.as_ref() })
}

fn stack_pointer() -> usize {
    let here = 0u8;
    core::hint::black_box(&here) as *const u8 as usize
}

fn allocated() -> i64 {
    ALLOCATED.with(Cell::get)
}

/// The engine's clock. It only ever tells whether to go on.
struct Budget;

impl TimeSource for Budget {
    fn now(&self) -> Option<Duration> {
        let exceeded = with_current(|e| e.is_some_and(|e| e.check().is_some()));
        Some(if exceeded { Duration::MAX } else { Duration::ZERO })
    }
}

pub fn engine_timer() -> ExecutionTimerConfig {
    ExecutionTimerConfig {
        limit: Duration::from_secs(1),
        check_interval: NonZeroU32::new(STEPS_BETWEEN_CHECKS).unwrap_or(NonZeroU32::MIN),
    }
}

/// Once per process; again does nothing.
pub fn install() {
    static BUDGET: Budget = Budget;
    let _ = set_time_source(&BUDGET);
}

/// Counts what each thread has allocated and not freed. It is this shared object's allocator, not the daemon's.
pub struct Counting;

fn count(change: i64) {
    // A thread that is ending has no counter any more, and needs none.
    let _ = ALLOCATED.try_with(|a| a.set(a.get().wrapping_add(change)));
}

// SAFETY: hands everything to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        System.alloc(layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        System.alloc_zeroed(layout)
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        System.dealloc(at, layout)
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        System.realloc(at, layout, size)
    }
}
