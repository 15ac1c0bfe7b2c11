/* SPDX-License-Identifier: Apache-2.0
 *
 * The layout of the plugin ABI, version 1, byte by byte. Compiled as C11 and as C++17 with -Wpadded. Plugins are built
 * on their own: a number in here that has to change breaks all of them. Members are only ever added at a struct's end.
 */
#include <trustee/policy.h>
#include <trustee/storage.h>
#include <trustee/verifier.h>

#ifdef __cplusplus
#define CHECK(condition, text) static_assert(condition, text)
#else
#define CHECK(condition, text) _Static_assert(condition, text)
#endif
#define SIZE(type, bytes) CHECK(sizeof(type) == (bytes) && (bytes) % 8 == 0, #type " has another size")
#define FIELD(type, member, at) CHECK(offsetof(type, member) == (at), #type "." #member " has moved")

SIZE(trustee_slice, 16);
FIELD(trustee_slice, ptr, 0);
FIELD(trustee_slice, len, 8);

SIZE(trustee_node, 48);
FIELD(trustee_node, type, 0);
FIELD(trustee_node, next, 4);
FIELD(trustee_node, key, 8);
FIELD(trustee_node, text, 24);
FIELD(trustee_node, integer, 40);

SIZE(trustee_tree, 16);
FIELD(trustee_tree, nodes, 0);
FIELD(trustee_tree, count, 8);

SIZE(trustee_host, 328);
FIELD(trustee_host, size, 0);
FIELD(trustee_host, abi_minor, 4);
FIELD(trustee_host, ctx, 8);
FIELD(trustee_host, log, 16);
FIELD(trustee_host, conf_text, 24);
FIELD(trustee_host, conf_u64, 32);
FIELD(trustee_host, conf_bool, 40);
FIELD(trustee_host, conf_nth, 48);
FIELD(trustee_host, conf_file, 56);
FIELD(trustee_host, arena_alloc, 64);
FIELD(trustee_host, arena_secret, 72);
FIELD(trustee_host, check, 80);
FIELD(trustee_host, reject, 88);
FIELD(trustee_host, value_get, 96);
FIELD(trustee_host, value_type, 104);
FIELD(trustee_host, value_text, 112);
FIELD(trustee_host, value_i64, 120);
FIELD(trustee_host, value_u64, 128);
FIELD(trustee_host, value_bool, 136);
FIELD(trustee_host, value_base64, 144);
FIELD(trustee_host, value_hex, 152);
FIELD(trustee_host, value_bytes, 160);
FIELD(trustee_host, value_count, 168);
FIELD(trustee_host, value_next, 176);
FIELD(trustee_host, put_object, 184);
FIELD(trustee_host, put_array, 192);
FIELD(trustee_host, put_end, 200);
FIELD(trustee_host, put_text, 208);
FIELD(trustee_host, put_hex, 216);
FIELD(trustee_host, put_base64, 224);
FIELD(trustee_host, put_i64, 232);
FIELD(trustee_host, put_bool, 240);
FIELD(trustee_host, put_null, 248);
FIELD(trustee_host, put_number, 256);
FIELD(trustee_host, sink_reserve, 264);
FIELD(trustee_host, sink_commit, 272);
FIELD(trustee_host, sink_name, 280);
FIELD(trustee_host, cache_get, 288);
FIELD(trustee_host, cache_put, 296);
FIELD(trustee_host, cancelled, 304);
FIELD(trustee_host, random, 312);
FIELD(trustee_host, query, 320);

SIZE(trustee_option, 88);
FIELD(trustee_option, name, 0);
FIELD(trustee_option, help, 16);
FIELD(trustee_option, fallback, 32);
FIELD(trustee_option, type, 48);
FIELD(trustee_option, flags, 52);
FIELD(trustee_option, min, 56);
FIELD(trustee_option, max, 64);
FIELD(trustee_option, restricted, 72);

SIZE(trustee_reason, 48);
FIELD(trustee_reason, id, 0);
FIELD(trustee_reason, text, 16);
FIELD(trustee_reason, remedy, 32);

SIZE(trustee_interface, 32);
FIELD(trustee_interface, kind, 0);
FIELD(trustee_interface, major, 16);
FIELD(trustee_interface, reserved, 20);
FIELD(trustee_interface, vtable, 24);

SIZE(trustee_plugin, 216);
FIELD(trustee_plugin, size, 0);
FIELD(trustee_plugin, abi_minor, 4);
FIELD(trustee_plugin, magic, 8);
FIELD(trustee_plugin, flags_required, 16);
FIELD(trustee_plugin, flags_optional, 24);
FIELD(trustee_plugin, thread_model, 32);
FIELD(trustee_plugin, reserved, 36);
FIELD(trustee_plugin, name, 40);
FIELD(trustee_plugin, version, 56);
FIELD(trustee_plugin, vendor, 72);
FIELD(trustee_plugin, license, 88);
FIELD(trustee_plugin, description, 104);
FIELD(trustee_plugin, url, 120);
FIELD(trustee_plugin, options, 136);
FIELD(trustee_plugin, option_size, 144);
FIELD(trustee_plugin, option_count, 148);
FIELD(trustee_plugin, reasons, 152);
FIELD(trustee_plugin, reason_size, 160);
FIELD(trustee_plugin, reason_count, 164);
FIELD(trustee_plugin, interfaces, 168);
FIELD(trustee_plugin, interface_size, 176);
FIELD(trustee_plugin, interface_count, 180);
FIELD(trustee_plugin, init, 184);
FIELD(trustee_plugin, fini, 192);
FIELD(trustee_plugin, reload, 200);
FIELD(trustee_plugin, self_test, 208);

