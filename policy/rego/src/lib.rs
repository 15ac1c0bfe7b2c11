// SPDX-License-Identifier: Apache-2.0
//! Policy engine plugin `rego`. The engine is regorus in its interpreting mode; what is here bounds it, answers its
//! questions and moves values between it and the host. Nothing unwinds across the boundary.

mod abi;
mod bound;
mod check;
mod functions;
mod limits;
mod policy;
mod problem;
#[cfg(test)]
mod tests;
mod text;
mod value;

use abi::*;
use core::ffi::c_void;
use core::mem::{offset_of, size_of};
use limits::Exceeded;
use policy::{Failure, Policy as Compiled};
use problem::Problem;
use std::panic::{catch_unwind, AssertUnwindSafe};

#[global_allocator]
static ALLOCATOR: limits::Counting = limits::Counting;

/// Constant data that may hold pointers.
#[repr(transparent)]
struct Shared<T>(T);
// SAFETY: never written, and all that it points to is static.
unsafe impl<T> Sync for Shared<T> {}

const fn reason(id: &'static str, text: &'static str, remedy: &'static str) -> Reason {
    Reason { id: Slice::of(id), text: Slice::of(text), remedy: Slice::of(remedy) }
}

static REASONS: Shared<[Reason; 7]> = Shared([
    reason("rego.input", "the claims or the data cannot be handed to the policy", "report it: the service made them"),
    reason("rego.evaluate", "the policy failed", "correct the policy at the line given"),
    reason("rego.output", "the policy's result cannot be taken over", "make the result plain JSON, at most 30 levels deep"),
    reason("rego.deadline", "the policy took too long", "simplify the policy"),
    reason("rego.memory", "the policy used too much memory", "simplify the policy"),
    reason("rego.stack", "the policy is nested too deeply", "simplify the policy"),
    reason("rego.panic", "the policy engine failed", "report it, with the policy"),
]);

static POLICY: Shared<Policy> = Shared(Policy {
    size: size_of::<Policy>() as u32,
    reserved: 0,
    flags: 0,
    language: Slice::of("rego"),
    suffix: Slice::of(".rego"),
    compile: Some(compile),
    release: Some(release),
    evaluate: Some(evaluate),
});

static INTERFACES: Shared<[Interface; 1]> = Shared([Interface {
    kind: Slice::of("policy"),
    major: POLICY_MAJOR,
    reserved: 0,
    vtable: &POLICY.0 as *const Policy as *const c_void,
}]);

static PLUGIN: Shared<Plugin> = Shared(Plugin {
    size: size_of::<Plugin>() as u32,
    abi_minor: 0,
    magic: MAGIC,
    flags_required: 0,
    flags_optional: 0,
    thread_model: THREADS_PARALLEL,
    reserved: 0,
    name: Slice::of("rego"),
    version: Slice::of(env!("CARGO_PKG_VERSION")),
    vendor: Slice::of("Trustee"),
    license: Slice::of("Apache-2.0"),
    description: Slice::of("policies in Rego, both dialects"),
    url: Slice::EMPTY,
    options: core::ptr::null(),
    option_size: 0,
    option_count: 0,
    reasons: &REASONS.0 as *const Reason,
    reason_size: size_of::<Reason>() as u32,
    reason_count: 7,
    interfaces: &INTERFACES.0 as *const Interface,
    interface_size: size_of::<Interface>() as u32,
    interface_count: 1,
    init: Some(init),
    fini: Some(fini),
    reload: None,
    self_test: Some(self_test),
});

#[no_mangle]
pub extern "C" fn trustee_plugin_describe_v1() -> *const c_void {
    &PLUGIN.0 as *const Plugin as *const c_void
}

struct Instance {
    host: Host,
}

/// Whatever panics inside is a fault of ours.
fn guarded(work: impl FnOnce() -> Status) -> Status {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(E_INTERNAL)
}

unsafe extern "C" fn init(host: *const Host, _: *const c_void, instance: *mut *mut c_void) -> Status {
    guarded(|| {
        let Some(host) = copy_sized(host, offset_of!(Host, random)) else { return E_INVAL };
        // A panic's text may quote claims: it goes nowhere. The hook is this object's own, not the daemon's.
        if !cfg!(test) {
            std::panic::set_hook(Box::new(|_| {}));
        }
        limits::install();
        *instance = Box::into_raw(Box::new(Instance { host })) as *mut c_void;
        OK
    })
}

unsafe extern "C" fn fini(instance: *mut c_void) {
    guarded(|| {
        drop((!instance.is_null()).then(|| Box::from_raw(instance as *mut Instance)));
        OK
    });
}

