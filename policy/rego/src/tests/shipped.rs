// SPDX-License-Identifier: Apache-2.0
//! The policies that ship: each rule, affirming with the right reference value and not without it.

use super::host::*;
use regorus::Value;

const CPU: &str = include_str!("../../../default_cpu.rego");
const GPU: &str = include_str!("../../../default_gpu.rego");
const SWITCH: &str = include_str!("../../../default_switch.rego");
const PPCIE: &str = include_str!("../../../default_ppcie.rego");
const DCU: &str = include_str!("../../../default_dcu.rego");
const DPU: &str = include_str!("../../../default_nvidia-dpu.rego");
const RESOURCE: &str = include_str!("../../../resource.rego");
const ALLOW_ALL: &str = include_str!("../../../compat/allow-all.rego");
const DENY_ALL: &str = include_str!("../../../compat/deny-all.rego");
const AFFIRMING: &str = include_str!("../../../compat/affirming.rego");
const NOT_SAMPLE: &str = include_str!("../../../compat/not-sample.rego");
const ASKED: &str = r#"{"plugin": "resource", "resource-path": ["a", "b", "c"], "query": {}}"#;

/// executables, hardware, configuration
fn appraise(policy: &str, input: &str, references: &str) -> [i64; 3] {
    let ask = Ask { rules: &["trust_claims"], input, references, ..ASK };
    let results = compiled(policy).evaluate(&ask).unwrap_or_else(|e| panic!("{input}: {e:?}"));
    let claims = &results["trust_claims"];
    assert_eq!(claims.as_object().expect("trust_claims").len(), 8);
    for name in ["file-system", "instance-identity", "runtime-opaque", "storage-opaque", "sourced-data"] {
        assert_eq!(claims[name], Value::from(0));
    }
    ["executables", "hardware", "configuration"].map(|name| claims[name].as_i64().expect("number"))
}

const WORST: [i64; 3] = [33, 97, 36];

/// With all reference values the claims are `best`; without any of them, or with others, nothing is affirmed that was
/// not affirmed without reference values; with one missing, something is lost.
fn check(policy: &str, input: &str, references: &str, best: [i64; 3], without: [i64; 3]) {
    assert_eq!(appraise(policy, input, references), best, "{input}");
    assert_eq!(appraise(policy, input, "{}"), without, "{input}");
    let all = Value::from_json_str(references).expect("JSON");
    for name in all.as_object().expect("object").keys_sorted() {
        let mut fewer = all.clone();
        fewer.as_object_mut().expect("object").remove(name);
        let claims = appraise(policy, input, &fewer.to_json_str().expect("JSON"));
        assert_ne!(claims, best, "{input} without {name:?}");
        let mut other = all.clone();
        other.as_object_mut().expect("object").insert(name.clone(), Value::from_json_str("[\"other\"]").expect("JSON"));
        assert_ne!(appraise(policy, input, &other.to_json_str().expect("JSON")), best, "{input} with other {name:?}");
    }
}

