// SPDX-License-Identifier: Apache-2.0
//! A host small enough to read: trees from JSON, a writer that makes a value, reference values from a JSON object. All
//! calls go through the plugin's C interface.

use crate::abi::{
    Host, Node, PolicyError, PolicyIn, PolicyInfo, Request, Slice, Status, Tree, Writer, E_INVAL, NODE_ARRAY, NODE_BOOL,
    NODE_INT, NODE_NULL, NODE_NUMBER, NODE_OBJECT, NODE_STRING, OK, REJECT,
};
use core::ffi::c_void;
use core::mem::size_of;
use regorus::Value;

pub struct FakeRequest {
    references: Value,
    pub trees: Vec<Box<Built>>,
    pub rejected: Vec<(String, String)>,
    pub asked: Vec<String>,
    pub cancelled: bool,
}

/// A tree and the texts that it points to.
pub struct Built {
    nodes: Vec<Node>,
    texts: Vec<String>,
}

impl Built {
    pub fn of_json(json: &str) -> Built {
        let mut built = Built { nodes: Vec::new(), texts: Vec::new() };
        built.add("", &Value::from_json_str(json).expect("JSON"));
        built
    }

    fn keep(&mut self, text: &str) -> Slice {
        self.texts.push(text.to_string());
        let kept = &self.texts[self.texts.len() - 1];
        Slice { ptr: kept.as_ptr(), len: kept.len() as u64 }
    }

    fn add(&mut self, key: &str, value: &Value) {
        let at = self.nodes.len();
        let key = self.keep(key);
        let mut node = Node { kind: NODE_NULL, next: 0, key, text: Slice::EMPTY, integer: 0 };
        match value {
            Value::Bool(b) => (node.kind, node.integer) = (NODE_BOOL, i64::from(*b)),
            Value::Number(n) => match n.as_i64() {
                Some(i) => (node.kind, node.integer) = (NODE_INT, i),
                None => (node.kind, node.text) = (NODE_NUMBER, self.keep(&value.to_json_str().expect("number"))),
            },
            Value::String(s) => (node.kind, node.text) = (NODE_STRING, self.keep(s)),
            Value::Array(_) => node.kind = NODE_ARRAY,
            Value::Object(_) => node.kind = NODE_OBJECT,
            _ => {}
        }
        self.nodes.push(node);
        if let Value::Array(items) = value {
            items.iter().for_each(|i| self.add("", i));
        }
        if let Value::Object(members) = value {
            members.iter_sorted().for_each(|(k, v)| self.add(k.as_string().expect("key"), v));
        }
        self.nodes[at].next = self.nodes.len() as u32;
    }

    pub fn tree(&self) -> Tree {
        Tree { nodes: self.nodes.as_ptr(), count: self.nodes.len() as u64 }
    }

    pub fn nodes(&mut self) -> &mut Vec<Node> {
        &mut self.nodes
    }
}

struct FakeWriter {
    open: Vec<(String, Value)>,
    failed: bool,
}

unsafe fn text(slice: Slice) -> String {
    String::from_utf8(slice.bytes().to_vec()).expect("UTF-8")
}

unsafe fn put(writer: *mut Writer, key: Slice, value: Value) -> Status {
    let writer = &mut *(writer as *mut FakeWriter);
    let key = text(key);
    let fits = match writer.open.last_mut() {
        Some((_, Value::Object(_))) if key.is_empty() => false,
        Some((_, open @ Value::Object(_))) => open.as_object_mut().expect("object").insert(key.into(), value).is_none(),
        Some((_, open)) => {
            open.as_array_mut().expect("array").push(value);
            true
        }
        None => false,
    };
    writer.failed |= !fits;
    if fits { OK } else { E_INVAL }
}

unsafe fn open(writer: *mut Writer, key: Slice, value: Value) -> Status {
    let fake = &mut *(writer as *mut FakeWriter);
    if fake.open.len() >= 32 {
        fake.failed = true;
        return E_INVAL;
    }
    fake.open.push((text(key), value));
    OK
}

