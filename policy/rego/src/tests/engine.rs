// SPDX-License-Identifier: Apache-2.0
//! The plugin through its C interface: dialects, results, what is refused and where, limits.

use super::host::*;
use crate::abi::{
    Node, Plugin, Slice, Status, E_INTERNAL, E_LIMIT, NODE_NUMBER, OK, POLICY_IMPURE, POLICY_READS_ALL, REJECT,
    THREADS_PARALLEL,
};
use regorus::Value;

fn json(text: &str) -> Value {
    Value::from_json_str(text).expect("JSON")
}

fn refusal(text: &str) -> Refusal {
    match Policy::compile(text) {
        Ok(_) => panic!("accepted"),
        Err(refusal) => refusal,
    }
}

fn failure(text: &str) -> (Status, String, String) {
    let policy = compiled(text);
    policy.evaluate(&ASK).err().expect("a failure")
}

fn assert_refused(text: &str, line: u32, column: u32, part: &str) {
    let (l, c, why) = refusal(text);
    assert!((l, c) == (line, column) && why.contains(part), "{l}:{c}: {why}");
}

#[test]
fn the_descriptor_says_what_it_is() {
    let plugin = unsafe { &*(crate::trustee_plugin_describe_v1() as *const Plugin) };
    assert_eq!(plugin.magic.to_le_bytes(), *b"TRUSTPLG");
    assert_eq!(unsafe { plugin.name.bytes() }, b"rego");
    assert_eq!(unsafe { interface().suffix.bytes() }, b".rego");
    assert_eq!(plugin.thread_model, THREADS_PARALLEL);
    assert_eq!(unsafe { (plugin.self_test.unwrap())(core::ptr::null_mut()) }, OK);
}

#[test]
fn both_dialects_are_read() {
    assert_eq!(allow("package policy\nimport rego.v1\nallow if 1 == 1\n"), Some(Value::Bool(true)));
    assert_eq!(allow("package policy\ndefault allow = false\nallow if {\n 1 == 1\n}\n"), Some(Value::Bool(true)));
    assert_eq!(allow("package policy\ndefault allow = false\nallow {\n 1 == 1\n}\n"), Some(Value::Bool(true)));
    assert_eq!(allow("package policy\nallow = x { x := 3 }\n"), Some(Value::from(3)));
}

#[test]
fn a_word_of_the_new_dialect_never_makes_an_old_rule_true() {
    // As the old dialect, `allow if { 1 == 2 }` would be `allow`, true, and a rule named `if`.
    assert_refused("package policy\nallow if { 1 == 2 }\nother { true }\n", 3, 7, "`if` keyword is required");
}

#[test]
fn a_syntax_error_is_shown_where_it_is() {
    assert_refused("package policy\nimport rego.v1\n\nallow if {\n\t1 ==\n}\n", 6, 1, "");
    assert_refused("package policy\n\nallow {\n\ttrue\n}\n\nother {\n\t1 == }\n", 7, 7, "expecting }");
    assert_refused("package policy\nx := \"abc\n", 2, 6, "does not end");
    assert_refused("package policy\nx := [1, 2\n", 3, 0, "`]` is missing");
    assert_refused("package policy\nx := (1]\n", 2, 8, "closes nothing");
}

#[test]
fn another_package_is_refused() {
    assert_refused("package other\nallow := true\n", 1, 9, "must be `policy`");
    assert_refused("package policy.sub\nallow := true\n", 1, 9, "must be `policy`");
    assert!(Policy::compile("").is_err());
}

#[test]
fn what_reaches_out_or_differs_from_call_to_call_is_refused() {
    assert_refused("package policy\nallow if {\n\thttp.send({})\n}\n", 3, 2, "`http.send` is not available");
    for call in ["opa.runtime()", "rand.intn(\"a\", 2)", "uuid.rfc4122(\"a\")", "net.lookup_ip_addr(\"a\")"] {
        assert_refused(&format!("package policy\nallow if {call}\n"), 2, 10, "is not available");
    }
    assert_refused("package policy\nf(x) := x\nallow if f(1) with f as http.send\n", 3, 25, "is not available");
    assert_refused("package policy\nallow if no_such(1)\n", 2, 10, "no function `no_such`");
}

