// SPDX-License-Identifier: Apache-2.0
//! What is checked on the syntax tree: the package, what is called, that no rule or function leads back to itself, and
//! which members of `input` can be read.

use crate::functions::{CLOCK, REFERENCE, REFUSED};
use crate::problem::Problem;
use regorus::unstable::{
    AssignOp, Expr, Literal, LiteralStmt, Module, Query, Rule, RuleAssign, RuleBody, RuleHead, Span, BUILTINS,
};
use std::collections::{BTreeMap, BTreeSet};

pub const RULES_MAX: usize = 2000;
pub const STATEMENTS_MAX: usize = 1000;
/// The longest way from a rule through the rules that it needs.
pub const CHAIN_MAX: u32 = 64;

#[derive(Default, Debug)]
pub struct Facts {
    /// Rules that have a value; functions are not among them.
    pub rules: BTreeSet<String>,
    pub is_impure: bool,
    pub reads: BTreeSet<String>,
    pub reads_all: bool,
}

type Place = (u32, u32);

struct Checker<'a> {
    aliases: BTreeMap<String, Vec<String>>,
    names: BTreeSet<String>, // all rules and functions
    functions: BTreeSet<String>,
    scopes: Vec<BTreeSet<String>>,
    current: String,
    edges: BTreeMap<String, BTreeMap<String, Place>>,
    facts: Facts,
    is_v0: bool,
    module: &'a Module,
}

pub fn check(module: &Module, is_v0: bool) -> Result<Facts, Problem> {
    check_package(module)?;
    let mut checker = Checker {
        aliases: BTreeMap::new(),
        names: BTreeSet::new(),
        functions: BTreeSet::new(),
        scopes: Vec::new(),
        current: String::new(),
        edges: BTreeMap::new(),
        facts: Facts::default(),
        is_v0,
        module,
    };
    checker.imports()?;
    checker.declare()?;
    for rule in &module.policy {
        checker.rule(rule)?;
    }
    checker.chains()?;
    Ok(checker.facts)
}

fn check_package(module: &Module) -> Result<(), Problem> {
    let span = begin(&module.package.refr);
    let path = static_path(&module.package.refr).0;
    if path == ["policy"] {
        return Ok(());
    }
    let text = format!("the package must be `policy`: rules of package `{}` would never be asked", path.join("."));
    Err(at(span, text))
}

/// Where a reference begins; the engine's own place of one is its last dot.
fn begin(expr: &Expr) -> &Span {
    match expr {
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => begin(refr),
        other => other.span(),
    }
}

fn at(span: &Span, text: impl Into<String>) -> Problem {
    Problem::new(span.line, span.col, text)
}

/// The components of a reference up to the first that is not a constant, and whether that is all of it. Empty where
/// the reference does not begin with a name.
fn static_path(expr: &Expr) -> (Vec<String>, bool) {
    match expr {
        Expr::Var { span, .. } => (vec![span.text().to_string()], true),
        Expr::RefDot { refr, field, .. } => extend(refr, Some(field.0.text().to_string())),
        Expr::RefBrack { refr, index, .. } => match index.as_ref() {
            Expr::String { value, .. } | Expr::RawString { value, .. } => {
                extend(refr, value.as_string().ok().map(|s| s.to_string()))
            }
            _ => extend(refr, None),
        },
        _ => (Vec::new(), false),
    }
}

fn extend(refr: &Expr, component: Option<String>) -> (Vec<String>, bool) {
    let (mut path, whole) = static_path(refr);
    match component {
        Some(component) if whole => {
            path.push(component);
            (path, true)
        }
        _ => (path, false),
    }
}

/// Calls `visit` for each index inside a reference, and for its root where that is not a name.
fn inside_reference<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e Expr) -> Result<(), Problem>) -> Result<(), Problem> {
    match expr {
        Expr::RefDot { refr, .. } => inside_reference(refr, visit),
        Expr::RefBrack { refr, index, .. } => {
            visit(index)?;
            inside_reference(refr, visit)
        }
        Expr::Var { .. } => Ok(()),
        other => visit(other),
    }
}

