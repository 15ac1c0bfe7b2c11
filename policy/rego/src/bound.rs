// SPDX-License-Identifier: Apache-2.0
//! Engines that have their `data` already: preparing one anew takes longer than most policies take to be evaluated. A
//! policy is asked about the same few paths again and again, so a bounded number of them is kept; policy.h allows it for
//! `data`, which says what is asked for and never holds a secret.

use crate::abi::{Node, Tree};
use regorus::Engine;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Mutex;

const SLOTS: usize = 64;
const KEY_MAX: usize = 1024;

struct Bound {
    key: Vec<u8>, // all of the data, not a digest of it
    engine: Engine,
}

pub struct BoundEngines {
    slots: Vec<Mutex<Option<Bound>>>,
    hasher: RandomState,
}

impl BoundEngines {
    pub fn new() -> Self {
        BoundEngines { slots: (0..SLOTS).map(|_| Mutex::new(None)).collect(), hasher: RandomState::new() }
    }

    fn slot(&self, key: &[u8]) -> &Mutex<Option<Bound>> {
        &self.slots[(self.hasher.hash_one(key) % SLOTS as u64) as usize]
    }

    pub fn get(&self, key: &[u8]) -> Option<Engine> {
        let slot = self.slot(key).lock().ok()?;
        slot.as_ref().filter(|b| b.key == key).map(|b| b.engine.clone())
    }

    pub fn put(&self, key: Vec<u8>, engine: &Engine) {
        if let Ok(mut slot) = self.slot(&key).lock() {
            *slot = Some(Bound { key, engine: engine.clone() });
        }
    }
}

/// A text that two trees have in common only if they are equal; None for large ones, which are not kept.
///
/// # Safety
/// `tree.nodes` must be valid for `tree.count` nodes.
pub unsafe fn key_of(tree: Tree) -> Option<Vec<u8>> {
    if tree.nodes.is_null() || tree.count == 0 || tree.count > KEY_MAX as u64 {
        return None;
    }
    let mut key = Vec::with_capacity(256);
    for node in core::slice::from_raw_parts(tree.nodes, tree.count as usize) {
        add_node(&mut key, node);
        if key.len() > KEY_MAX {
            return None;
        }
    }
    Some(key)
}

unsafe fn add_node(key: &mut Vec<u8>, node: &Node) {
    key.extend_from_slice(&node.kind.to_le_bytes());
    key.extend_from_slice(&node.next.to_le_bytes());
    key.extend_from_slice(&node.integer.to_le_bytes());
    for text in [node.key.bytes(), node.text.bytes()] {
        key.extend_from_slice(&(text.len() as u64).to_le_bytes());
        key.extend_from_slice(&text[..text.len().min(KEY_MAX)]);
    }
}
