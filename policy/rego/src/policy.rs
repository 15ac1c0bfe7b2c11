// SPDX-License-Identifier: Apache-2.0
//! One policy: checked, parsed and prepared once, evaluated many times.

use crate::abi::{Host, PolicyIn, Request, Slice, Tree, Writer, POLICY_IMPURE, POLICY_READS_ALL};
use crate::bound::{self, BoundEngines};
use crate::check::{self, Facts};
use crate::functions;
use crate::limits::{self, Evaluation, Exceeded};
use crate::problem::Problem;
use crate::text;
use crate::value::{self, Bad, Output};
use core::num::{NonZeroU32, NonZeroUsize};
use regorus::{Engine, PolicyLengthConfig, Value};

const COLUMNS_MAX: u32 = 4096;
const LINES_MAX: usize = 20_000;
/// What the engine says of a rule that it does not have.
const NO_RULE: &str = "not a valid rule path";

pub struct Policy {
    engine: Engine, // prepared, with neither input nor data; cloned for each evaluation, which costs next to nothing
    facts: Facts,
    members: Vec<String>,
    reads: String,
    bound: BoundEngines,
}

/// Why an evaluation gave nothing.
pub enum Failure {
    Input(&'static str),
    Evaluate(Problem),
    Exceeded(Exceeded),
    Output(&'static str),
}

impl Policy {
    pub fn compile(bytes: &[u8]) -> Result<Policy, Problem> {
        let text = text::check(bytes)?;
        let parsed = parse_either(text).and_then(|(mut engine, facts)| {
            prepare(&mut engine)?;
            Ok((engine, facts))
        });
        let (engine, facts) = parsed.map_err(|p| p.in_characters(text))?;
        let members: Vec<String> = facts.reads.iter().cloned().collect();
        let reads = members.join(",");
        Ok(Policy { engine, facts, members, reads, bound: BoundEngines::new() })
    }

    pub fn flags(&self) -> u64 {
        let impure = if self.facts.is_impure { POLICY_IMPURE } else { 0 };
        let reads_all = if self.facts.reads_all { POLICY_READS_ALL } else { 0 };
        impure | reads_all
    }

    pub fn reads(&self) -> &str {
        &self.reads
    }

    /// # Safety
    /// All that `given` points to is valid for the call.
    pub unsafe fn evaluate(
        &self, host: &Host, request: *mut Request, given: &PolicyIn, writer: *mut Writer,
    ) -> Result<(), Failure> {
        let only = (!self.facts.reads_all).then_some(self.members.as_slice());
        let input = value::from_tree(given.input, only).map_err(|e| Failure::Input(e.0))?;
        let mut engine = self.engine_with(given.data)?;
        engine.set_input(input.unwrap_or(Value::Undefined));
        let rules = core::slice::from_raw_parts(given.rules, given.rule_count as usize);
        let evaluation = Evaluation::new(*host, request, given);
        let output = Output { host, writer };
        evaluation.run(|| rules.iter().try_for_each(|rule| self.rule(&mut engine, &evaluation, *rule, &output)))
    }

    /// A prepared engine that has this data.
    unsafe fn engine_with(&self, data: Tree) -> Result<Engine, Failure> {
        let key = bound::key_of(data);
        if let Some(engine) = key.as_deref().and_then(|k| self.bound.get(k)) {
            return Ok(engine);
        }
        let mut engine = self.engine.clone();
        add_data(&mut engine, data)?;
        if let Some(key) = key {
            prepare_again(&mut engine).map_err(Failure::Evaluate)?;
            self.bound.put(key, &engine);
        }
        Ok(engine)
    }

    unsafe fn rule(
        &self, engine: &mut Engine, evaluation: &Evaluation, rule: Slice, output: &Output,
    ) -> Result<(), Failure> {
        let name = core::str::from_utf8(rule.bytes()).map_err(|_| Failure::Input("a rule's name is not UTF-8"))?;
        if !self.facts.rules.contains(name) {
            return Ok(());
        }
        let result = value_of(engine, name);
        // Asked first: an error on the way may be no more than what reaching a bound looks like, and a result may
        // come from a rule that took an error for "undefined".
        if let Some(exceeded) = evaluation.check() {
            return Err(Failure::Exceeded(exceeded));
        }
        match result? {
            Value::Undefined => Ok(()),
            value => output.put(name, &value, 0).map_err(|e| Failure::Output(e.0)),
        }
    }

    /// For the self test: the value of a rule without a host.
    pub fn value(&self, rule: &str) -> Option<Value> {
        value_of(&mut self.engine.clone(), rule).ok()
    }
}

fn value_of(engine: &mut Engine, rule: &str) -> Result<Value, Failure> {
    match engine.eval_rule(format!("data.policy.{rule}")) {
        Ok(value) => Ok(value),
        Err(e) => {
            let message = e.to_string();
            if message == NO_RULE {
                return Ok(Value::Undefined);
            }
            Err(Failure::Evaluate(Problem::of_engine(&message)))
        }
    }
}

unsafe fn add_data(engine: &mut Engine, tree: Tree) -> Result<(), Failure> {
    let Some(data) = value::from_tree(tree, None).map_err(|Bad(text)| Failure::Input(text))? else {
        return Ok(());
    };
    let members = data.as_object().map_err(|_| Failure::Input("data is not an object"))?;
    if members.contains_key(&Value::from("policy")) {
        return Err(Failure::Input("data has a member `policy`, which is the policy's own"));
    }
    engine.add_data(data).map_err(|_| Failure::Input("data cannot be added"))
}

/// The later version of the language first, as upstream's engine reads it; then the one before, in which rules have no
/// `if`. Of two complaints about the syntax, the one further down is about the dialect that was meant.
fn parse_either(text: &str) -> Result<(Engine, Facts), Problem> {
    let first = match parse(text, false) {
        Ok(mut engine) => {
            let facts = check_module(&mut engine, false)?;
            return Ok((engine, facts));
        }
        Err(problem) => problem,
    };
    let mut engine = match parse(text, true) {
        Ok(engine) => engine,
        Err(second) if (second.line, second.column) > (first.line, first.column) => return Err(second),
        Err(_) => return Err(first),
    };
    match check_module(&mut engine, true) {
        Ok(facts) => Ok((engine, facts)),
        Err(problem) if problem.is_of_dialect => Err(first),
        Err(problem) => Err(problem),
    }
}

fn parse(text: &str, is_v0: bool) -> Result<Engine, Problem> {
    let mut engine = Engine::new();
    engine.set_rego_v0(is_v0);
    if let (Some(max_col), Some(max_file_bytes), Some(max_lines)) =
        (NonZeroU32::new(COLUMNS_MAX), NonZeroUsize::new(text::TEXT_MAX), NonZeroUsize::new(LINES_MAX))
    {
        engine.set_policy_length_config(PolicyLengthConfig { max_col, max_file_bytes, max_lines });
    }
    let added = engine.add_policy("policy".into(), text.into());
    added.map_err(|e| Problem::of_engine(&e.to_string()))?;
    Ok(engine)
}

fn check_module(engine: &mut Engine, is_v0: bool) -> Result<Facts, Problem> {
    match engine.get_modules().first() {
        Some(module) => check::check(module, is_v0),
        None => Err(Problem::without_place("the policy is empty")),
    }
}

/// The engine prepares itself when it is first asked: for a rule that no policy can have.
fn prepare(engine: &mut Engine) -> Result<(), Problem> {
    functions::install(engine).map_err(|e| Problem::without_place(e.to_string()))?;
    engine.set_execution_timer_config(limits::engine_timer());
    prepare_again(engine)
}

fn prepare_again(engine: &mut Engine) -> Result<(), Problem> {
    match engine.eval_rule("data.policy.no__rule".into()) {
        Ok(_) => Ok(()),
        Err(e) if e.to_string() == NO_RULE => Ok(()),
        Err(e) => Err(Problem::of_engine(&e.to_string())),
    }
}
