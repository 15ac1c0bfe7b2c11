// SPDX-License-Identifier: Apache-2.0
//! include/trustee/{abi,host,plugin,policy}.h, written by hand. The assertions at the end, and their twins in
//! tests/unit/rego_test.c, keep both sides the same. Fields that this plugin never calls are `Unused`.

use core::ffi::c_void;
use core::mem::{offset_of, size_of};

pub type Status = i32;
pub const OK: Status = 0;
pub const REJECT: Status = 1;
pub const E_INVAL: Status = -1;
pub const E_LIMIT: Status = -3;
pub const E_INTERNAL: Status = -7;

pub const MAGIC: u64 = 0x474c_5054_5355_5254;
pub const THREADS_PARALLEL: u32 = 1;
pub const POLICY_MAJOR: u32 = 1;
pub const POLICY_IMPURE: u64 = 1;
pub const POLICY_READS_ALL: u64 = 2;

pub const NODE_NULL: u32 = 0;
pub const NODE_BOOL: u32 = 1;
pub const NODE_INT: u32 = 2;
pub const NODE_NUMBER: u32 = 3;
pub const NODE_STRING: u32 = 4;
pub const NODE_ARRAY: u32 = 5;
pub const NODE_OBJECT: u32 = 6;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice {
    pub ptr: *const u8,
    pub len: u64,
}

impl Slice {
    pub const EMPTY: Slice = Slice { ptr: core::ptr::null(), len: 0 };

    pub const fn of(text: &str) -> Slice {
        Slice { ptr: text.as_ptr(), len: text.len() as u64 }
    }

    /// The bytes of a slice that the host passed.
    ///
    /// # Safety
    /// `ptr` must be valid for `len` bytes for as long as `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() || self.len == 0 {
            return &[];
        }
        core::slice::from_raw_parts(self.ptr, self.len as usize)
    }
}

