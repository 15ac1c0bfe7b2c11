# SPDX-License-Identifier: Apache-2.0
#
# Appraisal of devices of class "ppcie". The verifier adds such a device when GPUs and switches form a valid protected
# topology; the GPUs and switches have appraisals of their own. What is left to say is whether the owner expects one.

package policy

import rego.v1

default configuration := 36

configuration := 2 if query_reference_value("ppcie_allowed") == true

trust_claims := {
	"instance-identity": 0,
	"configuration": configuration,
	"executables": 0,
	"file-system": 0,
	"hardware": 0,
	"runtime-opaque": 0,
	"storage-opaque": 0,
	"sourced-data": 0,
}
