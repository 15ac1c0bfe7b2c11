# SPDX-License-Identifier: Apache-2.0
#
# Appraisal of devices of class "dcu" (Hygon). Nothing is affirmed that has no reference value; README.md lists them.

package policy

import rego.v1

default executables := 33

default hardware := 97

default configuration := 36

executables := 3 if input.hygondcu.body.measure in query_reference_value("dcu_measure")

hardware := 2 if input.hygondcu.body.chip_id in query_reference_value("dcu_chip_id")

configuration := 2 if input.hygondcu.body.version in query_reference_value("dcu_version")

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
