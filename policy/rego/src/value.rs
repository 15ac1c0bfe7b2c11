// SPDX-License-Identifier: Apache-2.0
//! The host's trees as the engine's values, and the engine's values through the host's writer. No JSON text between.

use crate::abi::*;
use regorus::Value;

const DEPTH_MAX: u32 = 64;
/// A number may have this many characters, and an exponent of this many digits: 1e999999999 would fill the memory.
const NUMBER_MAX: usize = 400;
const EXPONENT_DIGITS_MAX: usize = 3;

pub struct Bad(pub &'static str);

/// The value of a tree; None where it is empty. With `only`, members of the root object whose key is not in it are left
/// out.
///
/// # Safety
/// `tree.nodes` must be valid for `tree.count` nodes.
pub unsafe fn from_tree(tree: Tree, only: Option<&[String]>) -> Result<Option<Value>, Bad> {
    if tree.nodes.is_null() || tree.count == 0 {
        return Ok(None);
    }
    if tree.count > u64::from(u32::MAX) {
        return Err(Bad("the tree is too large"));
    }
    let nodes = core::slice::from_raw_parts(tree.nodes, tree.count as usize);
    let reader = Reader { nodes };
    reader.value(0, nodes.len(), 0, only).map(Some)
}

struct Reader<'a> {
    nodes: &'a [Node],
}

impl Reader<'_> {
    /// `end` is the index behind the container that this node lies in.
    fn value(&self, at: usize, end: usize, depth: u32, only: Option<&[String]>) -> Result<Value, Bad> {
        let node = &self.nodes[at];
        let next = node.next as usize;
        if next <= at || next > end || depth > DEPTH_MAX {
            return Err(Bad("the tree is malformed"));
        }
        match node.kind {
            NODE_NULL => Ok(Value::Null),
            NODE_BOOL => Ok(Value::Bool(node.integer != 0)),
            NODE_INT => Ok(Value::from(node.integer)),
            NODE_NUMBER => number(text_of(node.text)?),
            NODE_STRING => Ok(Value::from(text_of(node.text)?)),
            NODE_ARRAY => self.array(at, next, depth),
            NODE_OBJECT => self.object(at, next, depth, only),
            _ => Err(Bad("the tree has a node of an unknown type")),
        }
    }

    fn array(&self, at: usize, end: usize, depth: u32) -> Result<Value, Bad> {
        let mut items = Vec::new();
        let mut child = at + 1;
        while child < end {
            items.push(self.value(child, end, depth + 1, None)?);
            child = self.nodes[child].next as usize;
        }
        Ok(Value::from(items))
    }

    fn object(&self, at: usize, end: usize, depth: u32, only: Option<&[String]>) -> Result<Value, Bad> {
        let mut object = Value::new_object();
        let members = object.as_object_mut().map_err(|_| Bad("no object"))?;
        let mut child = at + 1;
        while child < end {
            let key = text_of(self.nodes[child].key)?;
            if only.is_none_or(|only| only.iter().any(|o| o == key)) {
                members.insert(Value::from(key), self.value(child, end, depth + 1, None)?);
            }
            let next = self.nodes[child].next as usize;
            if next <= child {
                return Err(Bad("the tree is malformed"));
            }
            child = next;
        }
        Ok(object)
    }
}

fn text_of<'a>(slice: Slice) -> Result<&'a str, Bad> {
    // SAFETY: part of the tree that the caller of from_tree vouches for.
    core::str::from_utf8(unsafe { slice.bytes() }).map_err(|_| Bad("the tree has text that is not UTF-8"))
}

/// Whether a decimal text is short enough to become a number.
pub fn is_modest_number(text: &str) -> bool {
    let exponent = text.split(['e', 'E']).nth(1).unwrap_or("");
    let digits = exponent.trim_start_matches(['+', '-']).trim_start_matches('0');
    text.len() <= NUMBER_MAX && digits.bytes().take_while(u8::is_ascii_digit).count() <= EXPONENT_DIGITS_MAX
}

fn number(text: &str) -> Result<Value, Bad> {
    if !is_modest_number(text) {
        return Err(Bad("the tree has a number that is too large"));
    }
    Value::from_numeric_string(text).map_err(|_| Bad("the tree has a malformed number"))
}

/// Writes results into the open object of a writer.
pub struct Output<'a> {
    pub host: &'a Host,
    pub writer: *mut Writer,
}

fn done(status: Option<Status>) -> Result<(), Bad> {
    match status {
        Some(OK) => Ok(()),
        _ => Err(Bad("the result does not fit the host's writer")),
    }
}

impl Output<'_> {
    /// Sets become arrays, sorted; keys that are not strings become their JSON text, as upstream's serialiser does it.
    pub fn put(&self, key: &str, value: &Value, depth: u32) -> Result<(), Bad> {
        if depth > DEPTH_MAX {
            return Err(Bad("the result is nested too deeply"));
        }
        let (host, w, k) = (self.host, self.writer, Slice::of(key));
        // SAFETY: the host's functions on the host's writer; slices live for the call.
        unsafe {
            match value {
                Value::Null => done(host.put_null.map(|put| put(w, k))),
                Value::Bool(b) => done(host.put_bool.map(|put| put(w, k, u32::from(*b)))),
                Value::String(s) => done(host.put_text.map(|put| put(w, k, Slice::of(s)))),
                Value::Number(_) => self.put_number(k, value),
                Value::Array(items) => self.put_items(k, items.iter(), depth),
                Value::Set(items) => self.put_items(k, items.iter_sorted(), depth),
                Value::Object(_) => self.put_object(k, value, depth),
                Value::Undefined => Err(Bad("a part of the result is undefined")),
            }
        }
    }

    unsafe fn put_number(&self, key: Slice, value: &Value) -> Result<(), Bad> {
        if let Some(integer) = value.as_number().ok().and_then(|n| n.as_i64()) {
            return done(self.host.put_i64.map(|put| put(self.writer, key, integer)));
        }
        let text = value.to_json_str().map_err(|_| Bad("the result has a number that JSON cannot say"))?;
        done(self.host.put_number.map(|put| put(self.writer, key, Slice::of(text.trim()))))
    }

    unsafe fn put_items<'v>(
        &self, key: Slice, items: impl Iterator<Item = &'v Value>, depth: u32,
    ) -> Result<(), Bad> {
        done(self.host.put_array.map(|put| put(self.writer, key)))?;
        for item in items {
            self.put("", item, depth + 1)?;
        }
        done(self.host.put_end.map(|put| put(self.writer)))
    }

    unsafe fn put_object(&self, key: Slice, value: &Value, depth: u32) -> Result<(), Bad> {
        let members = value.as_object().map_err(|_| Bad("no object"))?;
        done(self.host.put_object.map(|put| put(self.writer, key)))?;
        for (name, member) in members.iter_sorted() {
            match name {
                Value::String(s) => self.put(s, member, depth + 1)?,
                other => {
                    let name = other.to_json_str().map_err(|_| Bad("the result has a key that JSON cannot say"))?;
                    self.put(&name, member, depth + 1)?;
                }
            }
        }
        done(self.host.put_end.map(|put| put(self.writer)))
    }
}