#[test]
fn recursion_is_refused() {
    assert_refused("package policy\nallow if { allow }\n", 2, 12, "needs itself");
    assert_refused("package policy\na if b\nb if c\nc if a\nallow if a\n", 4, 6, "needs itself");
    assert_refused("package policy\nf(x) := f(x - 1) if x > 0\nallow := f(3)\n", 2, 9, "needs itself");
    assert_refused("package policy\nf(x) := g(x)\ng(x) := f(x)\nallow := f(3)\n", 3, 9, "needs itself");
    assert_refused("package policy\nf(x) := data.policy.f(x)\nallow := f(3)\n", 2, 9, "needs itself");
    assert_refused("package policy\nf(x) := data[\"policy\"].f(x)\nallow := f(3)\n", 2, 9, "needs itself");
    assert_refused("package policy\nimport data.policy as p\nf(x) := p.f(x)\nallow := f(3)\n", 3, 9, "needs itself");
    assert_refused("package policy\nf(x) := y if y := g(x) with g as f\ng(x) := x\nallow := f(3)\n", 2, 34, "itself");
    assert_refused("package policy\na := [x | x := b]\nb := {a}\nallow := a\n", 3, 7, "needs itself");
}

#[test]
fn a_local_name_like_a_rule_is_no_recursion() {
    assert_eq!(allow("package policy\nf(f1) := f1\nallow := [f1 | f1 := f(2)][0]\n"), Some(Value::from(2)));
}

#[test]
fn a_recursion_that_hides_from_the_check_still_ends() {
    // By a name that only the evaluation knows.
    let text = "package policy\nimport rego.v1\nf(x) := y if { some n in [\"g\"]; y := data.policy[n] }\ng := f(1)\nallow := g\n";
    let (status, reason, _) = failure(text);
    assert!(status == REJECT || (status == E_LIMIT && reason == "rego.stack"), "{status} {reason}");
}

#[test]
fn texts_that_are_too_large_or_too_deep_are_refused() {
    let large = format!("package policy\nallow := true\n#{}\n", "x".repeat(10 * 1024 * 1024));
    assert!(refusal(&large).2.contains("larger than"));
    for (open, close) in [("[", "]"), ("{1: ", "}"), ("(", ")"), ("f(", ")"), ("x[", "]"), ("[1 | ", "]")] {
        let deep = format!("package policy\nallow := {}1{}\n", open.repeat(5000), close.repeat(5000));
        assert!(refusal(&deep).2.contains("nested"), "{open}");
    }
    for (open, close) in [("[", "]"), ("{", "}"), ("{1: ", "}"), ("[(", ")]")] {
        let slow = format!("package policy\nallow := {}1{}\n", open.repeat(30), close.repeat(30));
        assert!(refusal(&slow).2.contains("too long to read"), "{open}");
    }
    for chain in ["1 + ", "1 - ", "{1} | ", "-", "a.", "1 in ", "x == "] {
        let long = format!("package policy\nallow := {}1\n", chain.repeat(5000));
        assert!(refusal(&long).2.contains("deeper than"), "{chain}");
    }
    assert!(refusal(&format!("package policy\nallow := x{}\n", "[1]".repeat(5000))).2.contains("deeper than"));
    assert!(Policy::compile_bytes(b"package policy\n\xff").is_err());
    assert!(Policy::compile_bytes(b"package policy\nx := \"\0\"\n").is_err());
}