SIZE(trustee_tee, 48);
FIELD(trustee_tee, name, 0);
FIELD(trustee_tee, device_class, 16);
FIELD(trustee_tee, report_rule, 32);
FIELD(trustee_tee, report_width, 36);
FIELD(trustee_tee, init_rule, 40);
FIELD(trustee_tee, init_width, 44);

SIZE(trustee_need, 40);
FIELD(trustee_need, kind, 0);
FIELD(trustee_need, key, 16);
FIELD(trustee_need, flags, 32);

SIZE(trustee_collateral, 64);
FIELD(trustee_collateral, kind, 0);
FIELD(trustee_collateral, key, 16);
FIELD(trustee_collateral, bytes, 32);
FIELD(trustee_collateral, chain, 48);

SIZE(trustee_collateral_facts, 32);
FIELD(trustee_collateral_facts, size, 0);
FIELD(trustee_collateral_facts, reserved, 4);
FIELD(trustee_collateral_facts, issued, 8);
FIELD(trustee_collateral_facts, not_after, 16);
FIELD(trustee_collateral_facts, number, 24);

SIZE(trustee_verify_in, 104);
FIELD(trustee_verify_in, size, 0);
FIELD(trustee_verify_in, reserved, 4);
FIELD(trustee_verify_in, tee, 8);
FIELD(trustee_verify_in, evidence, 24);
FIELD(trustee_verify_in, report_data, 32);
FIELD(trustee_verify_in, init_data, 48);
FIELD(trustee_verify_in, collateral, 64);
FIELD(trustee_verify_in, collateral_count, 72);
FIELD(trustee_verify_in, now, 80);
FIELD(trustee_verify_in, challenge_extra, 88);

SIZE(trustee_verify_out, 104);
FIELD(trustee_verify_out, size, 0);
FIELD(trustee_verify_out, verdict, 4);
FIELD(trustee_verify_out, claims, 8);
FIELD(trustee_verify_out, report_data, 16);
FIELD(trustee_verify_out, init_data, 32);
FIELD(trustee_verify_out, report_data_claim, 48);
FIELD(trustee_verify_out, init_data_claim, 64);
FIELD(trustee_verify_out, not_after, 80);
FIELD(trustee_verify_out, needs, 88);
FIELD(trustee_verify_out, need_count, 96);

SIZE(trustee_verifier, 64);
FIELD(trustee_verifier, size, 0);
FIELD(trustee_verifier, tee_size, 4);
FIELD(trustee_verifier, flags, 8);
FIELD(trustee_verifier, tees, 16);
FIELD(trustee_verifier, tee_count, 24);
FIELD(trustee_verifier, max_evidence, 32);
FIELD(trustee_verifier, verify, 40);
FIELD(trustee_verifier, challenge, 48);
FIELD(trustee_verifier, judge_collateral, 56);

SIZE(trustee_policy_error, 32);
FIELD(trustee_policy_error, size, 0);
FIELD(trustee_policy_error, line, 4);
FIELD(trustee_policy_error, column, 8);
FIELD(trustee_policy_error, length, 12);
FIELD(trustee_policy_error, room, 16);
FIELD(trustee_policy_error, capacity, 24);

SIZE(trustee_policy_info, 32);
FIELD(trustee_policy_info, size, 0);
FIELD(trustee_policy_info, reserved, 4);
FIELD(trustee_policy_info, flags, 8);
FIELD(trustee_policy_info, reads, 16);

SIZE(trustee_policy_in, 72);
FIELD(trustee_policy_in, size, 0);
FIELD(trustee_policy_in, rule_count, 4);
FIELD(trustee_policy_in, rules, 8);
FIELD(trustee_policy_in, input, 16);
FIELD(trustee_policy_in, data, 32);
FIELD(trustee_policy_in, now, 48);
FIELD(trustee_policy_in, deadline_ms, 56);
FIELD(trustee_policy_in, reference, 64);

SIZE(trustee_policy, 72);
FIELD(trustee_policy, size, 0);
FIELD(trustee_policy, reserved, 4);
FIELD(trustee_policy, flags, 8);
FIELD(trustee_policy, language, 16);
FIELD(trustee_policy, suffix, 32);
FIELD(trustee_policy, compile, 48);
FIELD(trustee_policy, release, 56);
FIELD(trustee_policy, evaluate, 64);

SIZE(trustee_storage, 56);
FIELD(trustee_storage, size, 0);
FIELD(trustee_storage, reserved, 4);
FIELD(trustee_storage, flags, 8);
FIELD(trustee_storage, get, 16);
FIELD(trustee_storage, put, 24);
FIELD(trustee_storage, del, 32);
FIELD(trustee_storage, list, 40);
FIELD(trustee_storage, ready, 48);

CHECK(TRUSTEE_PLUGIN_MAGIC == UINT64_C(0x474c505453555254), "the magic has changed");
CHECK(TRUSTEE_ABI_MAJOR == 1, "another major version has another entry symbol");
