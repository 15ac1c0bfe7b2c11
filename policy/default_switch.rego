# SPDX-License-Identifier: Apache-2.0
#
# Appraisal of devices of class "switch". Nothing is affirmed that has no reference value; README.md lists them.

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

bios_is_allowed if {
	input.nvidia["x-nvidia-switch-bios-version"] in query_reference_value("allowed_switch_bios_versions")
}

chain_is_good(chain) if {
	chain["x-nvidia-cert-status"] == "valid"
	chain["x-nvidia-cert-ocsp-status"] == "good"
}

hardware := 2 if {
	chain_is_good(input.nvidia["x-nvidia-switch-attestation-report-cert-chain"])
	input.nvidia["x-nvidia-switch-attestation-report-cert-chain-fwid-match"] == true
	input.nvidia["x-nvidia-switch-attestation-report-parsed"] == true
	input.nvidia["x-nvidia-switch-attestation-report-signature-verified"] == true
	input.nvidia["x-nvidia-switch-arch-check"] == true
	bios_is_allowed
}

is_locked if {
	input.nvidia.secboot == true
	input.nvidia.dbgstat == "disabled"
}

configuration := 2 if {
	is_locked
	bios_is_allowed
} else := 3 if is_locked

executables := 3 if {
	input.nvidia.measres == "success"
	chain_is_good(input.nvidia["x-nvidia-switch-bios-rim-cert-chain"])
	every check in ["fetched", "measurements-available", "schema-validated", "signature-verified", "version-match"] {
		input.nvidia[concat("-", ["x-nvidia-switch-bios-rim", check])] == true
	}
	bios_is_allowed
}
