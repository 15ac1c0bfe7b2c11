# SPDX-License-Identifier: Apache-2.0
#
# Appraisal of devices of class "nvidia-dpu". Nothing is affirmed that has no reference value; README.md lists them.

package policy

import rego.v1

default executables := 33

default hardware := 97

default configuration := 36

executables := 3 if input["nvidia-dpu"].accumulated_fwid in query_reference_value("dpu_accumulated_fwid")

hardware := 2 if input["nvidia-dpu"].device_serial in query_reference_value("dpu_device_serial")

configuration := 2 if {
	input["nvidia-dpu"].device_class in query_reference_value("dpu_device_class")
	input["nvidia-dpu"].firmware_layers_count in query_reference_value("dpu_firmware_layers_count")
}

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