fn head_of(rule: &Rule) -> (&Expr, bool) {
    match rule {
        Rule::Spec { head: RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. }, .. } => (refr, false),
        Rule::Spec { head: RuleHead::Func { refr, .. }, .. } => (refr, true),
        Rule::Default { refr, args, .. } => (refr, !args.is_empty()),
    }
}

/// The names that a pattern binds: `x`, `[x, y]`, `{"k": x}`.
fn bind(pattern: &Expr, names: &mut BTreeSet<String>) {
    match pattern {
        Expr::Var { span, .. } => {
            names.insert(span.text().to_string());
        }
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().for_each(|i| bind(i, names)),
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, _, value)| bind(value, names)),
        _ => {}
    }
}

fn declared(query: &Query) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in &query.stmts {
        match &statement.literal {
            Literal::SomeVars { vars, .. } => names.extend(vars.iter().map(|v| v.text().to_string())),
            Literal::SomeIn { key, value, .. } => {
                key.iter().for_each(|k| bind(k, &mut names));
                bind(value, &mut names);
            }
            Literal::Expr { expr, .. } => {
                if let Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } = expr.as_ref() {
                    bind(lhs, &mut names);
                }
            }
            _ => {}
        }
    }
    names
}

impl Checker<'_> {
    fn imports(&mut self) -> Result<(), Problem> {
        for import in &self.module.imports {
            let (path, whole) = static_path(&import.refr);
            let last = path.last().cloned().unwrap_or_default();
            let alias = import.r#as.as_ref().map_or(last, |a| a.text().to_string());
            match path.first().map(String::as_str) {
                Some("input") if path.len() > 1 && whole => self.read(&path),
                Some("input") if alias == "input" => {}
                Some("input") => self.facts.reads_all = true,
                Some("data") if whole => {
                    self.aliases.insert(alias, path);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn declare(&mut self) -> Result<(), Problem> {
        if self.module.policy.len() > RULES_MAX {
            return Err(Problem::without_place(format!("the policy has more than {RULES_MAX} rules")));
        }
        for rule in &self.module.policy {
            let (head, is_function) = head_of(rule);
            let (path, _) = static_path(head);
            let Some(name) = path.first() else {
                return Err(at(rule.span(), "this rule has no name"));
            };
            self.names.insert(name.clone());
            match is_function {
                true => self.functions.insert(path.join(".")),
                false => self.facts.rules.insert(name.clone()),
            };
        }
        Ok(())
    }

    fn rule(&mut self, rule: &Rule) -> Result<(), Problem> {
        let (head, _) = head_of(rule);
        self.current = static_path(head).0.first().cloned().unwrap_or_default();
        self.keyword(&self.current, rule.span())?;
        inside_reference(head, &mut |_| Ok(()))?;
        match rule {
            Rule::Default { args, value, .. } => {
                self.scoped(args.iter().map(AsRef::as_ref), |c| c.expr(value))
            }
            Rule::Spec { head, bodies, span } => {
                self.says_something(head, bodies, span)?;
                let none: &[_] = &[];
                let args = if let RuleHead::Func { args, .. } = head { args.as_slice() } else { none };
                self.scoped(args.iter().map(AsRef::as_ref), |c| c.spec(head, bodies))
            }
        }
    }

    /// In the old dialect `if` is a name like any other, and `allow if { … }` would be the rule `allow`, which is true,
    /// and a rule `if`. Nobody means that.
    fn keyword(&self, name: &str, span: &Span) -> Result<(), Problem> {
        if self.is_v0 && matches!(name, "if" | "in" | "contains" | "every") {
            let text = format!("`{name}` is used without `import rego.v1`");
            return Err(Problem { is_of_dialect: true, ..at(span, text) });
        }
        Ok(())
    }

    fn says_something(&self, head: &RuleHead, bodies: &[RuleBody], span: &Span) -> Result<(), Problem> {
        match head {
            RuleHead::Compr { assign: None, .. } | RuleHead::Func { assign: None, .. } if bodies.is_empty() => {
                let problem = at(span, "this rule has neither a value nor a body");
                Err(Problem { is_of_dialect: self.is_v0, ..problem })
            }
            _ => Ok(()),
        }
    }

    fn scoped<'e>(
        &mut self, patterns: impl Iterator<Item = &'e Expr>, work: impl FnOnce(&mut Self) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut names = BTreeSet::new();
        patterns.for_each(|p| bind(p, &mut names));
        self.scopes.push(names);
        let done = work(self);
        self.scopes.pop();
        done
    }

    fn spec(&mut self, head: &RuleHead, bodies: &[RuleBody]) -> Result<(), Problem> {
        // The head is evaluated with the names that the first body declares, the other bodies bring their own values.
        let first = bodies.first().filter(|b| !b.is_else).map(|b| declared(&b.query)).unwrap_or_default();
        self.scopes.push(first);
        let done = self.head(head);
        self.scopes.pop();
        done?;
        for body in bodies {
            self.query(&body.query, |c| c.assigned(body.assign.as_ref()))?;
        }
        Ok(())
    }

    fn head(&mut self, head: &RuleHead) -> Result<(), Problem> {
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                inside_reference(refr, &mut |e| self.expr(e))?;
                self.assigned(assign.as_ref())
            }
            RuleHead::Func { refr, args, assign, .. } => {
                inside_reference(refr, &mut |e| self.expr(e))?;
                args.iter().try_for_each(|a| self.expr(a))?;
                self.assigned(assign.as_ref())
            }
            RuleHead::Set { refr, key, .. } => {
                inside_reference(refr, &mut |e| self.expr(e))?;
                key.iter().try_for_each(|k| self.expr(k))
            }
        }
    }

    fn assigned(&mut self, assign: Option<&RuleAssign>) -> Result<(), Problem> {
        assign.map_or(Ok(()), |a| self.expr(&a.value))
    }

    fn query(
        &mut self, query: &Query, output: impl FnOnce(&mut Self) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        if query.stmts.len() > STATEMENTS_MAX {
            return Err(at(&query.span, format!("this body has more than {STATEMENTS_MAX} statements")));
        }
        self.scopes.push(declared(query));
        let done = query.stmts.iter().try_for_each(|s| self.statement(s)).and_then(|()| output(self));
        self.scopes.pop();
        done
    }

    fn statement(&mut self, statement: &LiteralStmt) -> Result<(), Problem> {
        for with in &statement.with_mods {
            if static_path(&with.refr).0.first().is_some_and(|root| root == "input") {
                self.facts.reads_all = true;
            } else {
                self.expr(&with.refr)?;
            }
            self.expr(&with.r#as)?;
        }
        match &statement.literal {
            Literal::SomeVars { .. } => Ok(()),
            Literal::SomeIn { key, value, collection, .. } => {
                key.iter().try_for_each(|k| self.expr(k))?;
                self.expr(value)?;
                self.expr(collection)
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
            Literal::Every { key, value, domain, query, .. } => {
                self.expr(domain)?;
                let names = key.iter().chain([value]).map(|s| s.text().to_string()).collect();
                self.scopes.push(names);
                let done = self.query(query, |_| Ok(()));
                self.scopes.pop();
                done
            }
        }
    }

    fn expr(&mut self, expr: &Expr) -> Result<(), Problem> {
        match expr {
            Expr::String { .. } | Expr::RawString { .. } | Expr::Number { .. } | Expr::Bool { .. } => Ok(()),
            Expr::Null { .. } => Ok(()),
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr),
            Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().try_for_each(|i| self.expr(i)),
            Expr::Object { fields, .. } => fields.iter().try_for_each(|(_, k, v)| self.expr(k).and_then(|()| self.expr(v))),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.query(query, |c| c.expr(term))
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.query(query, |c| c.expr(key).and_then(|()| c.expr(value)))
            }
            Expr::Call { fcn, params, .. } => {
                self.call(fcn)?;
                params.iter().try_for_each(|p| self.expr(p))
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => self.expr(lhs).and_then(|()| self.expr(rhs)),
            Expr::Membership { key, value, collection, .. } => {
                key.iter().try_for_each(|k| self.expr(k))?;
                self.expr(value)?;
                self.expr(collection)
            }
        }
    }

    fn reference(&mut self, expr: &Expr) -> Result<(), Problem> {
        let (path, _) = static_path(expr);
        self.mention(&path, begin(expr))?;
        inside_reference(expr, &mut |e| self.expr(e))
    }

    fn read(&mut self, path: &[String]) {
        match path.get(1) {
            Some(member) if !member.contains(',') && !member.is_empty() => {
                self.facts.reads.insert(member.clone());
            }
            _ => self.facts.reads_all = true,
        }
    }

    fn is_local(&self, name: &str) -> bool {
        self.scopes.iter().any(|s| s.contains(name))
    }

    fn mention(&mut self, path: &[String], span: &Span) -> Result<(), Problem> {
        let Some(root) = path.first() else { return Ok(()) };
        if root == "input" {
            self.read(path);
            return Ok(());
        }
        if self.is_local(root) {
            return Ok(());
        }
        self.keyword(root, span)?;
        let full = match self.aliases.get(root) {
            Some(target) => target.iter().chain(&path[1..]).cloned().collect(),
            None => path.to_vec(),
        };
        let rule = if full[0] != "data" { Some(&full[0]) } else { full.get(2).filter(|_| full[1] == "policy") };
        if let Some(rule) = rule.filter(|r| self.names.contains(*r)) {
            let place = (span.line, span.col);
            self.edges.entry(self.current.clone()).or_default().entry(rule.clone()).or_insert(place);
            return Ok(());
        }
        self.forbidden(&full.join("."), span)
    }

    fn forbidden(&mut self, path: &str, span: &Span) -> Result<(), Problem> {
        let refused = |r: &&str| if r.ends_with('.') { path.starts_with(*r) } else { path == *r };
        if REFUSED.iter().any(|r| refused(&r)) {
            return Err(at(span, format!("`{path}` is not available to policies")));
        }
        self.facts.is_impure |= path == CLOCK;
        Ok(())
    }

    fn call(&mut self, function: &Expr) -> Result<(), Problem> {
        let (path, whole) = static_path(function);
        let span = begin(function);
        if !whole {
            return Err(at(span, "only a function's name can be called"));
        }
        self.mention(&path, span)?;
        let mut full = match self.aliases.get(&path[0]) {
            Some(target) => target.iter().chain(&path[1..]).cloned().collect(),
            None => path,
        };
        if full.len() > 2 && full[0] == "data" && full[1] == "policy" {
            full.drain(..2);
        }
        let name = full.join(".");
        let is_known = self.functions.contains(&name)
            || BUILTINS.contains_key(name.as_str())
            || matches!(name.as_str(), REFERENCE | "print");
        if is_known {
            return Ok(());
        }
        Err(at(span, format!("there is no function `{name}`")))
    }

    /// Follows the rules that each rule needs: refuses circles and ways that are too long.
    fn chains(&self) -> Result<(), Problem> {
        let mut lengths = BTreeMap::new();
        for name in self.edges.keys() {
            self.chain(name, &mut Vec::new(), &mut lengths)?;
        }
        Ok(())
    }

    fn chain(&self, name: &str, way: &mut Vec<String>, lengths: &mut BTreeMap<String, u32>) -> Result<u32, Problem> {
        if let Some(length) = lengths.get(name) {
            return Ok(*length);
        }
        way.push(name.to_string());
        let mut longest = 0;
        for (next, place) in self.edges.get(name).into_iter().flatten() {
            if way.contains(next) {
                let text = format!("`{next}` needs itself, by way of `{name}`: recursion is not allowed");
                return Err(Problem::new(place.0, place.1, text));
            }
            longest = longest.max(self.chain(next, way, lengths)?);
            if longest >= CHAIN_MAX || way.len() > CHAIN_MAX as usize {
                let text = format!("`{name}` needs more than {CHAIN_MAX} rules one after the other");
                return Err(Problem::new(place.0, place.1, text));
            }
        }
        way.pop();
        lengths.insert(name.to_string(), longest + 1);
        Ok(longest + 1)
    }
}