#[repr(C)]
pub struct Node {
    pub kind: u32,
    pub next: u32,
    pub key: Slice,
    pub text: Slice,
    pub integer: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Tree {
    pub nodes: *const Node,
    pub count: u64,
}

pub type Request = c_void;
pub type Writer = c_void;
pub type Unused = Option<unsafe extern "C" fn()>;
pub type PutKey = unsafe extern "C" fn(*mut Writer, Slice) -> Status;
pub type PutText = unsafe extern "C" fn(*mut Writer, Slice, Slice) -> Status;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Host {
    pub size: u32,
    pub abi_minor: u32,
    pub ctx: *mut c_void,
    pub log: Option<unsafe extern "C" fn(*mut c_void, u32, Slice)>,
    pub conf_text: Unused,
    pub conf_u64: Unused,
    pub conf_bool: Unused,
    pub conf_nth: Unused,
    pub conf_file: Unused,
    pub arena_alloc: Unused,
    pub arena_secret: Unused,
    pub check: Unused,
    pub reject: Option<unsafe extern "C" fn(*mut Request, Slice, Slice)>,
    pub value_get: Unused,
    pub value_type: Unused,
    pub value_text: Unused,
    pub value_i64: Unused,
    pub value_u64: Unused,
    pub value_bool: Unused,
    pub value_base64: Unused,
    pub value_hex: Unused,
    pub value_bytes: Unused,
    pub value_count: Unused,
    pub value_next: Unused,
    pub put_object: Option<PutKey>,
    pub put_array: Option<PutKey>,
    pub put_end: Option<unsafe extern "C" fn(*mut Writer) -> Status>,
    pub put_text: Option<PutText>,
    pub put_hex: Unused,
    pub put_base64: Unused,
    pub put_i64: Option<unsafe extern "C" fn(*mut Writer, Slice, i64) -> Status>,
    pub put_bool: Option<unsafe extern "C" fn(*mut Writer, Slice, u32) -> Status>,
    pub put_null: Option<PutKey>,
    pub put_number: Option<PutText>,
    pub sink_reserve: Unused,
    pub sink_commit: Unused,
    pub sink_name: Unused,
    pub cache_get: Unused,
    pub cache_put: Unused,
    pub cancelled: Option<unsafe extern "C" fn(*mut Request) -> u32>,
    pub random: Unused,
    pub query: Unused,
}

#[repr(C)]
pub struct Reason {
    pub id: Slice,
    pub text: Slice,
    pub remedy: Slice,
}

#[repr(C)]
pub struct Interface {
    pub kind: Slice,
    pub major: u32,
    pub reserved: u32,
    pub vtable: *const c_void,
}

#[repr(C)]
pub struct Plugin {
    pub size: u32,
    pub abi_minor: u32,
    pub magic: u64,
    pub flags_required: u64,
    pub flags_optional: u64,
    pub thread_model: u32,
    pub reserved: u32,
    pub name: Slice,
    pub version: Slice,
    pub vendor: Slice,
    pub license: Slice,
    pub description: Slice,
    pub url: Slice,
    pub options: *const c_void,
    pub option_size: u32,
    pub option_count: u32,
    pub reasons: *const Reason,
    pub reason_size: u32,
    pub reason_count: u32,
    pub interfaces: *const Interface,
    pub interface_size: u32,
    pub interface_count: u32,
    pub init: Option<unsafe extern "C" fn(*const Host, *const c_void, *mut *mut c_void) -> Status>,
    pub fini: Option<unsafe extern "C" fn(*mut c_void)>,
    pub reload: Unused,
    pub self_test: Option<unsafe extern "C" fn(*mut c_void) -> Status>,
}

#[repr(C)]
pub struct PolicyError {
    pub size: u32,
    pub line: u32,
    pub column: u32,
    pub length: u32,
    pub room: *mut u8,
    pub capacity: u64,
}

#[repr(C)]
pub struct PolicyInfo {
    pub size: u32,
    pub reserved: u32,
    pub flags: u64,
    pub reads: Slice,
}

pub type Reference = unsafe extern "C" fn(*mut Request, Slice) -> Tree;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct PolicyIn {
    pub size: u32,
    pub rule_count: u32,
    pub rules: *const Slice,
    pub input: Tree,
    pub data: Tree,
    pub now: i64,
    pub deadline_ms: u64,
    pub reference: Option<Reference>,
}

#[repr(C)]
pub struct Policy {
    pub size: u32,
    pub reserved: u32,
    pub flags: u64,
    pub language: Slice,
    pub suffix: Slice,
    pub compile: Option<
        unsafe extern "C" fn(*mut c_void, Slice, Slice, *mut *mut c_void, *mut PolicyInfo, *mut PolicyError) -> Status,
    >,
    pub release: Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
    pub evaluate: Option<
        unsafe extern "C" fn(*mut c_void, *mut Request, *mut c_void, *const PolicyIn, *mut Writer) -> Status,
    >,
}

/// Copies a struct that begins with its own size: what the other side does not know stays zero. None where it is
/// shorter than `least` bytes.
///
/// # Safety
/// `from` is NULL or points to at least as many bytes as its first field says; `T` is plain data for which zero is
/// valid.
pub unsafe fn copy_sized<T>(from: *const T, least: usize) -> Option<T> {
    let given = if from.is_null() { 0 } else { (from as *const u32).read() as usize };
    if given < least {
        return None;
    }
    let mut copy = core::mem::MaybeUninit::<T>::zeroed();
    core::ptr::copy_nonoverlapping(from as *const u8, copy.as_mut_ptr() as *mut u8, given.min(size_of::<T>()));
    Some(copy.assume_init())
}

const _: () = {
    assert!(size_of::<Slice>() == 16 && size_of::<Node>() == 48 && size_of::<Tree>() == 16);
    assert!(offset_of!(Node, text) == 24 && offset_of!(Node, integer) == 40);
    assert!(size_of::<Host>() == 328);
    assert!(offset_of!(Host, reject) == 88 && offset_of!(Host, put_object) == 184 && offset_of!(Host, put_number) == 256);
    assert!(offset_of!(Host, cancelled) == 304);
    assert!(size_of::<Plugin>() == 216 && offset_of!(Plugin, options) == 136 && offset_of!(Plugin, init) == 184);
    assert!(size_of::<Reason>() == 48 && size_of::<Interface>() == 32);
    assert!(size_of::<PolicyError>() == 32 && size_of::<PolicyInfo>() == 32 && size_of::<Policy>() == 72);
    assert!(size_of::<PolicyIn>() == 72 && offset_of!(PolicyIn, now) == 48 && offset_of!(PolicyIn, reference) == 64);
};