#[test]
fn a_cpu_without_claims_or_of_an_unknown_kind_gets_the_worst() {
    assert_eq!(appraise(CPU, "{}", "{}"), WORST);
    assert_eq!(appraise(CPU, r#"{"another": {"x": 1}}"#, "{}"), WORST);
}

#[test]
fn sample_evidence_follows_its_reference_values() {
    let input = r#"{"sample": {"svn": "1", "launch_digest": "abcde", "platform_version": {"major": 1, "minor": 4}, "debug": false}}"#;
    let references = r#"{"launch_digest": ["abcde"], "svn": ["1"], "major_version": 1, "minimum_minor_version": 4}"#;
    assert_eq!(appraise(CPU, input, references), [3, 2, 2]);
    // As upstream's recorded token of the default policy has it.
    assert_eq!(appraise(CPU, input, "{}"), [33, 97, 2]);
    assert_eq!(appraise(CPU, input, &references.replace(": 4}", ": 5}")), [3, 97, 2]);
    assert_eq!(appraise(CPU, &input.replace("false", "true"), references), [3, 2, 36]);
    let nulls = input.replace("\"major\": 1", "\"major\": null");
    assert_eq!(appraise(CPU, &nulls, r#"{"svn": ["1"], "minimum_minor_version": 4}"#)[1], 97);
}

#[test]
fn snp_follows_its_reference_values() {
    let input = r#"{"snp": {"measurement": "m", "reported_tcb_bootloader": 1, "reported_tcb_microcode": 2, "reported_tcb_snp": 3,
        "reported_tcb_tee": 4, "policy_debug_allowed": false, "policy_migrate_ma": false, "platform_smt_enabled": true,
        "platform_tsme_enabled": false, "policy_abi_major": 0, "policy_abi_minor": 31, "policy_single_socket": false,
        "policy_smt_allowed": true}}"#;
    let references = r#"{"snp_launch_measurement": ["m"], "snp_bootloader": [1], "snp_microcode": [2], "snp_snp_svn": [3],
        "snp_tee_svn": [4], "snp_smt_enabled": true, "snp_tsme_enabled": false, "snp_guest_abi_major": 0,
        "snp_guest_abi_minor": 31, "snp_single_socket": false, "snp_smt_allowed": true}"#;
    check(CPU, input, references, [3, 2, 2], [33, 97, 3]);
    let debug = input.replace("\"policy_debug_allowed\": false", "\"policy_debug_allowed\": true");
    assert_eq!(appraise(CPU, &debug, references), [3, 2, 36]);
    let nulls = input.replace("\"policy_smt_allowed\": true", "\"policy_smt_allowed\": null");
    assert_eq!(appraise(CPU, &nulls, &references.replace("\"snp_smt_allowed\": true", "\"x\": 1"))[2], 3);
}

const TDX_BODY: &str = r#""quote": {"header": {"tee_type": "81000000", "vendor_id": "939a7233f79c4ca9940a0db3957f0607"},
    "body": {"mr_td": "t", "rtmr_1": "r1", "rtmr_2": "r2", "xfam": "x"}}, "td_attributes": {"debug": false},
    "tcb_status": "UpToDate", "collateral_expiration_status": "0""#;

#[test]
fn tdx_follows_its_reference_values() {
    let plain = format!("{{\"tdx\": {{{TDX_BODY}}}}}");
    let references = r#"{"rtmr_1": ["r1"], "rtmr_2": ["r2"], "mr_td": ["t"], "xfam": ["x"]}"#;
    check(CPU, &plain, references, [4, 2, 2], WORST);
    let events = r#", "uefi_event_logs": [
        {"type_name": "EV_EFI_BOOT_SERVICES_APPLICATION", "details": {"device_paths": ["File(kernel)"]}, "digests": [{"alg": "SHA-384", "digest": "k"}]},
        {"type_name": "EV_EVENT_TAG", "details": {"string": "LOADED_IMAGE::LoadOptions"}, "digests": [{"alg": "SHA-384", "digest": "p"}]}]"#;
    let logged = format!("{{\"tdx\": {{{TDX_BODY}{events}}}}}");
    let more = references.replace("{\"rtmr_1", "{\"tdvfkernel\": \"k\", \"tdvfkernelparams\": \"p\", \"rtmr_1");
    check(CPU, &logged, &more, [3, 2, 2], WORST);
    let other_kernel = logged.replace("\"digest\": \"k\"", "\"digest\": \"z\"");
    assert_eq!(appraise(CPU, &other_kernel, &more), [4, 2, 2]);
    let counted = plain.replace("\"debug\": false", "\"debug\": false, \"perfmon\": false");
    assert_eq!(appraise(CPU, &counted, references), [4, 2, 2]);
    for (from, to, claim) in [
        ("UpToDate", "OutOfDate", 1),
        ("81000000", "00000000", 1),
        ("939a", "039a", 1),
        ("\"collateral_expiration_status\": \"0\"", "\"collateral_expiration_status\": \"1\"", 1),
        ("\"debug\": false", "\"debug\": true", 2),
        ("\"debug\": false", "\"debug\": false, \"perfmon\": true", 2),
        ("\"debug\": false", "\"debug\": false, \"perfmon\": null", 2),
    ] {
        assert_eq!(appraise(CPU, &plain.replace(from, to), references)[claim], WORST[claim], "{to}");
    }
}

