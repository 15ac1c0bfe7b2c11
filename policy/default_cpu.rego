# SPDX-License-Identifier: Apache-2.0
#
# Appraisal of the primary device (class "cpu"). README.md beside this file lists every reference value.
#
# Nothing is affirmed that has no reference value: where one is missing, the comparison is undefined and the claim keeps
# its worst value. The numbers are those of AR4SI:
#   executables    3 approved at boot   4 approved, checked less finely   33 not recognised
#   hardware       2 genuine and up to date                               97 not recognised
#   configuration  2 approved           3 no known weakness               36 unknown

package policy

import rego.v1

default executables := 33

default hardware := 97

default configuration := 36

trust_claims := {
	"instance-identity": 0,
	"configuration": configuration,
	"executables": executables,
	"file-system": 0,
	"hardware": hardware,
	"runtime-opaque": 0,
	"storage-opaque": 0,
	"sourced-data": 0,
}

# The one value that is expected, where there is one: a claim of null must not equal a reference value that is missing.
expected(name) := value if {
	value := query_reference_value(name)
	value != null
}

# --- sample: proves nothing; for tests only -------------------------------------------------------------------------

executables := 3 if {
	input.sample
	input.sample.launch_digest in query_reference_value("launch_digest")
}

hardware := 2 if {
	input.sample
	input.sample.svn in query_reference_value("svn")
	input.sample.platform_version.major == expected("major_version")
	input.sample.platform_version.minor >= expected("minimum_minor_version")
}

configuration := 2 if {
	input.sample
	input.sample.debug == false
}

# --- AMD SEV-SNP ----------------------------------------------------------------------------------------------------

executables := 3 if {
	input.snp
	input.snp.measurement in query_reference_value("snp_launch_measurement")
}

hardware := 2 if {
	input.snp
	input.snp.reported_tcb_bootloader in query_reference_value("snp_bootloader")
	input.snp.reported_tcb_microcode in query_reference_value("snp_microcode")
	input.snp.reported_tcb_snp in query_reference_value("snp_snp_svn")
	input.snp.reported_tcb_tee in query_reference_value("snp_tee_svn")
}

snp_is_closed if {
	input.snp.policy_debug_allowed == false
	input.snp.policy_migrate_ma == false
}

configuration := 2 if {
	input.snp
	snp_is_closed
	input.snp.platform_smt_enabled == expected("snp_smt_enabled")
	input.snp.platform_tsme_enabled == expected("snp_tsme_enabled")
	input.snp.policy_abi_major == expected("snp_guest_abi_major")
	input.snp.policy_abi_minor == expected("snp_guest_abi_minor")
	input.snp.policy_single_socket == expected("snp_single_socket")
	input.snp.policy_smt_allowed == expected("snp_smt_allowed")
} else := 3 if snp_is_closed

# --- Intel TDX ------------------------------------------------------------------------------------------------------

tdx_kernel_is_known if {
	input.tdx
	input.tdx.quote.body.rtmr_1 in query_reference_value("rtmr_1")
	input.tdx.quote.body.rtmr_2 in query_reference_value("rtmr_2")
}

tdx_event_digests(kernel_name) := {digest.digest |
	some event in input.tdx.uefi_event_logs
	tdx_event_is(event, kernel_name)
	some digest in event.digests
}

tdx_event_is(event, "kernel") if {
	event.type_name == "EV_EFI_BOOT_SERVICES_APPLICATION"
	"File(kernel)" in event.details.device_paths
}

tdx_event_is(event, "parameters") if {
	event.type_name == "EV_EVENT_TAG"
	event.details.string == "LOADED_IMAGE::LoadOptions"
}

# With the kernel and its parameters found in the event log; boot loaders that do not log them get 4.
executables := 3 if {
	tdx_kernel_is_known
	expected("tdvfkernel") in tdx_event_digests("kernel")
	expected("tdvfkernelparams") in tdx_event_digests("parameters")
} else := 4 if tdx_kernel_is_known

# A TDX quote by Intel's quoting enclave, on a platform that needs no update.
intel_tdx_is_genuine(claims) if {
	claims.quote.header.tee_type == "81000000"
	claims.quote.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	claims.tcb_status == "UpToDate"
	claims.collateral_expiration_status == "0"
}

hardware := 2 if {
	input.tdx
	intel_tdx_is_genuine(input.tdx)
	input.tdx.quote.body.mr_td in query_reference_value("mr_td")
}

# Neither debugged by its host nor counted by its performance counters.
intel_td_is_closed(claims) if {
	claims.td_attributes.debug == false
	not claims.td_attributes.perfmon
}

configuration := 2 if {
	input.tdx
	intel_td_is_closed(input.tdx)
	input.tdx.quote.body.xfam in query_reference_value("xfam")
}

# --- Intel SGX ------------------------------------------------------------------------------------------------------

executables := 3 if {
	input.sgx
	input.sgx.body.mr_enclave in query_reference_value("sgx_mr_enclave")
	input.sgx.body.mr_signer in query_reference_value("sgx_mr_signer")
}

hardware := 2 if {
	input.sgx
	input.sgx.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input.sgx.tcb_status == "UpToDate"
	input.sgx.collateral_expiration_status == "0"
	input.sgx.body.isv_svn in query_reference_value("sgx_isv_svn")
}

