// SPDX-License-Identifier: Apache-2.0
//! The functions that we put in front of the engine's own: query_reference_value, the clock, and bounded forms of those
//! builtins that can panic, run for ever or ask for all memory in one call.

use crate::limits::with_current;
use crate::value;
use anyhow::{anyhow, bail, Result};
use regorus::unstable::{Expr, Ref, Source, Span, BUILTINS};
use regorus::{Engine, Rc, Value};
use std::sync::OnceLock;

pub const REFERENCE: &str = "query_reference_value";
pub const CLOCK: &str = "time.now_ns";
const RANGE_MAX: i128 = 100_000;
const SHIFT_MAX: u64 = 4096;
const WIDTH_DIGITS_MAX: usize = 3;

/// Not offered at all: they reach out, or differ from call to call. Most are not in this build; all are refused by
/// name, so that a policy which calls one is told so when it is set.
pub const REFUSED: [&str; 6] = ["http.", "opa.runtime", "rand.", "uuid.", "net.lookup_ip_addr", "rego.parse_module"];

pub fn install(engine: &mut Engine) -> Result<()> {
    engine.add_extension(REFERENCE.into(), 1, Box::new(|a: Vec<Value>| reference(&a)))?;
    engine.add_extension(CLOCK.into(), 0, Box::new(|_: Vec<Value>| now_ns()))?;
    engine.add_extension("numbers.range".into(), 2, Box::new(|a: Vec<Value>| range(&a)))?;
    engine.add_extension("numbers.range_step".into(), 3, Box::new(|a: Vec<Value>| range_step(&a)))?;
    engine.add_extension("bits.lsh".into(), 2, Box::new(|a: Vec<Value>| shift_left(&a)))?;
    engine.add_extension("sprintf".into(), 2, Box::new(|a: Vec<Value>| sprintf(&a)))?;
    engine.add_extension("units.parse".into(), 1, Box::new(|a: Vec<Value>| units("units.parse", &a)))?;
    engine.add_extension("units.parse_bytes".into(), 1, Box::new(|a: Vec<Value>| units("units.parse_bytes", &a)))
}

/// One query per name and evaluation. Null where there is none, as upstream answers it.
fn reference(arguments: &[Value]) -> Result<Value> {
    let name = arguments[0].as_string().map_err(|_| anyhow!("{REFERENCE} takes the name as a string"))?;
    with_current(|evaluation| {
        let Some(evaluation) = evaluation else { return Ok(Value::Null) };
        let known = evaluation.remembered.borrow().iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        if let Some(value) = known {
            return Ok(value);
        }
        // SAFETY: the host's tree is valid until the evaluation ends.
        let value = unsafe { value::from_tree(evaluation.reference_tree(name), None) };
        let value = value.map_err(|e| anyhow!("reference value: {}", e.0))?.unwrap_or(Value::Null);
        evaluation.remembered.borrow_mut().push((Rc::clone(name), value.clone()));
        Ok(value)
    })
}

fn now_ns() -> Result<Value> {
    let seconds = with_current(|e| e.map_or(0, |e| e.now));
    let ns = seconds.checked_mul(1_000_000_000).ok_or_else(|| anyhow!("the clock is out of range"))?;
    Ok(Value::from(ns))
}

/// The engine's own builtin. It wants the place of its call for its messages: it gets an empty one.
fn builtin(name: &str, arguments: &[Value]) -> Result<Value> {
    static NOWHERE: OnceLock<Option<(Span, Vec<Ref<Expr>>)>> = OnceLock::new();
    let nowhere = NOWHERE.get_or_init(|| {
        let source = Source::from_contents("policy".into(), " ".into()).ok()?;
        let span = Span { source, line: 1, col: 1, start: 0, end: 1 };
        let argument = || Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 });
        let arguments = vec![argument(), argument(), argument()];
        Some((span, arguments))
    });
    let (Some((span, places)), Some((function, arity))) = (nowhere, BUILTINS.get(name)) else {
        bail!("{name} is not available");
    };
    if arguments.len() != usize::from(*arity) {
        bail!("{name} takes {arity} arguments");
    }
    function(span, &places[..arguments.len()], arguments, true).map_err(|e| anyhow!("{name}: {}", last_line(&e)))
}

fn last_line(error: &anyhow::Error) -> String {
    let text = error.to_string();
    text.rsplit("error: ").next().unwrap_or("failed").trim().to_string()
}

fn integer(name: &str, value: &Value) -> Result<i128> {
    value.as_i128().map_err(|_| anyhow!("{name} takes integers"))
}

fn range(arguments: &[Value]) -> Result<Value> {
    let (from, to) = (integer("numbers.range", &arguments[0])?, integer("numbers.range", &arguments[1])?);
    if from.abs_diff(to) >= RANGE_MAX as u128 {
        bail!("numbers.range: more than {RANGE_MAX} numbers");
    }
    builtin("numbers.range", arguments)
}

fn range_step(arguments: &[Value]) -> Result<Value> {
    let name = "numbers.range_step";
    let (from, to) = (integer(name, &arguments[0])?, integer(name, &arguments[1])?);
    let step = integer(name, &arguments[2])?;
    if step < 1 || from.abs_diff(to) / step as u128 >= RANGE_MAX as u128 {
        bail!("{name}: more than {RANGE_MAX} numbers, or a step below 1");
    }
    builtin(name, arguments)
}

fn shift_left(arguments: &[Value]) -> Result<Value> {
    if arguments[1].as_u64().map_or(true, |by| by > SHIFT_MAX) {
        bail!("bits.lsh: the shift must be 0 to {SHIFT_MAX}");
    }
    builtin("bits.lsh", arguments)
}

/// The engine's sprintf panics on digits outside ASCII and pads to any width.
fn sprintf(arguments: &[Value]) -> Result<Value> {
    let format = arguments[0].as_string().map_err(|_| anyhow!("sprintf takes a format as its first argument"))?;
    if format.chars().any(|c| c.is_numeric() && !c.is_ascii_digit()) {
        bail!("sprintf: digits must be ASCII");
    }
    if has_wide_verb(format) {
        bail!("sprintf: a width has more than {WIDTH_DIGITS_MAX} digits");
    }
    builtin("sprintf", arguments)
}

fn has_wide_verb(format: &str) -> bool {
    format.split('%').skip(1).any(|verb| {
        let width = verb.trim_start_matches('.');
        width.bytes().take_while(u8::is_ascii_digit).count() > WIDTH_DIGITS_MAX
    })
}

fn units(name: &str, arguments: &[Value]) -> Result<Value> {
    let text = arguments[0].as_string().map_err(|_| anyhow!("{name} takes a string"))?;
    if !value::is_modest_number(text) {
        bail!("{name}: the number is too large");
    }
    builtin(name, arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_of_four_digits_is_wide_and_one_of_three_is_not() {
        assert!(has_wide_verb("%1000d") && has_wide_verb("x %.99999f") && has_wide_verb("%%%5000s"));
        assert!(!has_wide_verb("%999d") && !has_wide_verb("1000000 %d") && !has_wide_verb("%v 12345"));
    }

    #[test]
    fn every_function_that_we_bound_exists_in_the_engine() {
        for name in ["numbers.range", "numbers.range_step", "bits.lsh", "sprintf", "units.parse", "units.parse_bytes"] {
            assert!(BUILTINS.contains_key(name), "{name}");
        }
    }
}