unsafe extern "C" fn self_test(_: *mut c_void) -> Status {
    guarded(|| {
        let yes = |text: &str| Compiled::compile(text.as_bytes()).ok().and_then(|p| p.value("allow"));
        let allows = yes("package policy\ndefault allow := false\nallow if \"b\" in [\"a\", \"b\"]\n");
        let denies = yes("package policy\ndefault allow := false\nallow if \"c\" in [\"a\", \"b\"]\n");
        let refused = yes("package policy\nallow if http.send({})\n");
        let right = allows == Some(true.into()) && denies == Some(false.into()) && refused.is_none();
        if right { OK } else { E_INTERNAL }
    })
}

unsafe extern "C" fn compile(
    _: *mut c_void, _name: Slice, text: Slice, policy: *mut *mut c_void, info: *mut PolicyInfo, error: *mut PolicyError,
) -> Status {
    if policy.is_null() {
        return E_INVAL;
    }
    let mut status = guarded(|| match Compiled::compile(text.bytes()) {
        Ok(compiled) => {
            let compiled = Box::new(compiled);
            tell_info(info, &compiled);
            *policy = Box::into_raw(compiled) as *mut c_void;
            OK
        }
        Err(problem) => {
            tell_problem(error, &problem);
            REJECT
        }
    });
    if status == E_INTERNAL {
        tell_problem(error, &Problem::without_place("the policy engine fails on this text"));
        status = REJECT;
    }
    status
}

unsafe fn tell_info(info: *mut PolicyInfo, compiled: &Compiled) {
    if info.is_null() || ((*info).size as usize) < size_of::<PolicyInfo>() {
        return;
    }
    (*info).flags = compiled.flags();
    (*info).reads = Slice::of(compiled.reads());
}

unsafe fn tell_problem(error: *mut PolicyError, problem: &Problem) {
    if error.is_null() || ((*error).size as usize) < size_of::<PolicyError>() {
        return;
    }
    let error = &mut *error;
    let mut length = problem.text.len().min(error.capacity as usize);
    while !problem.text.is_char_boundary(length) {
        length -= 1;
    }
    if !error.room.is_null() {
        core::ptr::copy_nonoverlapping(problem.text.as_ptr(), error.room, length);
    }
    error.length = if error.room.is_null() { 0 } else { length as u32 };
    error.line = problem.line;
    error.column = problem.column;
}

unsafe extern "C" fn release(_: *mut c_void, policy: *mut c_void) {
    guarded(|| {
        drop((!policy.is_null()).then(|| Box::from_raw(policy as *mut Compiled)));
        OK
    });
}

unsafe extern "C" fn evaluate(
    instance: *mut c_void, request: *mut Request, policy: *mut c_void, given: *const PolicyIn, out: *mut Writer,
) -> Status {
    let (Some(instance), Some(policy)) =
        ((instance as *const Instance).as_ref(), (policy as *const Compiled).as_ref())
    else {
        return E_INVAL;
    };
    let status = guarded(|| {
        let Some(given) = copy_sized(given, offset_of!(PolicyIn, reference)) else { return E_INVAL };
        if given.rules.is_null() || given.rule_count == 0 {
            return E_INVAL;
        }
        match policy.evaluate(&instance.host, request, &given, out) {
            Ok(()) => OK,
            Err(failure) => tell_failure(&instance.host, request, &failure),
        }
    });
    if status == E_INTERNAL {
        reject(&instance.host, request, "rego.panic", "the policy engine failed");
    }
    status
}

unsafe fn tell_failure(host: &Host, request: *mut Request, failure: &Failure) -> Status {
    let (status, reason, text) = match failure {
        Failure::Input(text) => (REJECT, "rego.input", text.to_string()),
        Failure::Output(text) => (REJECT, "rego.output", text.to_string()),
        Failure::Evaluate(p) => (REJECT, "rego.evaluate", format!("line {}, column {}: {}", p.line, p.column, p.text)),
        Failure::Exceeded(Exceeded::Time) => (E_LIMIT, "rego.deadline", "the policy took too long".into()),
        Failure::Exceeded(Exceeded::Cancelled) => (E_LIMIT, "rego.deadline", "the request was given up".into()),
        Failure::Exceeded(Exceeded::Memory) => (E_LIMIT, "rego.memory", "the policy used too much memory".into()),
        Failure::Exceeded(Exceeded::Stack) => (E_LIMIT, "rego.stack", "the policy is nested too deeply".into()),
    };
    reject(host, request, reason, &text);
    status
}

unsafe fn reject(host: &Host, request: *mut Request, reason: &str, text: &str) {
    if let Some(reject) = host.reject {
        reject(request, Slice::of(reason), Slice::of(text));
    }
}
