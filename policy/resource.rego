# SPDX-License-Identifier: Apache-2.0
#
# The shipped resource policy. A resource is released when the primary device is affirmed in what it runs, what it runs
# on and how that is configured, when nothing insecure takes part, and when every other device is affirming.
# `input` is the token's claims; `data` is {"plugin", "resource-path", "query"}.

package policy

import rego.v1

default allow := false

# Unset, or set to "no claim" (-1, 0, 1), counts as affirming in a token's status. Here it does not. Of all values only
# numbers can be both 2 or more and 31 or less.
allow if {
	data.plugin == "resource"
	vector := input.submods.cpu0["ear.trustworthiness-vector"]
	vector.executables >= 2
	vector.executables <= 31
	vector.hardware >= 2
	vector.hardware <= 31
	vector.configuration >= 2
	vector.configuration <= 31
	has_evidence
	not something_is_insecure
	not another_is_not_affirming
}

has_evidence if {
	evidence := input.submods.cpu0["ear.veraison.annotated-evidence"]
	is_object(evidence)
	count(evidence) > 0
}

another_is_not_affirming if {
	some name, submodule in input.submods
	name != "cpu0"
	not submodule["ear.status"] == "affirming"
}

# Evidence that proves nothing: from a sample attester under any service, or marked so by this one.
something_is_insecure if {
	some submodule in input.submods
	evidence := submodule["ear.veraison.annotated-evidence"]
	some mark in ["sample", "sampledevice"]
	_ := evidence[mark]
}

something_is_insecure if {
	some submodule in input.submods
	submodule["ear.veraison.annotated-evidence"].trustee.insecure != false
}