#[test]
fn azure_guests_follow_their_reference_values() {
    let snp = r#"{"az-snp-vtpm": {"measurement": "m", "tpm": {"pcr11": "p"}, "reported_tcb_bootloader": "1", "reported_tcb_microcode": "2",
        "reported_tcb_snp": "3", "reported_tcb_tee": "4", "platform_smt_enabled": "true", "platform_tsme_enabled": "false",
        "policy_abi_major": "0", "policy_abi_minor": "31", "policy_single_socket": "false", "policy_smt_allowed": "true"}}"#;
    let references = r#"{"measurement": ["m"], "snp_pcr11": ["p"], "tcb_bootloader": ["1"], "tcb_microcode": ["2"], "tcb_snp": ["3"],
        "tcb_tee": ["4"], "smt_enabled": ["true"], "tsme_enabled": ["false"], "abi_major": ["0"], "abi_minor": ["31"],
        "single_socket": ["false"], "smt_allowed": ["true"]}"#;
    check(CPU, snp, references, [3, 2, 2], WORST);
    let tdx = format!("{{\"az-tdx-vtpm\": {{{TDX_BODY}, \"tpm\": {{\"pcr11\": \"p\"}}}}}}");
    check(CPU, &tdx, r#"{"tdx_pcr11": ["p"], "mr_td": ["t"], "xfam": ["x"]}"#, [3, 2, 2], WORST);
}

