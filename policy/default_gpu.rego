# SPDX-License-Identifier: Apache-2.0
#
# Appraisal of devices of class "gpu". Nothing is affirmed that has no reference value; README.md lists them.

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

# --- sample device: proves nothing; for tests only ------------------------------------------------------------------

hardware := 2 if input.sampledevice.svn in query_reference_value("device_svn")

# --- NVIDIA, verified by NVIDIA's attestation service ----------------------------------------------------------------

remote_vbios_is_allowed if input.nvidia["x-nvidia-gpu-vbios-version"] in query_reference_value("allowed_vbios_versions")

remote_driver_is_allowed if {
	input.nvidia["x-nvidia-gpu-driver-version"] in query_reference_value("allowed_driver_versions")
}

chain_is_good(chain) if {
	chain["x-nvidia-cert-status"] == "valid"
	chain["x-nvidia-cert-ocsp-status"] == "good"
}

hardware := 2 if {
	chain_is_good(input.nvidia["x-nvidia-gpu-attestation-report-cert-chain"])
	input.nvidia["x-nvidia-gpu-attestation-report-cert-chain-fwid-match"] == true
	input.nvidia["x-nvidia-gpu-attestation-report-parsed"] == true
	input.nvidia["x-nvidia-gpu-attestation-report-signature-verified"] == true
	input.nvidia["x-nvidia-gpu-arch-check"] == true
	remote_vbios_is_allowed
}

is_locked if {
	input.nvidia.secboot == true
	input.nvidia.dbgstat == "disabled"
}

configuration := 2 if {
	is_locked
	remote_vbios_is_allowed
	remote_driver_is_allowed
} else := 3 if is_locked

executables := 3 if {
	input.nvidia.measres == "success"
	chain_is_good(input.nvidia["x-nvidia-gpu-vbios-rim-cert-chain"])
	every part in ["driver", "vbios"] {
		every check in ["fetched", "measurements-available", "schema-validated", "signature-verified", "version-match"] {
			input.nvidia[concat("-", ["x-nvidia-gpu", part, "rim", check])] == true
		}
	}
	remote_driver_is_allowed
}

# --- NVIDIA, verified by this service --------------------------------------------------------------------------------

hardware := 2 if input.nvidia.config.vbios_version in query_reference_value("allowed_vbios_versions")

executables := 3 if {
	input.nvidia.config.driver_version in query_reference_value("allowed_driver_versions")
	known := query_reference_value("gpu_measurements")
	is_object(known)
	count(known) > 0
	every index, measurement in known {
		input.nvidia.measurements[index] == measurement
	}
}

configuration := 2 if input.nvidia.config.fwid in query_reference_value("gpu_fwid")