unsafe extern "C" fn put_object(w: *mut Writer, key: Slice) -> Status {
    open(w, key, Value::new_object())
}
unsafe extern "C" fn put_array(w: *mut Writer, key: Slice) -> Status {
    open(w, key, Value::new_array())
}
unsafe extern "C" fn put_end(w: *mut Writer) -> Status {
    let (key, value) = (*(w as *mut FakeWriter)).open.pop().expect("open");
    put(w, Slice { ptr: key.as_ptr(), len: key.len() as u64 }, value)
}
unsafe extern "C" fn put_text(w: *mut Writer, key: Slice, value: Slice) -> Status {
    put(w, key, text(value).into())
}
unsafe extern "C" fn put_i64(w: *mut Writer, key: Slice, value: i64) -> Status {
    put(w, key, value.into())
}
unsafe extern "C" fn put_bool(w: *mut Writer, key: Slice, value: u32) -> Status {
    put(w, key, Value::Bool(value != 0))
}
unsafe extern "C" fn put_null(w: *mut Writer, key: Slice) -> Status {
    put(w, key, Value::Null)
}
unsafe extern "C" fn put_number(w: *mut Writer, key: Slice, value: Slice) -> Status {
    put(w, key, Value::from_numeric_string(&text(value)).expect("number"))
}
unsafe extern "C" fn reject(request: *mut Request, reason: Slice, why: Slice) {
    (*(request as *mut FakeRequest)).rejected.push((text(reason), text(why)));
}
unsafe extern "C" fn cancelled(request: *mut Request) -> u32 {
    u32::from((*(request as *mut FakeRequest)).cancelled)
}
unsafe extern "C" fn reference(request: *mut Request, name: Slice) -> Tree {
    let request = &mut *(request as *mut FakeRequest);
    let name = text(name);
    request.asked.push(name.clone());
    let value = request.references.as_object().ok().and_then(|o| o.get(&name.into()).cloned());
    let Some(value) = value else { return Tree { nodes: core::ptr::null(), count: 0 } };
    let mut built = Box::new(Built { nodes: Vec::new(), texts: Vec::new() });
    built.add("", &value);
    let tree = built.tree();
    request.trees.push(built);
    tree
}

fn host() -> Host {
    // SAFETY: every field may be zero.
    let mut host: Host = unsafe { core::mem::zeroed() };
    host.size = size_of::<Host>() as u32;
    host.reject = Some(reject);
    host.cancelled = Some(cancelled);
    host.put_object = Some(put_object);
    host.put_array = Some(put_array);
    host.put_end = Some(put_end);
    host.put_text = Some(put_text);
    host.put_i64 = Some(put_i64);
    host.put_bool = Some(put_bool);
    host.put_null = Some(put_null);
    host.put_number = Some(put_number);
    host
}

/// What compiling refused: line, column, text.
pub type Refusal = (u32, u32, String);

/// A compiled policy with an instance of its own.
pub struct Policy {
    instance: *mut c_void,
    policy: *mut c_void,
    pub flags: u64,
    pub reads: String,
}

/// What is asked of one evaluation.
pub struct Ask<'a> {
    pub rules: &'a [&'a str],
    pub input: &'a str,
    pub data: &'a str,
    pub references: &'a str,
    pub now: i64,
    pub deadline_ms: u64,
    pub cancelled: bool,
}

pub const ASK: Ask = Ask {
    rules: &["allow"],
    input: "{}",
    data: "",
    references: "{}",
    now: 1_700_000_000,
    deadline_ms: 2000,
    cancelled: false,
};

pub fn interface() -> &'static crate::abi::Policy {
    &crate::POLICY.0
}

impl Policy {
    pub fn compile(text: &str) -> Result<Policy, Refusal> {
        Self::compile_bytes(text.as_bytes())
    }