# The flags tell a debug enclave from a production one: list those of production.
configuration := 2 if {
	input.sgx
	input.sgx.body["attributes.flags"] in query_reference_value("sgx_attributes_flags")
	input.sgx.body["attributes.xfrm"] in query_reference_value("sgx_attributes_xfrm")
}

# --- Azure: SEV-SNP behind a virtual TPM ----------------------------------------------------------------------------

executables := 3 if {
	input["az-snp-vtpm"]
	input["az-snp-vtpm"].measurement in query_reference_value("measurement")
	input["az-snp-vtpm"].tpm.pcr11 in query_reference_value("snp_pcr11")
}

hardware := 2 if {
	input["az-snp-vtpm"]
	input["az-snp-vtpm"].reported_tcb_bootloader in query_reference_value("tcb_bootloader")
	input["az-snp-vtpm"].reported_tcb_microcode in query_reference_value("tcb_microcode")
	input["az-snp-vtpm"].reported_tcb_snp in query_reference_value("tcb_snp")
	input["az-snp-vtpm"].reported_tcb_tee in query_reference_value("tcb_tee")
}

configuration := 2 if {
	input["az-snp-vtpm"]
	input["az-snp-vtpm"].platform_smt_enabled in query_reference_value("smt_enabled")
	input["az-snp-vtpm"].platform_tsme_enabled in query_reference_value("tsme_enabled")
	input["az-snp-vtpm"].policy_abi_major in query_reference_value("abi_major")
	input["az-snp-vtpm"].policy_abi_minor in query_reference_value("abi_minor")
	input["az-snp-vtpm"].policy_single_socket in query_reference_value("single_socket")
	input["az-snp-vtpm"].policy_smt_allowed in query_reference_value("smt_allowed")
}

# --- Azure: TDX behind a virtual TPM --------------------------------------------------------------------------------

executables := 3 if {
	input["az-tdx-vtpm"]
	input["az-tdx-vtpm"].tpm.pcr11 in query_reference_value("tdx_pcr11")
}

hardware := 2 if {
	input["az-tdx-vtpm"]
	intel_tdx_is_genuine(input["az-tdx-vtpm"])
	input["az-tdx-vtpm"].quote.body.mr_td in query_reference_value("mr_td")
}

configuration := 2 if {
	input["az-tdx-vtpm"]
	intel_td_is_closed(input["az-tdx-vtpm"])
	input["az-tdx-vtpm"].quote.body.xfam in query_reference_value("xfam")
}

# --- TPM ------------------------------------------------------------------------------------------------------------

# A quote is worth what its key is worth: one that the owner lists, or one whose certificate the verifier has checked.
tpm_key_is_trusted if {
	input.tpm
	input.tpm.ak_public in query_reference_value("trusted_aks")
}

tpm_key_is_trusted if {
	input.tpm
	input.tpm.ak_certified == true
}

hardware := 2 if tpm_key_is_trusted

executables := 3 if {
	input.tpm
	tpm_key_is_trusted
	input.tpm.pcr11 in query_reference_value("tpm_pcr11")
}

# PCR 7 holds the state of secure boot and the keys that it trusts.
configuration := 2 if {
	input.tpm
	tpm_key_is_trusted
	input.tpm.pcr07 in query_reference_value("tpm_pcr07")
}

# --- Arm CCA --------------------------------------------------------------------------------------------------------

executables := 3 if {
	input.cca
	input.cca.realm["cca-realm-initial-measurement"] in query_reference_value("cca_realm_initial_measurement")
}

hardware := 2 if {
	input.cca
	input.cca.platform["cca-platform-implementation-id"] in query_reference_value("cca_platform_implementation_id")
}

configuration := 2 if {
	input.cca
	known := query_reference_value("cca_realm_extensible_measurements")
	measured := input.cca.realm["cca-realm-extensible-measurements"]
	is_array(measured)
	count(measured) > 0
	measured in known
}

# --- Hygon CSV ------------------------------------------------------------------------------------------------------

executables := 3 if {
	input.csv
	input.csv.measure in query_reference_value("csv_measure")
}

hardware := 2 if {
	input.csv
	input.csv.serial_number in query_reference_value("csv_serial_number")
}

# Bit 0 of the guest's policy: no debugging.
configuration := 2 if {
	input.csv
	input.csv.policy.nodbg in [1, true]
	input.csv.version in query_reference_value("csv_version")
}

# --- IBM Secure Execution -------------------------------------------------------------------------------------------

# The header's hash names the image and its configuration; the tag is of this very image file.
executables := 3 if {
	input.se
	input.se.tag in query_reference_value("se_tag")
}

hardware := 2 if {
	input.se
	input.se.attestation_phkh in query_reference_value("se_attestation_phkh")
}

configuration := 2 if {
	input.se
	input.se.image_phkh in query_reference_value("se_image_phkh")
}

# --- What the token says about the workload --------------------------------------------------------------------------

# From the agent's policy inside the init-data, which the evidence binds.
images := [image |
	some container in input.init_data_claims.agent_policy_claims.containers
	image := container.OCI.Annotations["io.kubernetes.cri.image-name"]
]

users := [user |
	some container in input.init_data_claims.agent_policy_claims.containers
	user := container.OCI.Process.User.UID
]

listed_images := {"container_images": images} if count(images) > 0

else := {}

listed_users := {"container_uids": users} if count(users) > 0

else := {}

validated := object.union(listed_images, listed_users)

extensions := [{"name": "ear.trustee.identifiers", "key": -18, "value": {"validated": validated}}]
