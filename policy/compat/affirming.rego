# SPDX-License-Identifier: Apache-2.0
#
# Laxer than resource.rego: goes by the token's status alone, to which claims that were never set count as affirming,
# and says yes for every plugin. There must be at least one device.

package policy

import rego.v1

default allow := false

allow if {
	count(input.submods) > 0
	every submodule in input.submods {
		submodule["ear.status"] == "affirming"
	}
}