    pub fn compile_bytes(bytes: &[u8]) -> Result<Policy, Refusal> {
        unsafe {
            let (mut instance, mut policy) = (core::ptr::null_mut(), core::ptr::null_mut());
            assert_eq!((crate::PLUGIN.0.init.expect("init"))(&host(), core::ptr::null(), &mut instance), OK);
            let mut room = [0u8; 512];
            let mut info = PolicyInfo { size: 32, reserved: 0, flags: 0, reads: Slice::EMPTY };
            let mut error =
                PolicyError { size: 32, line: 0, column: 0, length: 0, room: room.as_mut_ptr(), capacity: 512 };
            let given = Slice { ptr: bytes.as_ptr(), len: bytes.len() as u64 };
            let compile = interface().compile.expect("compile");
            let status = compile(instance, Slice::of("test"), given, &mut policy, &mut info, &mut error);
            if status != OK {
                assert_eq!(status, REJECT);
                assert!(policy.is_null());
                let why = String::from_utf8_lossy(&room[..error.length as usize]).into_owned();
                (crate::PLUGIN.0.fini.expect("fini"))(instance);
                return Err((error.line, error.column, why));
            }
            Ok(Policy { instance, policy, flags: info.flags, reads: text(info.reads) })
        }
    }

    /// The results, or the status with the reason and text of the first rejection.
    pub fn evaluate(&self, ask: &Ask) -> Result<Value, (Status, String, String)> {
        self.evaluate_tree(ask, Built::of_json(ask.input))
    }

    pub fn evaluate_tree(&self, ask: &Ask, input: Built) -> Result<Value, (Status, String, String)> {
        let data = (!ask.data.is_empty()).then(|| Built::of_json(ask.data));
        let mut request = FakeRequest::new(ask);
        let prepared = Prepared { input, data, rules: ask.rules.iter().map(|r| Slice::of(r)).collect() };
        self.run(ask, &prepared, &mut request)
    }

    pub fn run(&self, ask: &Ask, p: &Prepared, request: &mut FakeRequest) -> Result<Value, (Status, String, String)> {
        let mut writer = FakeWriter { open: vec![(String::new(), Value::new_object())], failed: false };
        let given = PolicyIn {
            size: size_of::<PolicyIn>() as u32,
            rule_count: p.rules.len() as u32,
            rules: p.rules.as_ptr(),
            input: p.input.tree(),
            data: p.data.as_ref().map_or(Tree { nodes: core::ptr::null(), count: 0 }, Built::tree),
            now: ask.now,
            deadline_ms: ask.deadline_ms,
            reference: Some(reference),
        };
        let evaluate = interface().evaluate.expect("evaluate");
        let request_at = request as *mut FakeRequest as *mut c_void;
        let writer_at = &mut writer as *mut FakeWriter as *mut c_void;
        let status = unsafe { evaluate(self.instance, request_at, self.policy, &given, writer_at) };
        if status != OK {
            let (reason, why) = request.rejected.first().cloned().unwrap_or_default();
            return Err((status, reason, why));
        }
        assert!(!writer.failed && writer.open.len() == 1);
        Ok(writer.open.remove(0).1)
    }
}

/// What a benchmark makes once.
pub struct Prepared {
    pub input: Built,
    pub data: Option<Built>,
    pub rules: Vec<Slice>,
}

impl FakeRequest {
    pub fn new(ask: &Ask) -> FakeRequest {
        let references = Value::from_json_str(ask.references).expect("JSON");
        FakeRequest { references, trees: vec![], rejected: vec![], asked: vec![], cancelled: ask.cancelled }
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        unsafe {
            (interface().release.expect("release"))(self.instance, self.policy);
            (crate::PLUGIN.0.fini.expect("fini"))(self.instance);
        }
    }
}

pub fn compiled(text: &str) -> Policy {
    Policy::compile(text).unwrap_or_else(|e| panic!("{e:?}"))
}

/// The value of `allow` of a policy, without input.
pub fn allow(text: &str) -> Option<Value> {
    let results = compiled(text).evaluate(&ASK).unwrap_or_else(|e| panic!("{text} {e:?}"));
    results.as_object().expect("object").get(&"allow".into()).cloned()
}