#[test]
fn the_deepest_text_that_is_accepted_does_not_overflow_a_small_stack() {
    let work = || {
        let sum = format!("package policy\nallow := {}1\n", "1 + ".repeat(390));
        assert_eq!(allow(&sum), Some(Value::from(391)));
        let nested = format!("package policy\nallow := count({}1{})\n", "[1, ".repeat(20), "]".repeat(20));
        assert_eq!(allow(&nested), Some(Value::from(2)));
        let mut mixed = "1".to_string();
        for _ in 0..20 {
            mixed = format!("(1 + 1 + 1 + 1 + {mixed})");
        }
        assert_eq!(allow(&format!("package policy\nallow := {mixed}\n")), Some(Value::from(81)));
        let mut chain = "package policy\nr0 := 1\n".to_string();
        for i in 1..60 {
            chain += &format!("r{i} := r{}\n", i - 1);
        }
        assert_eq!(allow(&format!("{chain}allow := r59\n")), Some(Value::from(1)));
        assert!(refusal(&format!("{chain}a := r59\nb := a\nc := b\nd := c\ne := d\nallow := e\n")).2.contains("needs more"));
        let loops = (0..300).map(|i| format!("\tsome x{i} in [1]\n")).collect::<String>();
        let policy = Policy::compile(&format!("package policy\nallow if {{\n{loops}}}\n")).ok();
        let result = policy.map(|p| p.evaluate(&ASK));
        assert!(matches!(&result, Some(Ok(_))) || matches!(&result, Some(Err((E_LIMIT, r, _))) if r == "rego.stack"));
    };
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_policy_that_does_not_end_is_stopped() {
    let text = "package policy\nn := numbers.range(1, 3000)\nallow if count({[a, b, c] | some a in n; some b in n; some c in n; a + b + c < 0}) == 1\n";
    let policy = compiled(text);
    let begin = std::time::Instant::now();
    let (status, reason, _) = policy.evaluate(&Ask { deadline_ms: 100, ..ASK }).err().expect("a failure");
    assert_eq!((status, reason.as_str()), (E_LIMIT, "rego.deadline"));
    assert!(begin.elapsed().as_millis() < 1500);
}

#[test]
fn a_policy_that_fills_the_memory_is_stopped() {
    let text = "package policy\nn := numbers.range(1, 3000)\nallow if count({[a, b] | some a in n; some b in n}) == 1\n";
    let policy = compiled(text);
    let (status, reason, _) = policy.evaluate(&Ask { deadline_ms: 60_000, ..ASK }).err().expect("a failure");
    assert_eq!((status, reason.as_str()), (E_LIMIT, "rego.memory"));
    let doubling = (1..60).map(|i| format!("s{i} := concat(\"\", [s{0}, s{0}])\n", i - 1)).collect::<String>();
    let (status, reason, _) = failure(&format!("package policy\ns0 := \"0123456789\"\n{doubling}allow := s59\n"));
    assert_eq!((status, reason.as_str()), (E_LIMIT, "rego.memory"));
}

#[test]
fn a_limit_inside_a_negation_is_not_taken_for_false() {
    let text = "package policy\nn := numbers.range(1, 3000)\nbusy if { some a in n; some b in n; some c in n; a + b + c < 0 }\nallow if not busy\n";
    let policy = compiled(text);
    let (status, reason, _) = policy.evaluate(&Ask { deadline_ms: 50, ..ASK }).err().expect("a failure");
    assert_eq!((status, reason.as_str()), (E_LIMIT, "rego.deadline"));
}

#[test]
fn a_request_that_was_given_up_is_not_evaluated_to_a_result() {
    let policy = compiled("package policy\nallow := true\n");
    let (status, reason, _) = policy.evaluate(&Ask { cancelled: true, ..ASK }).err().expect("a failure");
    assert_eq!((status, reason.as_str()), (E_LIMIT, "rego.deadline"));
}

#[test]
fn regular_expressions_do_not_explode() {
    let text = "package policy\nallow := regex.match(`^(a+)+$`, concat(\"\", [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"b\"]))\n";
    assert_eq!(allow(text), Some(Value::Bool(false)));
    assert_eq!(failure("package policy\nallow := regex.match(`(a{1000}){1000}`, \"a\")\n").1, "rego.evaluate");
}

#[test]
fn errors_in_builtins_and_arithmetic_refuse() {
    for expression in ["1 / 0", "1 % 0", "to_number(\"x\")", "json.unmarshal(\"{\")", "base64.decode(\"*\")"] {
        let (status, reason, why) = failure(&format!("package policy\nallow := {expression}\n"));
        assert_eq!((status, reason.as_str()), (REJECT, "rego.evaluate"), "{expression}");
        assert!(why.starts_with("line 2, column "), "{why}");
    }
    assert_eq!(failure("package policy\nallow if not to_number(\"x\")\n").1, "rego.evaluate");
    assert_eq!(failure("package policy\nallow := 1 if true\nallow := 2 if true\n").1, "rego.evaluate");
}

#[test]
fn builtins_that_panic_or_take_all_memory_in_this_version_are_bounded() {
    let calls = [
        "sprintf(\"%²d\", [1])",
        "sprintf(\"%999999999d\", [1])",
        "numbers.range(1, 1000000000000)",
        "numbers.range_step(1, 1000000000000, 2)",
        "bits.lsh(1, 4000000000)",
        "units.parse(\"1e999999999\")",
        "units.parse_bytes(\"1e999999999\")",
    ];
    for call in calls {
        assert_eq!(failure(&format!("package policy\nallow := {call}\n")).1, "rego.evaluate", "{call}");
    }
    assert_eq!(allow("package policy\nallow := sprintf(\"%v %03d\", [\"a\", 7])\n"), Some("a 007".into()));
    assert_eq!(allow("package policy\nallow := numbers.range(3, 1)\n"), Some(json("[3, 2, 1]")));
    assert_eq!(allow("package policy\nallow := bits.lsh(1, 4)\n"), Some(Value::from(16)));
    assert_eq!(allow("package policy\nallow := units.parse_bytes(\"1KiB\")\n"), Some(Value::from(1024)));
    assert_eq!(allow("package policy\nallow := x if numbers.range(1, 2, x)\n"), Some(json("[1, 2]")));
}

#[test]
fn every_builtin_survives_odd_arguments() {
    let odd = ["null", "\"\"", "\"é%\"", "-1", "9223372036854775807", "1e300", "[]", "[\"\", 1]", "{}", "{\"a\": 1}", "{1}"];
    for (name, (_, arity)) in regorus::unstable::BUILTINS.iter() {
        for first in odd {
            for second in odd {
                let arguments = [first, second, first, second][..usize::from(*arity)].join(", ");
                let text = format!("package policy\nallow := {name}({arguments})\n");
                if name.starts_with("__") {
                    continue;
                }
                let policy = Policy::compile(&text).unwrap_or_else(|e| panic!("{text} {e:?}"));
                if let Err((status, reason, _)) = policy.evaluate(&ASK) {
                    assert!(matches!(status, REJECT | E_INTERNAL), "{text} {status} {reason}");
                    if status == E_INTERNAL {
                        println!("panics: {name}({arguments})");
                    }
                }
            }
        }
    }
}

#[test]
fn the_clock_is_the_callers() {
    let text = "package policy\nallow := time.now_ns()\n";
    assert_eq!(allow(text), Some(Value::from(1_700_000_000_000_000_000i64)));
    assert_eq!(allow("package policy\nallow := x if time.now_ns(x)\n"), Some(Value::from(1_700_000_000_000_000_000i64)));
    assert_eq!(compiled(text).flags, POLICY_IMPURE);
    assert_eq!(compiled("package policy\nallow := 1\n").flags, 0);
}

#[test]
fn results_of_every_type_are_handed_over() {
    let text = "package policy\nallow := {\"n\": null, \"t\": true, \"i\": -5, \"f\": 1.5, \"u\": 18446744073709551615, \
        \"s\": \"é\", \"a\": [1, [2]], \"set\": {3, 1, 2}, \"o\": {\"x\": {}}, 7: 8}\n";
    let expected = "{\"n\": null, \"t\": true, \"i\": -5, \"f\": 1.5, \"u\": 18446744073709551615, \"s\": \"é\", \"a\": [1, [2]], \
        \"set\": [1, 2, 3], \"o\": {\"x\": {}}, \"7\": 8}";
    assert_eq!(allow(text), Some(json(expected)));
    assert_eq!(allow("package policy\nallow contains x if some x in [2, 1]\n"), Some(json("[1, 2]")));
    let twice = failure("package policy\nallow := {\"7\": 1, 7: 2}\n");
    assert_eq!(twice.1, "rego.output");
    let deeper = |from: &str, to: &str| format!("{to} := [0, [0, [0, [0, [0, [0, [0, [0, [0, [0, {from}]]]]]]]]]]\n");
    let deep = failure(&format!("package policy\na := 1\n{}{}{}{}", deeper("a", "b"), deeper("b", "c"), deeper("c", "d"), deeper("d", "allow")));
    assert_eq!(deep.1, "rego.output");
}

#[test]
fn undefined_and_unknown_rules_are_left_out() {
    let policy = compiled("package policy\nallow if false\nf(x) := x\nother := 1\n");
    let results = policy.evaluate(&Ask { rules: &["allow", "f", "nothing", "other"], ..ASK });
    assert_eq!(results.unwrap(), json("{\"other\": 1}"));
}

#[test]
fn every_input_type_is_read() {
    let input = "{\"n\": null, \"t\": true, \"i\": -5, \"f\": 1.5, \"u\": 18446744073709551615, \"s\": \"é\", \"a\": [1, [2]], \"o\": {\"x\": {}}}";
    let policy = compiled("package policy\nallow := object.union(input, {})\n");
    assert_eq!(policy.flags, POLICY_READS_ALL);
    let results = policy.evaluate(&Ask { input, ..ASK }).unwrap();
    assert_eq!(results, json(&format!("{{\"allow\": {input}}}")));
}

#[test]
fn malformed_trees_are_refused() {
    let policy = compiled("package policy\nallow := object.keys(input)\n");
    let spoil: [fn(&mut Node); 5] = [
        |n| n.next = 0,
        |n| n.next = 99,
        |n| n.kind = 77,
        |n| (n.kind, n.text) = (NODE_NUMBER, Slice::of("1e999999999")),
        |n| n.key = Slice { ptr: b"\xff".as_ptr(), len: 1 },
    ];
    for spoil in spoil {
        let mut input = Built::of_json("{\"a\": 1}");
        spoil(&mut input.nodes()[1]);
        let (status, reason, _) = policy.evaluate_tree(&ASK, input).err().expect("a failure");
        assert_eq!((status, reason.as_str()), (REJECT, "rego.input"));
    }
}

#[test]
fn data_is_merged_and_cannot_replace_the_policy() {
    let policy = compiled("package policy\nallow if data.plugin == \"resource\"\n");
    let ask = Ask { data: "{\"plugin\": \"resource\"}", ..ASK };
    assert_eq!(policy.evaluate(&ask).unwrap(), json("{\"allow\": true}"));
    let other = Ask { data: "{\"plugin\": \"other\"}", ..ASK };
    assert_eq!(policy.evaluate(&other).unwrap(), json("{}"));
    assert_eq!(policy.evaluate(&ASK).unwrap(), json("{}"));
    let replaced = Ask { data: "{\"policy\": {\"allow\": true}}", ..ASK };
    assert_eq!(policy.evaluate(&replaced).err().expect("a failure").1, "rego.input");
}

#[test]
fn reference_values_come_from_the_host_and_are_null_where_there_is_none() {
    let text = "package policy\nallow := [query_reference_value(\"a\"), query_reference_value(\"b\"), query_reference_value(\"a\")]\n";
    let policy = compiled(text);
    let ask = Ask { references: "{\"a\": [\"x\", 1, {\"y\": null}]}", ..ASK };
    let prepared = Prepared { input: Built::of_json("{}"), data: None, rules: vec![Slice::of("allow")] };
    let mut request = FakeRequest::new(&ask);
    let results = policy.run(&ask, &prepared, &mut request).unwrap();
    assert_eq!(results, json("{\"allow\": [[\"x\", 1, {\"y\": null}], null, [\"x\", 1, {\"y\": null}]]}"));
    assert_eq!(request.asked, ["a", "b"]);
    assert_eq!(failure("package policy\nallow := query_reference_value(1)\n").1, "rego.evaluate");
}

#[test]
fn the_members_that_are_read_are_told() {
    let reads = |text: &str| {
        let policy = compiled(&format!("package policy\nimport rego.v1\n{text}\n"));
        if policy.flags & POLICY_READS_ALL != 0 { "*".to_string() } else { policy.reads.clone() }
    };
    assert_eq!(reads("allow if input.tpm.pcr11 == input[\"snp\"].x"), "snp,tpm");
    assert_eq!(reads("allow if input.a[input.b]"), "a,b");
    assert_eq!(reads("f(x) := x.y\nallow if f(input.a)"), "a");
    assert_eq!(reads("allow if true"), "");
    for all in ["allow if input[\"a,b\"]", "x := input\nallow if x.a", "allow if { some k; input[k] }", "f(x) := x.y\nallow if f(input)",
        "allow if some v in input", "allow if true with input as {}", "allow if true with input.a as 1", "allow if count(input) > 0",
        "allow := [input]", "allow if {\"a\": input}.a.b", "allow if every k, v in input { v }", "allow := object.get(input, \"a\", 1)"] {
        assert_eq!(reads(all), "*", "{all}");
    }
    assert_eq!(reads("import input as x\nallow if x.a"), "*");
    assert_eq!(reads("import input.c as x\nallow if x.a"), "c");
}

#[test]
fn several_threads_evaluate_one_policy() {
    let policy = compiled("package policy\nallow := input.x + 1\n");
    struct Everywhere(Policy);
    // SAFETY: the plugin is PARALLEL; that is what is tested.
    unsafe impl Sync for Everywhere {}
    let policy = Everywhere(policy);
    let policy = &policy;
    std::thread::scope(|scope| {
        for thread in 0..4i64 {
            scope.spawn(move || {
                for i in 0..500 {
                    let input = format!("{{\"x\": {}}}", thread * 1000 + i);
                    let results = policy.0.evaluate(&Ask { input: &input, ..ASK }).unwrap();
                    assert_eq!(results, json(&format!("{{\"allow\": {}}}", thread * 1000 + i + 1)));
                }
            });
        }
    });
}
