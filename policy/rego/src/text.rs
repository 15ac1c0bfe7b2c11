// SPDX-License-Identifier: Apache-2.0
//! What is checked on a policy's text before the parser sees it. The parser, the analyser and the destructors of the
//! syntax tree all recurse, so the depth that the tree can reach is bounded here, from the tokens alone.

use crate::problem::Problem;

pub const TEXT_MAX: usize = 256 * 1024;
pub const BRACKETS_MAX: usize = 64;
/// No node of the syntax tree lies deeper than this.
pub const DEPTH_MAX: u32 = 400;
/// Digits and letters of one number.
const NUMBER_MAX: usize = 400;
/// The parser reads the first element of a literal twice, to find out whether it is a comprehension: of one inside
/// another inside another, 2, 4, 8 … times. So many tokens it may have to read altogether.
const TOKENS_MAX: u64 = 2_000_000;

/// Checks size, encoding and depth.
pub fn check(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > TEXT_MAX {
        return Err(Problem::without_place(format!("the policy is larger than {TEXT_MAX} bytes")));
    }
    let text = core::str::from_utf8(bytes).map_err(|e| {
        let before = &bytes[..e.valid_up_to()];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        Problem::new(line as u32, 0, "the policy is not UTF-8")
    })?;
    Scanner::new(text).run()?;
    Ok(text)
}

/// One open bracket, or the text outside all of them.
#[derive(Default)]
struct Level {
    operators: u32,    // of the expression that is being read
    below: u32,        // deepest bracket inside that expression
    deepest: u32,      // of all expressions of this level
    after_operand: bool,
    close: char,
    is_first: bool,    // still in the first element
    readings: u32,     // each token here is read 2^readings times
}

struct Scanner<'a> {
    rest: core::iter::Peekable<core::str::Chars<'a>>,
    line: u32,
    column: u32,
    levels: Vec<Level>,
    tokens: u64,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Scanner { rest: text.chars().peekable(), line: 1, column: 0, levels: vec![Level::default()], tokens: 0 }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.line += 1;
            self.column = 0;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn problem<T>(&self, text: impl Into<String>) -> Result<T, Problem> {
        Err(Problem::new(self.line, self.column, text))
    }

    fn run(mut self) -> Result<(), Problem> {
        while let Some(c) = self.next() {
            if !c.is_whitespace() {
                self.token()?;
            }
            match c {
                '#' => self.comment(),
                '"' => self.string()?,
                '`' => self.raw_string()?,
                '(' | '[' | '{' => self.open(c)?,
                ')' | ']' | '}' => self.close(c)?,
                ',' => {
                    self.end_expression(false)?;
                    self.level().is_first = false;
                }
                ';' => self.end_expression(false)?,
                c if c.is_whitespace() => {}
                c if c.is_ascii_digit() => self.number()?,
                c if c == '_' || c.is_alphabetic() => self.word(c)?,
                c => self.operator(c),
            }
        }
        if self.levels.len() > 1 {
            let close = self.level().close;
            return self.problem(format!("`{close}` is missing"));
        }
        self.end_expression(false)
    }

    fn level(&mut self) -> &mut Level {
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    fn token(&mut self) -> Result<(), Problem> {
        let level = self.level();
        let readings = 1 << level.readings.min(40);
        self.tokens += readings;
        if self.tokens > TOKENS_MAX {
            return self.problem("brackets are nested in a way that takes too long to read");
        }
        Ok(())
    }

    fn comment(&mut self) {
        while self.rest.peek().is_some_and(|c| *c != '\n') {
            self.next();
        }
    }

    fn string(&mut self) -> Result<(), Problem> {
        let begin = (self.line, self.column);
        self.operand()?;
        loop {
            match self.next() {
                Some('"') => return Ok(()),
                Some('\\') => {
                    self.next();
                }
                None | Some('\n') => return Err(Problem::new(begin.0, begin.1, "this string does not end")),
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> Result<(), Problem> {
        let begin = (self.line, self.column);
        self.operand()?;
        loop {
            match self.next() {
                Some('`') => return Ok(()),
                None => return Err(Problem::new(begin.0, begin.1, "this raw string does not end")),
                Some(_) => {}
            }
        }
    }

    fn number(&mut self) -> Result<(), Problem> {
        self.operand()?;
        let mut length = 1;
        while self.rest.peek().is_some_and(|c| c.is_ascii_alphanumeric() || *c == '.' || *c == '_') {
            self.next();
            length += 1;
            if length > NUMBER_MAX {
                return self.problem("this number is too long");
            }
        }
        Ok(())
    }

    fn word(&mut self, first: char) -> Result<(), Problem> {
        let mut word = String::from(first);
        while let Some(c) = self.rest.peek().copied().filter(|c| *c == '_' || c.is_alphanumeric()) {
            word.push(c);
            self.next();
        }
        if word == "in" {
            self.operator(' ');
            return Ok(());
        }
        self.operand()
    }

    /// Something that stands for a value. Two in a row: the second begins another expression.
    fn operand(&mut self) -> Result<(), Problem> {
        if self.level().after_operand {
            self.end_expression(true)?;
        }
        self.level().after_operand = true;
        Ok(())
    }

    fn operator(&mut self, c: char) {
        if matches!(c, ':' | '=' | '!' | '<' | '>') && self.rest.peek() == Some(&'=') {
            self.next();
        }
        let level = self.level();
        level.operators += 1;
        level.after_operand = false;
    }

    fn end_expression(&mut self, after_operand: bool) -> Result<(), Problem> {
        let level = self.level();
        let depth = level.operators + level.below + 1;
        level.deepest = level.deepest.max(depth);
        level.operators = 0;
        level.below = 0;
        level.after_operand = after_operand;
        if depth > DEPTH_MAX {
            return self.problem(format!("this expression is deeper than {DEPTH_MAX}: split it up"));
        }
        Ok(())
    }

    /// A bracket behind an operand is an index or a call, and so as deep as an operator.
    fn open(&mut self, c: char) -> Result<(), Problem> {
        if self.levels.len() > BRACKETS_MAX {
            return self.problem(format!("brackets are nested deeper than {BRACKETS_MAX}"));
        }
        let level = self.level();
        level.operators += u32::from(level.after_operand);
        let close = match c {
            '(' => ')',
            '[' => ']',
            _ => '}',
        };
        let readings = level.readings + u32::from(level.is_first);
        self.levels.push(Level { close, readings, is_first: c != '(', ..Level::default() });
        Ok(())
    }

    fn close(&mut self, c: char) -> Result<(), Problem> {
        if self.levels.len() == 1 || self.level().close != c {
            return self.problem(format!("`{c}` closes nothing"));
        }
        self.end_expression(false)?;
        let depth = self.level().deepest + 1;
        self.levels.pop();
        let level = self.level();
        level.below = level.below.max(depth);
        level.after_operand = true;
        Ok(())
    }
}