#[test]
fn a_tpm_is_worth_what_its_key_is_worth() {
    let input = r#"{"tpm": {"ak_public": "AAAA", "pcr07": "07", "pcr11": "11"}}"#;
    let references = r#"{"trusted_aks": ["AAAA"], "tpm_pcr11": ["11"], "tpm_pcr07": ["07"]}"#;
    check(CPU, input, references, [3, 2, 2], WORST);
    assert_eq!(appraise(CPU, input, r#"{"tpm_pcr11": ["11"], "tpm_pcr07": ["07"]}"#), WORST);
    let certified = input.replace("{\"ak_public", "{\"ak_certified\": true, \"ak_public");
    assert_eq!(appraise(CPU, &certified, r#"{"tpm_pcr11": ["11"]}"#), [3, 2, 36]);
    for not in ["false", "\"true\"", "1", "null"] {
        assert_eq!(appraise(CPU, &certified.replace("true", not), r#"{"tpm_pcr11": ["11"]}"#), WORST, "{not}");
    }
}

#[test]
fn the_other_cpus_follow_their_reference_values() {
    let sgx = r#"{"sgx": {"header": {"vendor_id": "939a7233f79c4ca9940a0db3957f0607"}, "tcb_status": "UpToDate", "collateral_expiration_status": "0",
        "body": {"mr_enclave": "e", "mr_signer": "s", "isv_svn": "1", "attributes.flags": "f", "attributes.xfrm": "x"}}}"#;
    let references = r#"{"sgx_mr_enclave": ["e"], "sgx_mr_signer": ["s"], "sgx_isv_svn": ["1"], "sgx_attributes_flags": ["f"], "sgx_attributes_xfrm": ["x"]}"#;
    check(CPU, sgx, references, [3, 2, 2], WORST);
    assert_eq!(appraise(CPU, &sgx.replace("UpToDate", "OutOfDate"), references), [3, 97, 2]);
    let cca = r#"{"cca": {"realm": {"cca-realm-initial-measurement": "i", "cca-realm-extensible-measurements": ["a", "b"]}, "platform": {"cca-platform-implementation-id": "p"}}}"#;
    let references = r#"{"cca_realm_initial_measurement": ["i"], "cca_platform_implementation_id": ["p"], "cca_realm_extensible_measurements": [["a", "b"]]}"#;
    check(CPU, cca, references, [3, 2, 2], WORST);
    let csv = r#"{"csv": {"measure": "m", "serial_number": "s", "version": "2", "policy": {"nodbg": 1}}}"#;
    let references = r#"{"csv_measure": ["m"], "csv_serial_number": ["s"], "csv_version": ["2"]}"#;
    check(CPU, csv, references, [3, 2, 2], WORST);
    assert_eq!(appraise(CPU, &csv.replace("\"nodbg\": 1", "\"nodbg\": 0"), references), [3, 2, 36]);
    let se = r#"{"se": {"tag": "t", "image_phkh": "i", "attestation_phkh": "a"}}"#;
    check(CPU, se, r#"{"se_tag": ["t"], "se_image_phkh": ["i"], "se_attestation_phkh": ["a"]}"#, [3, 2, 2], WORST);
}

#[test]
fn identifiers_come_from_the_agent_policy() {
    let identifiers = |input: &str| {
        let ask = Ask { rules: &["trust_claims", "extensions"], input, ..ASK };
        let results = compiled(CPU).evaluate(&ask).unwrap();
        let extension = &results["extensions"][0];
        assert_eq!((&extension["name"], &extension["key"]), (&"ear.trustee.identifiers".into(), &Value::from(-18)));
        extension["value"]["validated"].to_json_str().expect("JSON").split_whitespace().collect::<String>()
    };
    assert_eq!(identifiers("{}"), "{}");
    assert_eq!(identifiers(r#"{"tpm": {}, "init_data_claims": null}"#), "{}");
    let input = r#"{"init_data_claims": {"agent_policy_claims": {"containers": [
        {"OCI": {"Annotations": {"io.kubernetes.cri.image-name": "one"}, "Process": {"User": {"UID": 65535}}}},
        {"OCI": {"Annotations": {}, "Process": {"User": {"UID": 0}}}}]}}}"#;
    assert_eq!(identifiers(input), r#"{"container_images":["one"],"container_uids":[65535,0]}"#);
}

#[test]
fn gpus_follow_their_reference_values() {
    let rim = |part: &str| {
        ["fetched", "measurements-available", "schema-validated", "signature-verified", "version-match"]
            .map(|check| format!("\"x-nvidia-gpu-{part}-rim-{check}\": true"))
            .join(", ")
    };
    let chain = r#"{"x-nvidia-cert-status": "valid", "x-nvidia-cert-ocsp-status": "good"}"#;
    let remote = format!(
        r#"{{"nvidia": {{"x-nvidia-gpu-attestation-report-cert-chain": {chain}, "x-nvidia-gpu-vbios-rim-cert-chain": {chain},
        "x-nvidia-gpu-attestation-report-cert-chain-fwid-match": true, "x-nvidia-gpu-attestation-report-parsed": true,
        "x-nvidia-gpu-attestation-report-signature-verified": true, "x-nvidia-gpu-arch-check": true, "secboot": true,
        "dbgstat": "disabled", "measres": "success", "x-nvidia-gpu-vbios-version": "v", "x-nvidia-gpu-driver-version": "d",
        {}, {}}}}}"#,
        rim("driver"),
        rim("vbios")
    );
    let references = r#"{"allowed_vbios_versions": ["v"], "allowed_driver_versions": ["d"]}"#;
    check(GPU, &remote, references, [3, 2, 2], [33, 97, 3]);
    for (from, to, claim) in [
        ("\"measres\": \"success\"", "\"measres\": \"fail\"", 0),
        ("driver-rim-fetched\": true", "driver-rim-fetched\": false", 0),
        ("vbios-rim-version-match\": true", "vbios-rim-version-match\": null", 0),
        ("arch-check\": true", "arch-check\": false", 1),
        ("report-cert-chain\": {\"x-nvidia-cert-status\": \"valid\"", "report-cert-chain\": {\"x-nvidia-cert-status\": \"expired\"", 1),
        ("\"secboot\": true", "\"secboot\": false", 2),
        ("\"dbgstat\": \"disabled\"", "\"dbgstat\": \"enabled\"", 2),
    ] {
        assert!(remote.contains(from), "{from}");
        assert_eq!(appraise(GPU, &remote.replace(from, to), references)[claim], WORST[claim], "{to}");
    }
    let local = r#"{"nvidia": {"measurements": {"1": "aa", "2": "bb"}, "config": {"vbios_version": "v", "driver_version": "d", "fwid": "f"}}}"#;
    let more = r#"{"allowed_vbios_versions": ["v"], "allowed_driver_versions": ["d"], "gpu_measurements": {"1": "aa", "2": "bb"}, "gpu_fwid": ["f"]}"#;
    check(GPU, local, more, [3, 2, 2], WORST);
    assert_eq!(appraise(GPU, &local.replace("bb", "bc"), more), [33, 2, 2]);
    assert_eq!(appraise(GPU, local, &more.replace("{\"1\": \"aa\", \"2\": \"bb\"}", "{}")), [33, 2, 2]);
    check(GPU, r#"{"sampledevice": {"svn": "1"}}"#, r#"{"device_svn": ["1"]}"#, [33, 2, 36], WORST);
}

#[test]
fn the_other_devices_follow_their_reference_values() {
    let chain = r#"{"x-nvidia-cert-status": "valid", "x-nvidia-cert-ocsp-status": "good"}"#;
    let rim = ["fetched", "measurements-available", "schema-validated", "signature-verified", "version-match"]
        .map(|check| format!("\"x-nvidia-switch-bios-rim-{check}\": true"))
        .join(", ");
    let switch = format!(
        r#"{{"nvidia": {{"x-nvidia-switch-attestation-report-cert-chain": {chain}, "x-nvidia-switch-bios-rim-cert-chain": {chain},
        "x-nvidia-switch-attestation-report-cert-chain-fwid-match": true, "x-nvidia-switch-attestation-report-parsed": true,
        "x-nvidia-switch-attestation-report-signature-verified": true, "x-nvidia-switch-arch-check": true, "secboot": true,
        "dbgstat": "disabled", "measres": "success", "x-nvidia-switch-bios-version": "b", {rim}}}}}"#
    );
    check(SWITCH, &switch, r#"{"allowed_switch_bios_versions": ["b"]}"#, [3, 2, 2], [33, 97, 3]);
    assert_eq!(appraise(PPCIE, "{}", r#"{"ppcie_allowed": true}"#), [0, 0, 2]);
    assert_eq!(appraise(PPCIE, "{}", "{}"), [0, 0, 36]);
    assert_eq!(appraise(PPCIE, "{}", r#"{"ppcie_allowed": "true"}"#), [0, 0, 36]);
    let dcu = r#"{"hygondcu": {"body": {"measure": "m", "chip_id": "c", "version": 1}}}"#;
    check(DCU, dcu, r#"{"dcu_measure": ["m"], "dcu_chip_id": ["c"], "dcu_version": [1]}"#, [3, 2, 2], WORST);
    let dpu = r#"{"nvidia-dpu": {"accumulated_fwid": "f", "device_serial": "s", "device_class": "bf3", "firmware_layers_count": 4}}"#;
    let references = r#"{"dpu_accumulated_fwid": ["f"], "dpu_device_serial": ["s"], "dpu_device_class": ["bf3"], "dpu_firmware_layers_count": [4]}"#;
    check(DPU, dpu, references, [3, 2, 2], WORST);
}

fn allows(policy: &str, input: &str, data: &str) -> bool {
    let results = compiled(policy).evaluate(&Ask { input, data, ..ASK }).unwrap_or_else(|e| panic!("{input}: {e:?}"));
    results["allow"] == Value::Bool(true)
}

const GOOD: &str = r#"{"submods": {"cpu0": {"ear.status": "affirming",
    "ear.trustworthiness-vector": {"executables": 3, "hardware": 2, "configuration": 2},
    "ear.veraison.annotated-evidence": {"tpm": {"pcr11": "x"}, "init_data": "00"}},
    "gpu0": {"ear.status": "affirming", "ear.veraison.annotated-evidence": {"nvidia": {}}}}}"#;

#[test]
fn the_resource_policy_releases_to_an_affirmed_workload() {
    assert!(allows(RESOURCE, GOOD, ASKED));
    assert_eq!(compiled(RESOURCE).reads, "submods");
    assert_eq!(compiled(RESOURCE).flags, 0);
    let edge = GOOD.replace("\"executables\": 3", "\"executables\": 31");
    assert!(allows(RESOURCE, &edge, ASKED));
}

#[test]
fn the_resource_policy_denies_everything_else() {
    assert!(!allows(RESOURCE, GOOD, &ASKED.replace("\"resource\"", "\"other\"")));
    assert!(!allows(RESOURCE, GOOD, "{}"));
    assert!(!allows(RESOURCE, "{}", ASKED) && !allows(RESOURCE, r#"{"submods": {}}"#, ASKED));
    for (from, to) in [
        ("cpu0", "cpu1"),
        ("\"executables\": 3, ", ""),
        ("\"hardware\": 2", "\"hardware\": 97"),
        ("\"configuration\": 2", "\"configuration\": 0"),
        ("\"configuration\": 2", "\"configuration\": 32"),
        ("\"configuration\": 2", "\"configuration\": -2"),
        ("\"configuration\": 2", "\"configuration\": \"2\""),
        ("\"configuration\": 2", "\"configuration\": null"),
        ("\"configuration\": 2", "\"configuration\": true"),
        ("\"configuration\": 2", "\"configuration\": [2]"),
        ("\"gpu0\": {\"ear.status\": \"affirming\"", "\"gpu0\": {\"ear.status\": \"warning\""),
        ("\"gpu0\": {\"ear.status\": \"affirming\"", "\"gpu0\": {\"ear.status\": null"),
        ("\"gpu0\": {\"ear.status\": \"affirming\"", "\"gpu0\": {\"x\": 1"),
        ("\"gpu0\": {", "\"gpu0\": [], \"gpu1\": {"),
        ("\"tpm\": {", "\"sample\": {"),
        ("\"nvidia\": {", "\"sampledevice\": {"),
        ("\"tpm\": {", "\"sample\": null, \"x\": {"),
        ("\"init_data\": \"00\"", "\"trustee\": {\"insecure\": true}"),
        ("\"init_data\": \"00\"", "\"trustee\": {\"insecure\": null}"),
        ("{\"tpm\": {\"pcr11\": \"x\"}, \"init_data\": \"00\"}", "{}"),
        ("{\"tpm\": {\"pcr11\": \"x\"}, \"init_data\": \"00\"}", "null"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        assert!(!allows(RESOURCE, &GOOD.replace(from, to), ASKED), "{to}");
    }
    let unmarked = GOOD.replace("\"init_data\": \"00\"", "\"trustee\": {\"insecure\": false}");
    assert!(allows(RESOURCE, &unmarked, ASKED));
}

#[test]
fn the_laxer_policies_do_what_their_names_say() {
    let other = ASKED.replace("\"resource\"", "\"other\"");
    let sample = GOOD.replace("\"tpm\": {", "\"sample\": {");
    assert!(allows(ALLOW_ALL, "{}", ASKED) && !allows(ALLOW_ALL, GOOD, &other));
    assert!(!allows(DENY_ALL, GOOD, ASKED));
    assert!(allows(AFFIRMING, GOOD, ASKED) && allows(AFFIRMING, GOOD, &other));
    assert!(!allows(AFFIRMING, r#"{"submods": {}}"#, ASKED) && !allows(AFFIRMING, "{}", ASKED));
    assert!(!allows(AFFIRMING, &GOOD.replacen("\"affirming\"", "\"warning\"", 1), ASKED));
    assert!(allows(NOT_SAMPLE, GOOD, ASKED) && !allows(NOT_SAMPLE, GOOD, &other) && !allows(NOT_SAMPLE, &sample, ASKED));
}

#[test]
fn what_a_policy_says_is_handed_over_as_it_says_it() {
    let said = |value: &str| allow(&format!("package policy\nallow := {value}\n"));
    assert_eq!(said("\"true\""), Some("true".into()));
    assert_eq!(said("1"), Some(Value::from(1)));
    assert_eq!(said("null"), Some(Value::Null));
    assert_eq!(allow("package policy\nallow if 1 == 2\n"), None);
}

/// Microseconds per evaluation: `cargo test --release -- --ignored --nocapture benchmark`.
#[test]
#[ignore]
fn benchmark() {
    let tpm = r#"{"tpm": {"ak_public": "AAAA", "pcr00": "0", "pcr07": "07", "pcr11": "11"}, "report_data": "x", "init_data": "y", "init_data_claims": null}"#;
    let references = r#"{"trusted_aks": ["AAAA"], "tpm_pcr11": ["11"], "tpm_pcr07": ["07"]}"#;
    let cpu = Ask { rules: &["trust_claims", "extensions"], input: tpm, references, ..ASK };
    let resource = Ask { input: GOOD, data: ASKED, ..ASK };
    for (name, text, ask) in [("cpu", CPU, &cpu), ("resource", RESOURCE, &resource), ("not-sample", NOT_SAMPLE, &resource),
        ("allow-all", ALLOW_ALL, &resource)] {
        let policy = compiled(text);
        let prepared = Prepared {
            input: Built::of_json(ask.input),
            data: (!ask.data.is_empty()).then(|| Built::of_json(ask.data)),
            rules: ask.rules.iter().map(|r| crate::abi::Slice::of(r)).collect(),
        };
        let mut best = f64::MAX;
        for _ in 0..20 {
            let begin = std::time::Instant::now();
            for _ in 0..200 {
                policy.run(ask, &prepared, &mut FakeRequest::new(ask)).unwrap();
            }
            best = best.min(begin.elapsed().as_secs_f64() * 1e6 / 200.0);
        }
        println!("{name}: {best:.1} us");
    }
}
