// SPDX-License-Identifier: Apache-2.0
//! What is wrong with a policy text, and where.

/// Lines and columns count from 1; 0 when unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub line: u32,
    pub column: u32,
    pub text: String,
    /// It says no more than that the text is of the other dialect.
    pub is_of_dialect: bool,
}

impl Problem {
    pub fn new(line: u32, column: u32, text: impl Into<String>) -> Problem {
        Problem { line, column, text: text.into(), is_of_dialect: false }
    }

    pub fn without_place(text: impl Into<String>) -> Problem {
        Problem::new(0, 0, text)
    }

    /// The engine writes "--> file:LINE:COLUMN", the source line with a caret, then "error: TEXT".
    pub fn of_engine(message: &str) -> Problem {
        let place = message.split("--> ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or("");
        let mut numbers = place.trim().rsplit(':').map(|n| n.parse::<u32>().unwrap_or(0));
        let column = numbers.next().unwrap_or(0);
        let line = numbers.next().unwrap_or(0);
        let text = message.split("error: ").nth(1).unwrap_or(message);
        let text = text.lines().find(|l| !l.trim().is_empty()).unwrap_or("the policy does not parse");
        Problem::new(line, column, text.trim())
    }

    /// The engine counts a tab as four columns; people count it as one character.
    pub fn in_characters(mut self, text: &str) -> Problem {
        let Some(line) = text.lines().nth(self.line.saturating_sub(1) as usize) else { return self };
        let (mut column, mut width) = (1, 1);
        for c in line.chars().take_while(|_| self.column > 0) {
            if width >= self.column {
                break;
            }
            width += if c == '\t' { 4 } else { 1 };
            column += 1;
        }
        self.column = if self.column == 0 { 0 } else { column };
        self
    }
}
